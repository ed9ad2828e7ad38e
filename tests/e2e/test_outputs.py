"""What a notebook was saved with, where its kernel is gone or no front end runs."""

from __future__ import annotations

import json

import nbformat
from nbconvert import HTMLExporter
from playwright.sync_api import expect

from ..browser import NewWindow
from .conftest import Jupyter
from .test_notebooks import SLIDER, run_and_save

LOG = """
from driftdb_jupyter import Stream
log = Stream("log")
log.append("<b>first</b> line").result()
log
"""


def test_a_saved_notebook_is_live_again_without_its_kernel(jupyter: Jupyter) -> None:
    one = run_and_save(jupyter, "n.ipynb", SLIDER, LOG)
    one.run(1)
    one.save()
    one.control().set(33)
    one.page.evaluate("() => jupyterapp.serviceManager.kernels.shutdownAll()")
    one.page.close()
    two, three = jupyter.open("n.ipynb"), jupyter.open("n.ipynb")
    for window in (two, three):
        window.control().is_connected()
        window.control().shows(33)
        expect(window.page.locator(".driftdb-stream")).to_contain_text("<b>first</b> line")
        error = window.page.get_by_text("Error displaying widget").filter(visible=True)
        expect(error).to_have_count(0)
    two.control().set(44)
    three.control().shows(44)
    # The cell that is run again has the kernel's widget in its place.
    two.run(0)
    expect(two.page.locator(".driftdb-state")).to_have_count(1)
    three.control().set(55)
    two.control().shows(55)


BOX = """
import ipywidgets
from driftdb_jupyter import room

here = room("kept")
speed, form = here.state("speed", 3), here.dict("form", {"name": "Ann", "list": [1]})
ipywidgets.VBox([ipywidgets.HBox([speed, form]), here.stream("said")])
"""
VALUES = """
total = here.reducer("total", lambda total, n: total + n, 40)
form.set(name="Bob").result()
total.dispatch(2).result()
total
"""


def test_boxes_dictionaries_and_reducers_are_live_again_without_their_kernel(
    jupyter: Jupyter,
) -> None:
    one = run_and_save(jupyter, "boxes.ipynb", BOX, VALUES, "form")
    one.run(1)
    expect(one.page.locator(".driftdb-folded input").first).to_have_value("Bob")
    one.run(2)
    expect(one.page.locator(".driftdb-folded")).to_have_count(2)
    one.save()
    one.page.evaluate("() => jupyterapp.serviceManager.kernels.shutdownAll()")
    one.page.close()
    two, three = jupyter.open("boxes.ipynb"), jupyter.open("boxes.ipynb")
    for window in (two, three):
        error = window.page.get_by_text("Error displaying widget").filter(visible=True)
        expect(error).to_have_count(0)
        expect(window.page.locator(".driftdb-row .driftdb-state")).to_have_count(1)
        expect(window.page.locator(".driftdb-box .driftdb-stream")).to_have_count(1)
        window.control().is_connected()
        names = window.page.locator(".driftdb-folded input.driftdb-text")
        expect(names).to_have_count(2)
        for name in names.all():
            expect(name).to_have_value("Bob")
        since = window.page.locator(".driftdb-folded").filter(has_text="action since then")
        expect(since.locator("pre")).to_have_text("40")
    two.control().set(44)
    three.control().shows(44)
    names = two.page.locator(".driftdb-folded input.driftdb-text")
    names.first.fill("Cat")
    expect(names.nth(1)).to_have_value("Cat")
    theirs = three.page.locator(".driftdb-folded input.driftdb-text")
    expect(theirs.first).to_have_value("Cat")
    # The cell that is run again has the kernel's widgets in its place.
    two.run(0)
    expect(two.page.locator(".driftdb-box")).to_have_count(0)
    expect(names.first).to_have_value("Cat")


def test_a_page_without_any_server_shows_the_value_as_it_was(
    own_jupyter: Jupyter, new_window: NewWindow
) -> None:
    with own_jupyter.server.running():
        one = run_and_save(own_jupyter, "n.ipynb", SLIDER.replace("0)", "17)"), LOG)
        one.run(1)
        one.save()
    saved = (own_jupyter.folder / "n.ipynb").read_text()
    first = json.loads(saved)["cells"][0]["outputs"][0]["data"]
    assert first["text/plain"][0].startswith("SharedState('slider', 17")
    notebook = nbformat.reads(saved, as_version=4)  # type: ignore[no-untyped-call]
    html, _ = HTMLExporter().from_notebook_node(notebook)  # type: ignore[no-untyped-call]
    page = new_window()
    page.set_content(html)
    outputs = page.locator(".jp-OutputArea-output")
    expect(outputs.nth(0)).to_contain_text("slider17Room n-")
    expect(outputs.nth(1)).to_contain_text("<b>first</b> line")
