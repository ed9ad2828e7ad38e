"""Every control in JupyterLab: what is chosen there is in the kernel, and the other way round."""

from __future__ import annotations

from playwright.sync_api import Locator, expect

from .conftest import Jupyter
from .notebook import Notebook, write_notebook

MAKE = """
from datetime import date, datetime, time
import ipywidgets
from driftdb_jupyter import SharedState
s = {
    "dropdown": SharedState("dropdown", "b", options={"A": "a", "B": "b"}),
    "radio": SharedState("radio", 1, options=[1, 2, 3], control="radio"),
    "many": SharedState("many", ["x"], options=["x", "y", "z"], label="Multiselect"),
    "range": SharedState("range", (20, 60), min=0, max=100),
    "number": SharedState("number", 3, control="number", min=0, max=10),
    "colour": SharedState("colour", "#1976d2", control="colour"),
    "date": SharedState("date", date(2024, 2, 29)),
    "time": SharedState("time", time(12, 30)),
    "datetime": SharedState("datetime", datetime(2024, 2, 29, 12, 30)),
    "button": SharedState("Press me", 0, control="button"),
    "area": SharedState("area", "two lines", control="area", description="Say something."),
    "file": SharedState("file", None, control="file", limit_bytes=1000),
    "table": SharedState("table", [{"name": "Ann", "votes": 3}, {"name": "Bob", "votes": 12}]),
    "off": SharedState("off", 5, disabled=True, label="Disabled"),
}
ipywidgets.VBox(list(s.values()))
"""
SAY = "print([s[name].value for name in ('dropdown', 'radio', 'many', 'date', 'button')])"
FILE = "print(s['file'].value['data'], s['file'].value['name'])"
WRITE = """
s["dropdown"].value = "b"
s["many"].value = ["z"]
s["date"].value = date(2030, 1, 2)
s["off"].disabled = False
"""


def box(notebook: Notebook, label: str) -> Locator:
    states = notebook.page.locator(".driftdb-state")
    return states.filter(has=notebook.page.locator(f".driftdb-label:text-is('{label}')"))


def test_every_control_changes_its_value_and_follows_it(jupyter: Jupyter) -> None:
    write_notebook(jupyter.folder / "n.ipynb", MAKE, SAY, FILE, WRITE)
    notebook = jupyter.open("n.ipynb")
    notebook.run(0)
    box(notebook, "dropdown").locator("select").select_option(label="A")
    box(notebook, "radio").get_by_label("3").check()
    box(notebook, "Multiselect").get_by_label("z").check()
    box(notebook, "date").locator("input").fill("2025-12-24")
    button = box(notebook, "Press me").get_by_role("button", name="Press me")
    button.click()
    button.press("Enter")
    expect(box(notebook, "Press me").locator(".driftdb-count")).to_have_text("2")
    file = {"name": "a.txt", "mimeType": "text/plain", "buffer": b"hello"}
    box(notebook, "file").locator("input").set_input_files(file)  # type: ignore[arg-type]
    expect(box(notebook, "file")).to_contain_text("a.txt (5 bytes)")
    expect(box(notebook, "table").locator("td").first).to_have_text("Ann")
    notebook.run(1)
    expect(notebook.output(1)).to_have_text(
        "['a', 3, ['x', 'z'], datetime.date(2025, 12, 24), 2]\n"
    )
    notebook.run(2)
    expect(notebook.output(2)).to_have_text("b'hello' a.txt\n")
    slider = box(notebook, "Disabled").locator(".driftdb-slider")
    expect(slider).to_be_disabled()
    notebook.run(3)
    expect(slider).to_be_enabled()
    expect(box(notebook, "dropdown").locator("select")).to_have_value("1")
    expect(box(notebook, "Multiselect").get_by_label("x")).not_to_be_checked()
    expect(box(notebook, "date").locator("input")).to_have_value("2030-01-02")
