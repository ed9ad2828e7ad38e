from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from ..conformance.peer import Room
from ..conformance.servers import Server, jupyter
from .audited import Told, audited
from .line import Line


@pytest.fixture(scope="session")
def running_jupyter() -> Iterator[Server]:
    with jupyter(base_url="/base/of/it/") as server:
        yield server


@pytest.fixture
def jupyter_server(running_jupyter: Server) -> Iterator[Server]:
    """A Jupyter server where everything is allowed until the test says otherwise."""
    yield running_jupyter
    running_jupyter.rights.restore()


@pytest_asyncio.fixture
async def room(jupyter_server: Server) -> AsyncIterator[Room]:
    """A room of the Jupyter server with a name that was never used."""
    room = Room(jupyter_server, "room-" + secrets.token_hex(8))
    yield room
    await room.empty()


@pytest_asyncio.fixture
async def lines() -> AsyncIterator[list[Line]]:
    """Put a line in here, and it is closed at the end."""
    made: list[Line] = []
    yield made
    for line in made:
        line.close()


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Told]:
    """What the audit log was told since the last time."""
    with audited(tmp_path / "audit.jsonl") as told:
        yield told
