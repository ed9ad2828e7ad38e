"""A page that reaches Jupyter, but not the room: its controls go through the kernel."""

from __future__ import annotations

import re

from playwright.sync_api import Page, WebSocketRoute, expect

from ..browser import NewWindow, become_equal
from .conftest import Jupyter
from .notebook import Notebook
from .test_notebooks import SLIDER, run_and_save

CHART_AND_SLIDER = """
from IPython.display import display
from driftdb_jupyter import SharedState, Stream
log = Stream("log")
log.extend([1, 2])
display(log)
s = SharedState("slider", 0)
s
"""
BUSY = """
import time
s.value = 11
while s.value != 77:
    time.sleep(0.01)
"""


def block(page: Page) -> list[str]:
    """Let nothing of this page reach a room; returns what it tried."""
    tried: list[str] = []

    def refuse(route: WebSocketRoute) -> None:
        tried.append(route.url)
        route.close(code=1006)

    page.route_web_socket(re.compile(r"/driftdb/room/"), refuse)
    page.route(re.compile(r"/driftdb/(room|pages)/"), lambda route: route.abort())
    return tried


def goes_through_the_kernel(notebook: Notebook) -> None:
    notebook.control().is_connected()
    expect(notebook.control().badge).to_contain_text("through the kernel")


def test_a_blocked_page_reads_and_writes_through_the_kernel(
    jupyter: Jupyter, new_window: NewWindow
) -> None:
    free = run_and_save(jupyter, "n.ipynb", CHART_AND_SLIDER, BUSY)
    page = new_window()
    tried = block(page)
    blocked = Notebook(page, jupyter.url("n.ipynb"))
    goes_through_the_kernel(blocked)
    assert tried
    expect(page.locator(".uplot canvas")).to_be_visible()  # its code came that way, too
    blocked.control().set(30)
    free.control().shows(30)
    free.control().set(60)
    blocked.control().shows(60)
    # While a cell computes, reading stays live.
    free.start(1)
    blocked.control().shows(11)
    free.control().set(40)
    blocked.control().shows(40)
    # What it writes meanwhile arrives, at once or when the kernel is free: all end equal.
    blocked.control().set(25)
    free.control().set(77)
    blocked.page.evaluate("jupyterapp.shell.currentWidget.sessionContext.session.kernel.info")
    expect(blocked.control().badge).not_to_contain_text("kept")
    shown = [notebook.control().field.input_value for notebook in (free, blocked)]
    become_equal(page, *shown)


def test_a_blocked_page_comes_back_after_a_restart_of_the_kernel(
    jupyter: Jupyter, new_window: NewWindow
) -> None:
    free = run_and_save(jupyter, "n.ipynb", SLIDER)
    page = new_window()
    block(page)
    blocked = Notebook(page, jupyter.url("n.ipynb"))
    goes_through_the_kernel(blocked)
    blocked.restart_kernel()
    blocked.run(0)
    goes_through_the_kernel(blocked)
    free.control().set(42)
    blocked.control().shows(42)
