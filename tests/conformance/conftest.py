from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from .peer import Room, fetch
from .servers import Server, jupyter, standalone


@pytest.fixture(scope="session", params=["standalone", "jupyter"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Each of the two servers."""
    with standalone() if request.param == "standalone" else jupyter() as server:
        yield server


@pytest_asyncio.fixture
async def room(server: Server) -> AsyncIterator[Room]:
    """A new room of its own for every test."""
    answer = await fetch(server.root + "new", method="POST", headers=server.headers)
    room = Room(server, answer.json["room"])
    yield room
    await room.empty()
