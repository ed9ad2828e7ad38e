"""Cells that are run again in JupyterLab, and what ipywidgets' users do with a state there."""

from __future__ import annotations

from playwright.sync_api import expect

from .conftest import Jupyter
from .notebook import PATIENCE_MILLISECONDS, write_notebook

INTERACTIVE = """
import ipywidgets
from driftdb_jupyter import SharedState, room

here, calls = room("rerun"), []

def plot(n=5):
    calls.append(n)
    print("n is", n)

view = ipywidgets.interactive(plot, n=(0, 10))
bindings = here.bind({w.description: w for w in view.kwargs_widgets})
view
"""
SAY = "print(calls)"
PUSH = "here.connection.flush(10)\nhere.state('n').set(int(open('n.txt').read())).result()"


def test_an_interactive_view_lives_on_when_its_cell_is_run_again(jupyter: Jupyter) -> None:
    write_notebook(jupyter.folder / "rerun.ipynb", INTERACTIVE, PUSH, SAY)
    notebook = jupyter.open("rerun.ipynb")
    for n in (2, 3, 4):
        (jupyter.folder / "n.txt").write_text(str(n))
        notebook.run(0)
        notebook.run(1)
        cell = notebook.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-CodeCell").nth(0)
        expect(cell.locator(".widget-readout")).to_have_text(str(n), timeout=PATIENCE_MILLISECONDS)
        expect(cell.locator(".jp-OutputArea-output pre").last).to_have_text(
            f"n is {n}\n", timeout=PATIENCE_MILLISECONDS
        )
        notebook.run(2)
        calls = notebook.output(2).inner_text()
        # Once for the view that is made, once for the room's value, once for the new one.
        assert calls.strip().startswith("["), calls
        assert calls.count(f"{n}") == 1, "the views of earlier runs are called no more"


MAKE = """
import ipywidgets
from driftdb_jupyter import SharedState, room

speed = SharedState("speed", 3, room="looks", max=10, layout={"width": "20em"})
go = SharedState("go", 0, room="looks", control="button", label="Go")
pressed, seen = [], []
go.on_click(lambda button: pressed.append(button.value))
doubled = ipywidgets.IntText()
ipywidgets.link((speed, "value"), (doubled, "value"))
ipywidgets.VBox([ipywidgets.interactive(lambda x: print("x is", x), x=speed), go, doubled])
"""
CHANGE = """
speed.max, speed.label, speed.description = 50, "Tempo", "How fast"
speed.layout.width = "40em"
speed.add_class("mine")
go.disabled = True
"""
TELL = "print(speed.value, doubled.value, pressed)"


def test_a_state_goes_where_widgets_go_and_looks_as_it_is_told(jupyter: Jupyter) -> None:
    write_notebook(jupyter.folder / "looks.ipynb", MAKE, CHANGE, TELL)
    notebook = jupyter.open("looks.ipynb")
    notebook.run(0)
    speed, go = notebook.control(0), notebook.control(1)
    speed.is_connected()
    speed.set(7)
    printed = notebook.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) pre")
    expect(printed.filter(has_text="x is 7")).to_have_count(1, timeout=PATIENCE_MILLISECONDS)
    button = go.box.get_by_role("button", name="Go")
    button.click()
    button.click()
    notebook.page.wait_for_timeout(300)
    notebook.run(2)
    expect(notebook.output(2)).to_have_text("7 7 [1, 2]\n")
    for _ in range(2):  # the cell again, and the change on top
        notebook.run(1)
        expect(speed.slider).to_have_attribute("max", "50")
        expect(speed.box.locator(".driftdb-label")).to_have_text("Tempo")
        expect(speed.box.locator(".driftdb-description")).to_have_text("How fast")
        expect(notebook.page.locator(".mine .driftdb-slider")).to_have_count(1)
        expect(button).to_be_disabled()
        speed.shows(7)
        notebook.run(0)
        expect(speed.slider).to_have_attribute("max", "10")
        expect(notebook.page.locator(".mine")).to_have_count(0)
        expect(button).to_be_enabled()
        speed.is_connected()


BOXES = """
import ipywidgets
from driftdb_jupyter import room

here = room("boxes")
form = here.dict("form", {"name": "Ann"})
total = here.reducer("total", lambda total, n: total + n, 0)
log, people = here.stream("log"), here.presence(value={"name": "Eve"})
box = ipywidgets.VBox([ipywidgets.HBox([form, total]), log, people])
form.layout = {"width": "20em"}
box
"""
FILL = "form['age'] = 42\ntotal.dispatch(5)\nlog.append('a line').result()\nform"


def test_everything_goes_into_boxes_and_follows_the_room(jupyter: Jupyter) -> None:
    write_notebook(jupyter.folder / "boxes.ipynb", BOXES, FILL)
    notebook = jupyter.open("boxes.ipynb")
    for total in (5, 10):
        notebook.run(0)
        notebook.run(1)
        cells = notebook.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-CodeCell")
        box = cells.nth(0).locator(".jp-OutputArea-output")
        age = box.locator("tr").filter(has_text="age").locator("input")
        expect(age).to_have_value("42")
        expect(box.locator("pre").filter(has_text=str(total))).to_have_count(1)
        expect(box.locator(".driftdb-line").first).to_contain_text("a line")
        expect(cells.nth(1).locator("tr").filter(has_text="age").locator("input")).to_have_value(
            "42"
        )
