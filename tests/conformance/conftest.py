from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, ExitStack
from unittest.mock import patch

import pytest
import pytest_asyncio

from .peer import Room, fetch
from .servers import Server, Several, jupyter, several, standalone


@pytest.fixture(
    scope="package",
    params=[
        "standalone",
        "jupyter",
        "fallback",
        pytest.param("redis", marks=pytest.mark.long),
        pytest.param("several", marks=pytest.mark.long),
    ],
)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Each of the two servers, and one whose sockets are read by Tornado's own reader.

    And one whose rooms are in Redis, which has to show the same, if later; and two of these, of
    which each connection and each request comes to any.
    """
    with ExitStack() as stack:
        if request.param == "fallback":
            stack.enter_context(patch("driftdb_jupyter.server.receiving.reader.mask", None))
        rooms = {"debug_allowed": True}
        server: AbstractContextManager[Server]
        match request.param:
            case "jupyter":
                server = jupyter(rooms=rooms)
            case "redis":
                server = standalone(redis_prefix="conformance:")
            case "several":
                server = several(2, redis_prefix="conformance-of-several:")
            case _:
                server = standalone()
        yield stack.enter_context(server)


@pytest.fixture
def by_our_reader(server: Server, request: pytest.FixtureRequest) -> None:
    """What Tornado's reader does otherwise: it ends the connection without a close frame."""
    if request.node.callspec.params["server"] == "fallback":
        request.applymarker(pytest.mark.xfail(strict=True))


@pytest.fixture
def at_one_server(server: Server) -> Iterator[None]:
    """For tests about one server, or whose peers don't read or speak at once: all go to one."""
    if isinstance(server, Several):
        server.at_one = True
    yield
    if isinstance(server, Several):
        server.at_one = False


@pytest.fixture
def window_begins_with_get(server: Server, request: pytest.FixtureRequest) -> None:
    """With Redis a room's recovery window may go back further than to the first get."""
    if request.node.callspec.params["server"] in ("redis", "several"):
        request.applymarker(pytest.mark.xfail(strict=False))


@pytest.fixture
def too_large_codes(server: Server, request: pytest.FixtureRequest) -> tuple[int | None, ...]:
    """The close codes that a peer may see that sent far too long a message.

    Tornado's reader drops the connection right behind its close frame, with bytes of the message
    still unread: the system resets it then, and the frame may be lost.
    """
    fallback = request.node.callspec.params["server"] == "fallback"
    return (1009, None) if fallback else (1009,)


@pytest_asyncio.fixture
async def room(server: Server) -> AsyncIterator[Room]:
    """A new room of its own for every test."""
    answer = await fetch(server.root + "new", method="POST", headers=server.headers)
    room = Room(server, answer.json["room"])
    yield room
    await room.empty()
