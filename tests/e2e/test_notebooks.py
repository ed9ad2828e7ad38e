"""A shared state in JupyterLab and Notebook 7, between windows, kernels and notebooks."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

import pytest
from playwright.sync_api import expect

from .conftest import Jupyter
from .notebook import Notebook, write_notebook

DEMO = Path(__file__).parents[2] / "notebooks" / "01-shared-slider.ipynb"
SLIDER = 'from driftdb_jupyter import SharedState\ns = SharedState("slider", 0)\ns'
SEMINAR = SLIDER.replace("0)", '0, room="seminar")')


def run_and_save(jupyter: Jupyter, name: str, *cells: str, app: str = "lab") -> Notebook:
    write_notebook(jupyter.folder / name, *cells)
    notebook = jupyter.open(name, app=app)
    notebook.run(0)
    notebook.control().is_connected()
    notebook.save()
    return notebook


@pytest.mark.parametrize("app", ["lab", "notebook"])
def test_a_slider_is_live_in_two_windows_and_both_ways(jupyter: Jupyter, app: str) -> None:
    one = run_and_save(jupyter, "n.ipynb", SLIDER, app=app)
    two = jupyter.open("n.ipynb", app=app)
    two.control().is_connected()
    one.control().set(30)
    two.control().shows(30)
    two.control().set(60)
    one.control().shows(60)
    for window in (one, two):
        expect(window.control().badge).to_contain_text("2 here")
    late = jupyter.open("n.ipynb", app=app)
    late.control().shows(60)


def test_a_drag_never_jumps_back_and_others_see_it_move(jupyter: Jupyter) -> None:
    one = run_and_save(jupyter, "n.ipynb", SLIDER)
    two = jupyter.open("n.ipynb")
    two.control().is_connected()
    one.control().sample()
    two.control().sample()
    box = one.control().slider.bounding_box()
    assert box
    mouse, middle = one.page.mouse, box["y"] + box["height"] / 2
    mouse.move(box["x"] + 8, middle)
    mouse.down()
    for step in range(60):
        mouse.move(box["x"] + 8 + (box["width"] - 16) * step / 59, middle)
    mouse.up()
    end = float(one.control().field.input_value())
    assert end > 95
    two.control().shows(int(end))
    for window in (one, two):
        samples = window.control().samples()
        assert samples == sorted(samples)
        assert samples[-1] == end
    assert len(set(two.control().samples())) > 5


def test_two_notebooks_meet_in_a_named_room(jupyter: Jupyter) -> None:
    one = run_and_save(jupyter, "one.ipynb", SEMINAR, "s.value")
    two = run_and_save(jupyter, "two.ipynb", SEMINAR, "s.value = 12")
    apart = run_and_save(jupyter, "apart.ipynb", SLIDER)
    one.control().set(30)
    two.control().shows(30)
    two.run(1)
    one.control().shows(12)
    one.run(1)
    expect(one.output(1)).to_have_text("12")
    apart.control().shows(0)


BUSY = """
s.value = 11
while s.value != 77:
    pass
s.value = 5
print("saw 77")
"""


def test_a_busy_kernel_reads_and_writes_live(jupyter: Jupyter) -> None:
    one = run_and_save(jupyter, "n.ipynb", SLIDER, BUSY)
    two = jupyter.open("n.ipynb")
    two.control().is_connected()
    one.start(1)
    one.control().shows(11)
    two.control().shows(11)
    two.control().set(40)
    one.control().shows(40)
    expect(one.output(1)).to_have_count(0)
    two.control().set(77)
    one.control().shows(5)
    two.control().shows(5)
    expect(one.output(1)).to_have_text("saw 77")


def test_observers_are_called_when_the_kernel_is_free(jupyter: Jupyter) -> None:
    observe = 's.observe(lambda change: print(change["old"], change["new"]))'
    one = run_and_save(jupyter, "n.ipynb", SLIDER, observe)
    one.run(1)
    one.control().set(9)
    # Below which cell it stands is the kernel's to say.
    expect(one.page.locator(".jp-OutputArea-output pre", has_text="0 9")).to_be_visible()


def test_controls_outlive_the_kernel(jupyter: Jupyter) -> None:
    one = run_and_save(jupyter, "n.ipynb", SLIDER, "import os, signal")
    two = jupyter.open("n.ipynb")
    two.control().is_connected()
    one.page.evaluate(
        "() => jupyterapp.serviceManager.kernels.shutdownAll()",
    )
    one.control().set(25)
    two.control().shows(25)
    two.control().set(26)
    one.control().shows(26)


def test_a_restarted_server_gets_its_values_back(own_jupyter: Jupyter) -> None:
    with own_jupyter.server.running():
        one = run_and_save(own_jupyter, "n.ipynb", SLIDER)
        two = own_jupyter.open("n.ipynb")
        one.control().set(33)
        two.control().shows(33)
    for window in (one, two):
        window.control().is_in_phase("reconnecting")
    one.control().set(44)
    with own_jupyter.server.running():
        for window in (one, two):
            window.control().is_connected()
            window.control().shows(44)


def test_a_room_outlives_a_killed_server_and_all_who_were_in_it(own_jupyter: Jupyter) -> None:
    state = """
from driftdb_jupyter import SharedState
s = SharedState("kept", 0, room="lecture")
"""
    write = "s.value = 42\nwhile s.room.waiting: pass\ns"
    with own_jupyter.server.running():
        one = run_and_save(own_jupyter, "writer.ipynb", state + write)
        one.page.close()
        own_jupyter.server.process.end(signal.SIGKILL)
    with own_jupyter.server.running():
        other = run_and_save(own_jupyter, "reader.ipynb", state + "print(s.value)\ns")
        expect(other.output(0)).to_have_text("42")


def test_a_renamed_notebook_keeps_its_room_and_a_new_one_has_another(own_jupyter: Jupyter) -> None:
    tell = "print(s.value, s.room.name)"
    with own_jupyter.server.running():
        one = run_and_save(own_jupyter, "n.ipynb", SLIDER, "s.value = 42", tell)
        one.run(1)
        one.run(2)
        expect(one.output(2)).to_contain_text("42 n-")
        before = one.output(2).inner_text()
        own_jupyter.rename("n.ipynb", "renamed.ipynb")
        one.restart_kernel()
        one.run(0)
        one.run(2)
        expect(one.output(2)).to_have_text(before)
        other = own_jupyter.open("renamed.ipynb")
        other.run(0)
        other.control().shows(42)
        one.page.close()
        other.page.close()
    with own_jupyter.server.running():
        again = own_jupyter.open("renamed.ipynb")
        again.run(0)
        again.run(2)
        expect(again.output(2)).to_have_text(before)
        new = run_and_save(own_jupyter, "n.ipynb", SLIDER, tell)
        new.run(1)
        expect(new.output(1)).to_contain_text("0 n-")


def test_every_kind_of_value_has_its_control_also_inside_a_box(jupyter: Jupyter) -> None:
    cell = """
from driftdb_jupyter import SharedState
from ipywidgets import VBox
VBox([
    SharedState("number", 0.5, min=0, max=1),
    SharedState("switch", True),
    SharedState("text", "<b>hello</b>"),
    SharedState("more", {"a": [1, 2]}),
])
"""
    one = run_and_save(jupyter, "n.ipynb", cell)
    box = one.page.locator(".widget-vbox")
    expect(box.locator(".driftdb-state")).to_have_count(4)
    expect(box.get_by_role("slider", name="number")).to_have_value("0.5")
    expect(box.get_by_role("switch", name="switch")).to_be_checked()
    expect(box.get_by_role("textbox", name="text")).to_have_value("<b>hello</b>")
    expect(box.locator(".driftdb-view")).to_contain_text('"a"')


def test_the_demo_notebook_runs(jupyter: Jupyter) -> None:
    shutil.copy(DEMO, jupyter.folder)
    demo = jupyter.open(DEMO.name)
    demo.run_all()
    demo.control().shows(77)
    expect(demo.page.locator("[data-mime-type='application/vnd.jupyter.stderr']")).to_have_count(0)
    expect(demo.page.locator(".driftdb-state")).to_have_count(5)
    expect(demo.page.get_by_text("seen while busy: [42]")).to_be_visible()
