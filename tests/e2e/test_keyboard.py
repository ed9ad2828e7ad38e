"""Keys that are pressed in a control of a cell: the control's own stay there, all others don't."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from .conftest import Jupyter
from .notebook import Notebook, write_notebook

MAKE = """
import json
from datetime import date, datetime, time
from driftdb_jupyter import SharedState, Stream, room
letters = {"A": "a", "B": "b", "X": "x"}
s = {
    "slider": SharedState("slider", 50),
    "field": SharedState("field", 3, control="number"),
    "text": SharedState("text", "one two"),
    "area": SharedState("area", "one two", control="area"),
    "dropdown": SharedState("dropdown", "a", options=letters),
    "radio": SharedState("radio", "a", options=letters, control="radio"),
    "many": SharedState("many", ["a"], options=letters),
    "toggle": SharedState("toggle", False),
    "range": SharedState("range", (20, 60), min=0, max=100),
    "colour": SharedState("colour", "#1976d2", control="colour"),
    "date": SharedState("date", date(2024, 2, 29)),
    "time": SharedState("time", time(12, 30)),
    "datetime": SharedState("datetime", datetime(2024, 2, 29, 12, 30)),
    "button": SharedState("button", 0, control="button"),
    "file": SharedState("file", None, control="file"),
    "view": SharedState("view", {"a": 1}),
    "table": SharedState("table", [{"a": 1}]),
}
log = Stream("log")
"""
SAY = "print(json.dumps({name: state.value for name, state in s.items()}, default=str))"

# What takes a key in a control, keys of its own, and the value that they make.
KINDS: list[tuple[str, str, list[str], Any]] = [
    ("slider", "[type=range]", ["ArrowRight", "ArrowUp", "Home", "PageUp", "ArrowLeft"], 9),
    ("field", "input", ["End", "7", "Enter"], 37),
    ("text", "input", ["End", "Control+Backspace", "x", "d", "ArrowLeft", "b"], "one xbd"),
    ("area", "textarea", ["Control+a", "x", "Enter", "y"], "x\ny"),
    ("dropdown", "select", ["ArrowDown", "x"], "x"),
    ("radio", "input >> nth=0", ["ArrowDown", "ArrowDown"], "x"),
    ("many", "input >> nth=1", ["Space"], ["a", "b"]),
    ("toggle", ".driftdb-toggle", ["Enter", "Space", "Enter"], True),
    ("range", "[type=range] >> nth=0", ["ArrowRight", "ArrowUp"], [22, 60]),
    ("colour", "input", [], "#1976d2"),
    ("date", "input", ["ArrowUp"], "2024-03-29"),
    ("time", "input", ["ArrowUp"], "13:30:00"),
    ("datetime", "input", ["ArrowUp"], "2024-03-29 12:30:00"),
    ("button", ".driftdb-button", ["Enter", "Space"], 2),
    ("file", "input", [], None),
    ("view", "pre", ["ArrowDown", "Space"], {"a": 1}),
    ("table", ".driftdb-table", ["ArrowDown", "Space"], [{"a": 1}]),
]
# In command mode these cut, delete, add, paste, merge, undo, change and select cells.
COMMANDS = ["x", "d", "d", "a", "b", "v", "Shift+M", "z", "m", "y", "j", "k", "Shift+J"]

STATE = """() => {
    const { content } = jupyterapp.shell.currentWidget;
    const kinds = content.widgets.map((cell) => cell.model.type);
    return [content.activeCellIndex, content.selectedCells.length, ...kinds];
}"""


# Whether a notebook is saved doesn't tell: what a cell still draws changes it again.
COUNT_SAVES = """() => {
    window.saves = 0;
    const { saveState } = jupyterapp.shell.currentWidget.context;
    saveState.connect((_, state) => { if (state === "completed") saves += 1; });
}"""


@pytest.mark.parametrize("app", ["lab", "notebook"])
def test_keys_change_values_and_no_cells(jupyter: Jupyter, app: str) -> None:
    cells = [f"s[{name!r}]" for name, *_ in KINDS]
    write_notebook(jupyter.folder / "n.ipynb", MAKE, *cells, "log", SAY)
    notebook = jupyter.open("n.ipynb", app=app)
    page = notebook.page
    notebook.run_all()
    for number, (_, selector, keys, _) in enumerate(KINDS, start=1):
        focused(notebook, number, selector)
        before = page.evaluate(STATE)
        for key in keys:
            page.keyboard.press(key)
        assert page.evaluate(STATE) == before
    notebook.run(len(KINDS) + 2)
    said = json.loads(notebook.output(len(KINDS) + 2).inner_text())
    assert said == {name: value for name, _, _, value in KINDS}


@pytest.mark.parametrize("app", ["lab", "notebook"])
def test_no_letter_that_is_typed_in_a_control_is_a_command(jupyter: Jupyter, app: str) -> None:
    cells = [f"s[{name!r}]" for name, *_ in KINDS]
    write_notebook(jupyter.folder / "n.ipynb", MAKE, *cells, "log", SAY)
    notebook = jupyter.open("n.ipynb", app=app)
    notebook.run_all()
    log: list[tuple[str, str, list[str], Any]] = [
        ("log", ".driftdb-lines", [], None),
        ("log", ".driftdb-search", [], None),
    ]
    for number, (name, selector, _, _) in enumerate([*KINDS, *log], start=1):
        focused(notebook, min(number, len(KINDS) + 1), selector)
        before = notebook.page.evaluate(STATE)
        for key in COMMANDS:
            notebook.page.keyboard.press(key)
        assert (name, notebook.page.evaluate(STATE)) == (name, before)


@pytest.mark.parametrize("app", ["lab", "notebook"])
def test_the_notebooks_own_keys_work_in_each_control(jupyter: Jupyter, app: str) -> None:
    cells = [f"s[{name!r}]" for name, *_ in KINDS]
    write_notebook(jupyter.folder / "n.ipynb", MAKE, *cells, "log", SAY)
    notebook = jupyter.open("n.ipynb", app=app)
    page = notebook.page
    notebook.run_all()
    page.evaluate(COUNT_SAVES)
    for number, (_, selector, _, _) in enumerate(KINDS, start=1):
        saves = page.evaluate("saves")
        focused(notebook, number, selector)
        page.keyboard.press("Control+s")
        page.wait_for_function(f"saves > {saves}")
        focused(notebook, number, selector)
        page.keyboard.press("Escape")
        expect(page.locator(".jp-Cell").nth(number)).to_be_focused()
        ran = count(page, number)
        focused(notebook, number, selector)
        page.keyboard.press("Shift+Enter")
        page.wait_for_function(f"{COUNT}({number}) > {ran}")
        assert page.evaluate(STATE)[0] == number + 1


def focused(notebook: Notebook, cell: int, selector: str) -> Locator:
    """What has the focus in the control of a cell, from now on."""
    part = notebook.page.locator(".jp-Cell").nth(cell).locator(".jp-OutputArea").locator(selector)
    part.focus()
    try:
        expect(part).to_be_focused(timeout=1_000)
    except AssertionError:  # the notebook took it once more, when all that ran was drawn
        part.focus()
        expect(part).to_be_focused()
    return part


COUNT = "(n => jupyterapp.shell.currentWidget.content.widgets[n].model.executionCount ?? 0)"


def count(page: Page, cell: int) -> int:
    """The number that a cell's last run has; 0 while it runs."""
    page.wait_for_function(f"{COUNT}({cell}) > 0")
    number: int = page.evaluate(f"{COUNT}({cell})")
    return number
