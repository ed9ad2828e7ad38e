"""A notebook as a page of Voilà, beside the same notebook in JupyterLab."""

from __future__ import annotations

from playwright.sync_api import expect

from ..browser import NewWindow
from .conftest import Jupyter
from .jupyter import TOKEN
from .notebook import PATIENCE_MILLISECONDS, Control
from .test_notebooks import SLIDER, run_and_save
from .test_outputs import LOG


def test_a_page_of_voila_and_its_notebook_are_in_one_room(
    jupyter: Jupyter, new_window: NewWindow
) -> None:
    notebook = run_and_save(jupyter, "my notebook.ipynb", SLIDER, LOG)
    page = new_window()
    path = jupyter.path("my%20notebook.ipynb")
    page.goto(f"{jupyter.root}voila/render/{path}?token={TOKEN}")
    control = Control(page.locator(".driftdb-state"))
    control.is_connected()
    expect(page.locator(".driftdb-stream")).to_contain_text("<b>first</b> line")
    notebook.control().set(33)
    control.shows(33)
    control.set(44)
    notebook.control().shows(44)
    expect(page.locator(".driftdb-state")).to_be_visible(timeout=PATIENCE_MILLISECONDS)
