from __future__ import annotations

from collections.abc import Iterator

import pytest

from driftdb_jupyter.client.room import Room

from ..conformance.servers import standalone
from .fakes import FakeServer, serving
from .served import another, fresh_room


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with serving() as server:
        yield server


@pytest.fixture(scope="session")
def real_server_url() -> Iterator[str]:
    """The root of a real server."""
    with standalone() as server:
        yield server.root


@pytest.fixture
def mine(real_server_url: str) -> Iterator[Room]:
    """A new room on a real server."""
    with fresh_room(real_server_url) as room:
        yield room


@pytest.fixture
def theirs(mine: Room) -> Iterator[Room]:
    """The same room, as somebody else has it."""
    with another(mine) as room:
        yield room


@pytest.fixture(autouse=True)
def _no_server_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every test start as in a plain process, whatever runs the tests."""
    for name in (
        "DRIFTDB_URL",
        "DRIFTDB_SECRET",
        "DRIFTDB_CERTFILE",
        "DRIFTDB_PUBLIC_URL",
        "JPY_SESSION_NAME",
    ):
        monkeypatch.delenv(name, raising=False)
