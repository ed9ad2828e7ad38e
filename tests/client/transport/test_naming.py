"""Rooms that the server names: asked for once, in words that help where it can't."""

from __future__ import annotations

import socket
import sys
import traceback
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from driftdb_jupyter.client.room import room
from driftdb_jupyter.client.settings import Settings
from driftdb_jupyter.client.transport.kernel import kernel_id
from driftdb_jupyter.client.transport.location import Location
from driftdb_jupyter.client.transport.naming import named
from driftdb_jupyter.protocol.errors import Forbidden, Unreachable
from driftdb_jupyter.protocol.name import notebook_room

from ..fakes import FakeServer

SETTINGS = Settings()


@pytest.fixture
def place(server: FakeServer) -> Location:
    """Where the own room of a notebook is to be asked for."""
    return Location(server=server.url, notebook="/a/plots.ipynb", authorization="DriftDB s3cret")


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in an IPython kernel of a Jupyter server."""
    app = SimpleNamespace(connection_file=str(Path("/run") / "kernel-4da1-c2.json"))
    module = ModuleType("ipykernel.kernelapp")
    module.IPKernelApp = SimpleNamespace(  # type: ignore[attr-defined]
        initialized=lambda: True, instance=lambda: app
    )
    monkeypatch.setitem(sys.modules, "ipykernel.kernelapp", module)


@pytest.mark.usefixtures("kernel")
def test_the_server_names_the_notebooks_room_and_is_asked_once(
    server: FakeServer, place: Location
) -> None:
    server.notebooks["4da1-c2"] = "plots-1234"
    for _ in range(2):
        assert named(place, SETTINGS, timeout_seconds=60) == replace(
            place, room="plots-1234", notebook=None
        )
        server.notebooks["4da1-c2"] = "another"
    assert server.authorizations == ["DriftDB s3cret"]


@pytest.mark.usefixtures("kernel")
def test_the_notebooks_room_is_the_one_of_that_name(
    server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRIFTDB_URL", server.url)
    monkeypatch.setenv("JPY_SESSION_NAME", "/a/plots.ipynb")
    server.notebooks["4da1-c2"] = "plots-1234"
    own = room()
    assert own.name == "plots-1234"
    assert room("plots-1234") is own


def test_a_server_that_names_none_leaves_it_to_the_path(place: Location) -> None:
    location = named(place, SETTINGS, timeout_seconds=60)
    assert location.room == notebook_room("/a/plots.ipynb")


def test_a_refusal_is_no_reason_to_guess(server: FakeServer, place: Location) -> None:
    server.status = 403
    with pytest.raises(Forbidden):
        named(place, SETTINGS, timeout_seconds=60)


def test_silence_is_told_and_ends_it(caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        with pytest.raises(Unreachable, match=f"nothing answers at {url}"):
            named(Location(server=url), SETTINGS, timeout_seconds=0.1)
    # Somebody else's request, so that the loop has gone on.
    with pytest.raises(Unreachable):
        named(Location(server="http://127.0.0.1:9/"), SETTINGS, timeout_seconds=60)
    assert [record.message for record in caplog.records] == []


def test_silence_is_no_reason_to_guess(place: Location) -> None:
    gone = replace(place, server="http://127.0.0.1:9/")
    with pytest.raises(Unreachable, match="nothing answers") as raised:
        named(gone, SETTINGS, timeout_seconds=60)
    names = [frame.name for frame in traceback.extract_tb(raised.value.__traceback__)]
    assert names[1:] == ["named", "run"]  # and nothing of the thread that asked


def test_outside_of_a_kernel_there_is_no_kernel_id() -> None:
    assert kernel_id() is None


@pytest.mark.usefixtures("kernel")
def test_a_kernel_that_no_server_started_has_no_id() -> None:
    kernelapp = sys.modules["ipykernel.kernelapp"]
    assert kernel_id() == "4da1-c2"
    kernelapp.IPKernelApp.instance().connection_file = "/run/mine.json"
    assert kernel_id() is None
    kernelapp.IPKernelApp.initialized = lambda: False
    assert kernel_id() is None
