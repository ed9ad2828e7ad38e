"""Rooms beside jupyter-collaboration: two people in one notebook that they edit together."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote
from urllib.request import Request, urlopen

import pytest

from driftdb_jupyter.protocol.name import notebook_room

from ..browser import NewWindow
from ..e2e.jupyter import TOKEN, Jupyter, JupyterServer
from ..e2e.notebook import write_notebook
from .collaboration import collaboration

STATE = """from driftdb_jupyter import SharedState, room
slider = SharedState("slider", 5)
slider"""
WHO = "jupyterapp.serviceManager.user.identity.username"
SAY_WHERE = "print(room().name)"
IS_SHARED = "jupyterapp.shell.currentWidget.context.model.collaborative"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterServer]:
    server = JupyterServer(tmp_path_factory.mktemp("jupyter"), **collaboration())
    (server.folder / "folder").mkdir()
    with server.running():
        yield server
        server.end_kernels()


@pytest.fixture
def jupyter(server: JupyterServer, new_window: NewWindow) -> Jupyter:
    return Jupyter(server, server.folder / "folder", new_window)


def asked(server: JupyterServer, path: str, content: object = None) -> Any:
    """What the rooms of a server answer."""
    request = Request(
        f"{server.root}driftdb/{path}",
        data=None if content is None else json.dumps(content).encode(),
        headers={"Authorization": f"token {TOKEN}"},
    )
    with urlopen(request, timeout=30) as answer:
        return json.load(answer)


def test_a_document_of_several_has_the_room_that_its_notebook_has_without(
    server: JupyterServer,
) -> None:
    write_notebook(server.folder / "folder" / "a.ipynb", SAY_WHERE)
    shared = server.request(
        "PUT",
        "collaboration/session/folder/a.ipynb",
        {"format": "json", "type": "notebook"},
    )
    assert shared["fileId"]
    rooms = []
    for path in ("RTC:folder/a.ipynb", "folder/a.ipynb"):  # with the drive's name, and without
        body = {"path": path, "name": "a.ipynb", "type": "notebook", "kernel": {"name": "python3"}}
        kernel = server.request("POST", "sessions", body)["kernel"]["id"]
        rooms.append(asked(server, f"notebook?kernel={kernel}&started_as=a.ipynb")["room"])
    assert rooms == 2 * [notebook_room(str(server.folder / "folder" / "a.ipynb"))]
    get = {"type": "get", "key": "k"}
    assert asked(server, f"room/{rooms[0]}/send", get)["data"] == []


def newest(jupyter: Jupyter, room: str) -> Any:
    """The newest value of the slider, with who set it."""
    get = {"type": "get", "key": "slider", "stamps": True}
    return asked(jupyter.server, f"room/{quote(room)}/send", get)["data"][-1]


@pytest.mark.long
def test_two_people_in_one_document_have_its_room_under_their_names(jupyter: Jupyter) -> None:
    write_notebook(jupyter.folder / "plots.ipynb", STATE, SAY_WHERE)
    ada, bob = (jupyter.open("plots.ipynb") for _ in range(2))
    assert ada.page.evaluate(IS_SHARED)
    ada.run(0)
    ada.run(1)
    room = ada.output(1).inner_text().strip()
    assert room == notebook_room(str(jupyter.folder / "plots.ipynb"))
    # What another person's cell shows is text, until one trusts it or runs it.
    text = bob.page.locator(".jp-OutputArea-output", has_text="as it was on")
    text.wait_for()
    bob.run(0)
    for person, other, value in ((ada, bob, 42), (bob, ada, 7)):
        for each in (ada, bob):
            each.control().is_connected()
        person.control().set(value)
        other.control().shows(value)
        entry = newest(jupyter, room)
        assert entry["user"]["username"] == person.page.evaluate(WHO)
        assert entry["user"]["source"] == "jupyter"
    jupyter.rename("plots.ipynb", "renamed.ipynb")
    ada.restart_kernel()
    for cell in (0, 1):
        ada.run(cell)
    assert ada.output(1).inner_text().strip() == room
    ada.control().shows(7)
