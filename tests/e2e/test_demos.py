"""The notebooks of this project, run from end to end in JupyterLab."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from .conftest import Jupyter
from .notebook import Notebook

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


def opened(jupyter: Jupyter, name: str) -> Notebook:
    shutil.copy(NOTEBOOKS / name, jupyter.folder)
    return jupyter.open(name)


def box(notebook: Notebook, label: str) -> Locator:
    states = notebook.page.locator(".driftdb-state")
    return states.filter(has=notebook.page.locator(f".driftdb-label:text-is('{label}')"))


def no_errors(notebook: Notebook) -> None:
    kind = "[data-mime-type='application/vnd.jupyter.{}']"
    for name in ("stderr", "error"):
        expect(notebook.page.locator(kind.format(name))).to_have_count(0)


def test_every_notebook_is_tested_here_or_in_test_notebooks() -> None:
    names = sorted(path.name[:2] for path in NOTEBOOKS.glob("*.ipynb"))
    assert names == ["01", "02", "03", "04", "05"]


def test_a_training_run_is_watched_from_two_windows_and_after_a_reload(jupyter: Jupyter) -> None:
    one = opened(jupyter, "02-training-run.ipynb")
    for cell in (1, 2, 3, 4):
        one.run(cell)
    one.save()
    two = jupyter.open("02-training-run.ipynb")
    log = two.page.locator(".driftdb-lines").first
    loss = two.page.get_by_role("button", name="loss")
    expect(two.page.locator(".driftdb-presence")).to_contain_text("the training run")
    one.start(6)
    expect(log).to_contain_text("epoch 1")
    box(two, "learning rate").locator(".driftdb-slider").fill("0.9")
    expect(log).to_contain_text("at rate 0.90", timeout=20_000)
    expect(log).to_contain_text("done", timeout=20_000)
    expect(loss).to_have_text(re.compile(r"loss 0\.\d+"))
    expect(two.page.locator(".uplot canvas")).to_be_visible()
    expect(one.page.locator(".driftdb-lines").first).to_contain_text("done")
    two.reload()
    expect(log).to_contain_text("epoch 3  ·  20 of 20")
    one.run(8)
    expect(one.output(5)).to_contain_text("True")
    no_errors(one)


def test_a_poll_counts_the_votes_of_all(jupyter: Jupyter) -> None:
    one = opened(jupyter, "03-lecture-poll.ipynb")
    for cell in (1, 2, 3):
        one.run(cell)
    one.save()
    two = jupyter.open("03-lecture-poll.ipynb")
    for notebook in (one, two):
        button = notebook.page.get_by_role("button", name="The proof")
        button.click()
        button.click()
    row = two.page.locator(".driftdb-table tr").filter(has_text="The proof")
    expect(row.locator("td").last).to_have_text("4")
    one.run(5)
    expect(row.locator("td").last).to_have_text("5")
    one.run(7)
    expect(row.locator("td").last).to_have_text("0")
    expect(two.page.locator("p.driftdb-prose").first).to_have_text("And now?")
    no_errors(one)


def test_a_form_is_filled_in_by_two_while_a_cell_waits(jupyter: Jupyter) -> None:
    one = opened(jupyter, "04-shared-form.ipynb")
    one.run(1)
    one.save()
    one.run(2)
    two = jupyter.open("04-shared-form.ipynb")
    expect(box(two, "Name").locator("input")).to_be_visible()
    one.start(4)
    box(one, "Name").locator("input").fill("Ann")
    box(two, "Role").locator("select").select_option(label="teacher")
    box(two, "Days").get_by_label("Wed").check()
    expect(box(two, "Name").locator("input")).to_have_value("Ann")
    expect(box(one, "Role").locator("select")).to_have_value("1")
    two.page.get_by_role("button", name="We are done").click()
    told = one.output(2)
    expect(told).to_contain_text("'name': 'Ann'")
    expect(told).to_contain_text("'role': 'teacher'")
    expect(told).to_contain_text("['Mon', 'Wed']")
    no_errors(one)


@pytest.mark.timeout(120)
def test_a_button_stops_a_running_loop(jupyter: Jupyter) -> None:
    notebook = opened(jupyter, "05-stop-button.ipynb")
    for cell in (1, 2):
        notebook.run(cell)
    notebook.start(3)
    expect(notebook.page.locator(".driftdb-lines")).to_contain_text("working")
    box(notebook, "Stop").get_by_role("button").first.click()
    expect(notebook.output(2)).to_have_text("stopped by hand\n")
    no_errors(notebook)
