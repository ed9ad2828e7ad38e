"""A notebook, its kernel and a page that uses DriftDB's own React client, in one room."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import expect

from ..browser import NewWindow
from ..npm.conftest import pages, server
from ..server.processes import Process
from .conftest import Jupyter
from .notebook import write_notebook

__all__ = ["pages", "server"]


def test_a_slider_is_live_in_a_notebook_its_kernel_and_a_react_page(
    jupyter: Jupyter, new_window: NewWindow, pages: str, server: Process
) -> None:
    page = new_window()
    page.goto(f"{pages}/slider.html?api={server.server.root}")
    expect(page.locator("#status")).to_have_text("connected")
    room = parse_qs(urlsplit(page.url).query)["_driftdb_room"][0]
    url = f"{server.server.root}room/{room}"
    write_notebook(
        jupyter.folder / "n.ipynb",
        f'from driftdb_jupyter import SharedState\ns = SharedState("slider", 0, url="{url}")\ns',
        "s.value",
        "s.value = 12",
    )
    notebook = jupyter.open("n.ipynb")
    notebook.run(0)
    notebook.control().is_connected()
    page.get_by_role("slider").fill("30")
    notebook.control().shows(30)
    notebook.run(1)
    expect(notebook.output(1)).to_have_text("30")
    notebook.control().set(60)
    expect(page.get_by_role("slider")).to_have_value("60")
    notebook.run(2)
    expect(page.get_by_role("slider")).to_have_value("12")
