"""Pages with DriftDB's own packages, on an origin of their own."""

from __future__ import annotations

import functools
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from playwright.sync_api import Page

from ..browser import NewWindow
from ..deployment.two_servers import two_servers
from ..server.processes import COMMAND, Process, environment, started

__all__ = ["HERE", "JS", "bundled", "install", "new_window", "pages", "server"]

HERE = Path(__file__).parent
JS = HERE.parents[1] / "js"
PAGE = """<!doctype html><meta charset="utf-8"><title>{name}</title><div id="root"></div>
<script type="module" src="{name}.js"></script>"""


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def install() -> None:
    """Install DriftDB's packages beside this file, if they aren't there."""
    installed = HERE / "node_modules" / ".installed.json"
    lock = HERE / "package-lock.json"
    if installed.exists() and installed.read_bytes() == lock.read_bytes():
        return
    npm = shutil.which("npm")
    assert npm, "expected npm on the PATH (./dev test puts it there)"
    options = ["--no-audit", "--no-fund", "--loglevel=error"]
    subprocess.run([npm, "ci", *options], cwd=HERE, check=True)
    shutil.copy(lock, installed)


OURS = (
    f"--alias:driftdb={JS / 'src' / 'driftdb' / 'index.ts'}",
    *(
        f"--alias:{name}={JS / 'src' / 'react' / 'index.ts'}"
        for name in ("driftdb-react", "driftdb-jupyter/react")
    ),
    # One React for the page and for the hooks.
    *(f"--alias:{name}={HERE / 'node_modules' / name}" for name in ("react", "react-dom")),
)


def _esbuild(*arguments: str) -> None:
    esbuild = HERE / "node_modules" / ".bin" / "esbuild"
    options = ["--bundle", "--format=esm", "--jsx=automatic", "--log-level=warning"]
    subprocess.run([esbuild, *arguments, *options], cwd=HERE, check=True)


def bundled(entry: str, modules: Mapping[str, str]) -> str:
    """One script of a module and those that it imports, with our package."""
    install()
    with TemporaryDirectory(dir=HERE) as name:  # where their packages are found
        folder = Path(name)
        for module, code in {**modules, "entry.jsx": entry}.items():
            (folder / module).write_text(code)
        outfile = folder / "bundle.js"
        _esbuild(str(folder / "entry.jsx"), *OURS, f"--outfile={outfile}")
        return outfile.read_text()


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the pages: another origin than the rooms'."""
    install()
    folder = tmp_path_factory.mktemp("pages")
    entries = ["client.js", "slider.jsx"]
    _esbuild(*entries, f"--outdir={folder}")
    # The same pages with our packages: only what their imports stand for is another.
    _esbuild(*entries, *OURS, f"--outdir={folder}", "--entry-names=[name]-ours")
    ours = [
        f"--alias:driftdb-jupyter={JS / 'src' / 'room' / 'index.ts'}",
        f"--alias:driftdb-jupyter/webrtc={JS / 'src' / 'webrtc' / 'index.ts'}",
        f"--outdir={folder}",
    ]
    _esbuild("peers.js", *ours)
    for name in ("client", "client-ours", "slider", "slider-ours", "peers"):
        (folder / f"{name}.html").write_text(PAGE.format(name=name))
    handler = functools.partial(_Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session", params=["one", pytest.param("two", marks=pytest.mark.long)])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Process]:
    """A standalone server, and two behind nginx; each test has rooms of its own in it."""
    command = [*COMMAND, "serve", "--port=0"]
    folder = tmp_path_factory.mktemp("server")
    if request.param == "two":
        with two_servers(folder) as process:
            yield process
        return
    with started(command, cwd=folder, env=environment()) as process:
        yield process
        assert process.end() == 0, process.log


@pytest.fixture
def unknown() -> list[str]:
    """What the packages said of messages that they don't know; tests that expect some clear it."""
    return []


@pytest.fixture
def new_window(new_window: NewWindow, unknown: list[str]) -> Iterator[NewWindow]:
    """Opens windows in which the packages hear no message that they don't know."""

    def open_window(**options: Any) -> Page:
        page = new_window(**options)
        page.on(
            "console",
            lambda said: unknown.append(said.text) if "Unknown message" in said.text else None,
        )
        return page

    yield open_window
    assert unknown == []
