"""Rooms behind jupyter-server-proxy, which takes the path off (its default) or keeps it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from ..browser import NewWindow
from ..server.processes import environment, started

CONFIG = """
c.ServerProxy.servers = {{
    "rooms": {{
        "command": [{python!r}, "-m", "driftdb_jupyter.cli", "serve", "--port={{port}}",
                    "--named-rooms", "--trusted-proxy=127.0.0.1", {base}],
        "absolute_url": {kept},
        "timeout": 60,
    }}
}}
c.ServerApp.jpserver_extensions = {{"jupyter_server_proxy": True, "driftdb_jupyter": True}}
c.ServerApp.allow_root = True
c.ServerApp.port = 0
c.IdentityProvider.token = "of-this-test"
"""


@pytest.fixture(scope="module", params=["kept", "stripped"])
def root(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("proxied")
    kept = request.param == "kept"
    base = '"--base-url={base_url}rooms/"' if kept else ""
    (folder / "config.py").write_text(CONFIG.format(python=sys.executable, kept=kept, base=base))
    command = [sys.executable, "-m", "jupyter_server", "--no-browser", "--config=config.py"]
    folders = {
        f"JUPYTER_{kind}_DIR": str(folder / kind.lower()) for kind in ("CONFIG", "DATA", "RUNTIME")
    }
    with started(command, cwd=folder, env=environment(**folders), session=True) as process:
        yield process.server.root.removesuffix("driftdb/") + "rooms/"
        os.killpg(process.process.pid, signal.SIGKILL)  # the server that it has started, too


def test_the_rooms_page_and_inspector_are_whole(root: str, new_window: NewWindow) -> None:
    page = new_window()
    page.goto(f"{root}room/lecture/page?token=of-this-test")
    expect(page.locator(".top .driftdb-badge")).to_have_attribute(
        "data-phase", "connected", timeout=60_000
    )
    told = page.evaluate("fetch('../lecture').then(answer => answer.json())")
    page.goto(f"{root}room/lecture/inspect")
    expect(page.locator(".driftdb-badge").first).to_have_attribute("data-phase", "connected")
    assert told["http_url"] == f"{root}room/lecture/send"
    assert told["socket_url"] == f"ws{root.removeprefix('http')}room/lecture/connect"
