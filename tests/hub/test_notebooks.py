"""The notebooks of several people of a hub meet in the rooms of its service."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import pytest
from playwright.sync_api import expect

from ..browser import NewWindow
from ..e2e.notebook import Notebook, write_notebook
from .hub import RealHub
from .test_pages import logged_in

SLIDER = """from driftdb_jupyter import SharedState, room
slider = SharedState("slider", 5, room="class")
slider"""


class OpenNotebook(Protocol):
    def __call__(self, name: str, *cells: str) -> Notebook: ...


@pytest.fixture
def open_notebook(hub: RealHub, new_window: NewWindow) -> OpenNotebook:
    def open_notebook(name: str, *cells: str) -> Notebook:
        return opened(hub, new_window, name, *cells)

    return open_notebook


def opened(hub: RealHub, new_window: NewWindow, name: str, *cells: str) -> Notebook:
    """A notebook of a person's, in a browser that is logged in."""
    url = hub.start_server(name)
    write_notebook(hub.files(name) / "meeting.ipynb", *cells)
    page = logged_in(new_window, hub, name)
    return Notebook(page, f"{url}lab/tree/meeting.ipynb?reset")


def test_two_people_move_one_slider_while_a_kernel_works_and_the_hub_restarts(
    hub: RealHub, open_notebook: OpenNotebook
) -> None:
    waits = "slider.wait_for(lambda value: value == 99)\nprint('it is', slider.value)"
    ada = open_notebook("ada", SLIDER, "print(room().name)", waits)
    bob = open_notebook("bob", SLIDER)
    for notebook in (ada, bob):
        notebook.run(0)
        notebook.control().is_connected()
    ada.run(1)
    assert ada.output(1).inner_text().startswith("user:ada:meeting-")
    ada.start(2)  # from now on no view reaches the room through this kernel
    ada.control().set(42)
    bob.control().shows(42)
    bob.control().set(7)
    ada.control().shows(7)
    hub.stop()
    ada.control().is_in_phase("reconnecting")
    hub.start()
    for notebook in (ada, bob):
        notebook.control().is_connected()
    bob.control().set(99)
    ada.control().shows(99)
    ada.output(2).get_by_text("it is 99").wait_for()
    assert "/oauth_callback?code=…&state=… " in hub.log


@pytest.mark.long
def test_notebooks_of_a_hub_that_is_encrypted_within_itself_meet_too(
    tmp_path: Path, new_window: NewWindow
) -> None:
    hub = RealHub(tmp_path, encrypted=True)
    with hub.running():
        ada = opened(hub, new_window, "ada", SLIDER, "print(room().name)")
        token, _ = hub.token("bob")
        ada.run(0)
        ada.run(1)
        assert ada.output(1).inner_text().startswith("user:ada:meeting-")
        ada.control().is_connected()
        hub.send("class", token, "slider", 9)
        ada.control().shows(9)
        ada.page.close()  # before its server ends, of which it would complain


@pytest.mark.long
def test_views_of_a_hub_with_a_domain_for_each_person_go_through_their_kernels(
    tmp_path: Path, new_window: NewWindow
) -> None:
    hub = RealHub(tmp_path, domain="hub.localhost")
    with hub.running():
        ada, bob = (opened(hub, new_window, name, SLIDER) for name in ("ada", "bob"))
        for notebook in (ada, bob):
            notebook.run(0)
            expect(notebook.control().badge).to_contain_text("through the kernel", timeout=60_000)
        ada.control().set(42)
        bob.control().shows(42)
        for notebook in (ada, bob):
            notebook.page.close()  # before its server ends, of which it would complain
