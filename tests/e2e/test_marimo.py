"""The same objects in marimo, as apps of two people."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from playwright.sync_api import Page, WebSocketRoute, expect

from ..browser import NewWindow
from ..conformance.servers import standalone
from ..server.processes import environment
from .notebook import PATIENCE_MILLISECONDS, Control

APP = """
import marimo

app = marimo.App()


@app.cell
def _():
    import marimo as mo
    from driftdb_jupyter import SharedState, Stream

    room = "ROOM"
    slider = SharedState("slider", 3, room=room)
    log = Stream("log", room=room)
    return log, mo, slider


@app.cell
def _(mo, slider):
    mo.ui.anywidget(slider)
    return


@app.cell
def _(log):
    log
    return
"""


@contextmanager
def app(folder: Path, room: str) -> Iterator[str]:
    """Run the app; yields its address."""
    (folder / "app.py").write_text(APP.replace("ROOM", room))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "marimo", "-q", "run", "app.py", "--headless", "--no-token"]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    env = environment(XDG_CONFIG_HOME=str(folder), XDG_STATE_HOME=str(folder))
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(command, cwd=folder, env=env, stdout=log, stderr=log) as process,
    ):
        try:
            url = f"http://127.0.0.1:{port}/"
            while not answers(url):
                assert process.poll() is None, (folder / "log").read_text()
            yield url
        finally:
            process.kill()


def answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=30):
            return True
    except (URLError, ConnectionError):
        os.sched_yield()
        return False


def control(page: Page, url: str) -> Control:
    page.goto(url)
    box = Control(page.locator(".driftdb-state"))
    box.is_in_phase("connected")
    return box


def test_two_in_marimo_share_a_slider_and_a_log(tmp_path: Path, new_window: NewWindow) -> None:
    with standalone() as server:
        from driftdb_jupyter import room as join

        room = join(url=server.root)
        room.stream("log").append("<b>hello</b>").result()
        with app(tmp_path, room.url) as url:
            one, other = new_window(), new_window()
            first, second = control(one, url), control(other, url)
            first.shows(3)
            first.set(30)
            second.shows(30)
            for page in (one, other):
                log = page.locator(".driftdb-stream")
                expect(log).to_contain_text("<b>hello</b>", timeout=PATIENCE_MILLISECONDS)
            for page in (one, other):
                page.close()  # before its server ends, of which it would complain
        room.close()


def test_a_page_that_reaches_only_marimo_goes_through_its_kernel(
    tmp_path: Path, new_window: NewWindow
) -> None:
    def refuse(route: WebSocketRoute) -> None:
        route.close(code=1006)

    with standalone() as server:
        from driftdb_jupyter import room as join

        room = join(url=server.root)
        state = room.state("slider", 3)
        with app(tmp_path, room.url) as url:
            page = new_window()
            page.route_web_socket(re.compile("/room/"), refuse)
            page.route(re.compile("/room/"), lambda route: route.abort())
            slider = control(page, url)
            expect(slider.badge).to_contain_text("through the kernel")
            state.value = 20
            slider.shows(20)
            slider.set(40)
            state.wait_for(lambda value: value == 40, timeout_seconds=30)
            page.close()
        room.close()
