"""What people build, in Firefox: plain pages, hooks, direct connections, a notebook."""

from __future__ import annotations

from pathlib import Path

import pytest

from driftdb_jupyter import room as join

from ..e2e.jupyter import TOKEN, JupyterServer
from ..e2e.notebook import KERNEL_IS_READY, write_notebook
from ..e2e.standalone import PageRoom, Standalone
from .conftest import NewWindow

PLAIN = """async ([root, url, codec]) => {
    const { room } = await import(root + "driftdb.js");
    const { CBOR } = await import(root + "driftdb-cbor.js");
    window.here = room(url, codec ? { codec: CBOR } : {});
    window.slider = here.state("slider", 0);
    window.log = here.stream("log");
    await Promise.all([slider.ready, log.ready]);
}"""

RUN_CELL = """async (cell) => {
    jupyterapp.shell.currentWidget.content.activeCellIndex = cell;
    await jupyterapp.commands.execute("notebook:run-cell");
}"""


@pytest.mark.parametrize("cbor", [False, True], ids=["json", "cbor"])
def test_a_page_with_one_import_shares_with_python(
    new_window: NewWindow, standalone: Standalone, room: PageRoom, cbor: bool
) -> None:
    window = new_window()
    window.goto(standalone.root)
    window.run(PLAIN, [standalone.root, room.url, cbor])
    here = join(room.url)
    slider, log = here.state("slider"), here.stream("log")
    window.run("() => slider.update((n) => n + 5)")
    slider.wait_for(lambda value: value == 5, timeout_seconds=30)
    slider.set(6).result()
    window.until("slider.value === 6")
    window.run("() => log.extend(['one', { two: [2.5, null] }])")
    log.append("three").result()
    window.until("log.length === 3")
    values = ["one", {"two": [2.5, None]}, "three"]
    assert log[:] == window.run("() => log.values") == values
    here.close()


def test_hooks_share_over_a_restart_of_the_server(
    new_window: NewWindow, pages: str, tmp_path: Path
) -> None:
    server = Standalone(tmp_path)
    connected = "document.querySelector('#status').textContent === 'connected'"
    with server.running():
        one, two = new_window(), new_window()
        one.goto(f"{pages}/slider-ours.html?api={server.root}")
        one.until(connected)
        two.goto(one.url)
        two.until(connected)
        one.click("input")
        one.press("ArrowRight")
        moved = one.run("() => document.querySelector('input').value")
        two.shows("input", moved)
        two.click("button")
        one.shows("button", "1")
        one.until("document.querySelector('#others').textContent === '1'")
    one.until(f"!({connected})")
    for window in (one, two):
        window.click("button")
    with server.running():
        for window in (one, two):
            window.until(connected)
            window.shows("button", "3")


def test_pages_connect_directly(new_window: NewWindow, pages: str, room: PageRoom) -> None:
    one, two = new_window(), new_window()
    for window in (one, two):
        window.goto(f"{pages}/peers.html?room={room.url}")
    for window in (one, two):
        window.until("peers.connections.length === 1 && peers.connections[0].open")
    assert one.run("() => peers.send({ hello: 'there' })") == 1
    two.until("heard[0]?.hello === 'there'")


def test_a_slider_in_jupyterlab_is_moved_from_the_kernel_and_from_another_window(
    new_window: NewWindow, tmp_path: Path
) -> None:
    jupyter = JupyterServer(tmp_path)
    write_notebook(
        jupyter.folder / "demo.ipynb",
        "from driftdb_jupyter import SharedState\nstate = SharedState('slider', 5)\nstate",
        "state.value = 42",
        "print(state.value)",
    )
    with jupyter.running():
        windows = [new_window(), new_window()]
        for window in windows:
            window.goto(f"{jupyter.root}lab/tree/demo.ipynb?reset&token={TOKEN}")
            window.until("jupyterapp.shell.currentWidget.content.widgets.length")
            window.run(KERNEL_IS_READY)
        one, other = windows
        one.run(RUN_CELL, 0)
        field = ".driftdb-state .driftdb-field"
        one.shows(field, "5")
        one.run(RUN_CELL, 1)
        one.shows(field, "42")
        other.run(RUN_CELL, 0)
        other.shows(field, "42")
        other.fill(field, "17")
        other.press("Enter")
        one.shows(field, "17")
        one.run(RUN_CELL, 2)
        one.until(
            "[...document.querySelectorAll('pre')].some((p) => p.textContent.trim() === '17')"
        )
