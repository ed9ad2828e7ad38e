from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from driftdb_jupyter.client.connection.connection import Connection
from driftdb_jupyter.client.objects.dictionary import SharedDict
from driftdb_jupyter.client.objects.pubsub import PubSub
from driftdb_jupyter.client.objects.reducer import SharedReducer
from driftdb_jupyter.client.objects.state import SharedState
from driftdb_jupyter.client.objects.stream.stream import Stream
from driftdb_jupyter.client.room import Room
from driftdb_jupyter.client.settings import Settings
from driftdb_jupyter.client.transport.location import Location
from driftdb_jupyter.protocol.errors import DriftDBError, Forbidden, RoomNotFound

from ..fakes import FakeServer
from ..served import come_true

Stop = Callable[[FakeServer], None]


def _refuse(server: FakeServer) -> None:
    server.status = 403
    server.cut()


STOPS: dict[str, tuple[Stop, type[DriftDBError]]] = {
    "refused": (_refuse, Forbidden),
    "put out": (lambda server: server.close_sockets(4403), Forbidden),
    "gone": (lambda server: server.close_sockets(4404), RoomNotFound),
}


@dataclass
class Things:
    """Objects of every kind in one room, made while there was a connection."""

    room: Room
    state: SharedState
    items: SharedDict
    reducer: SharedReducer
    channel: PubSub
    log: Stream


WAITS: dict[str, Callable[[Things], object]] = {
    "value": lambda here: here.state.wait_for(_never),
    "value in async code": lambda here: _run(here.state.when(_never)),
    "items of a dict": lambda here: here.items.wait_for(_never),
    "state of a reducer": lambda here: here.reducer.wait_for(_never),
    "next message": lambda here: list(here.channel.messages()),
    "next message in async code": lambda here: _run(here.channel.messages().__anext__()),
    "next entry": lambda here: list(here.log.follow()),
    "set": lambda here: here.state.set(1).result(60),
    "set in async code": lambda here: _run(here.state.set(1)),
    "update": lambda here: here.state.update(lambda value: value + 1).result(60),
    "set an item": lambda here: here.items.set(a=1).result(60),
    "append": lambda here: here.log.append(1).result(60),
    "publish": lambda here: here.channel.publish(1).result(60),
    "dispatch": lambda here: here.reducer.dispatch(1).result(60),
    "delete": lambda here: here.room.delete("s").result(60),
    "keys": lambda here: here.room.keys(timeout_seconds=60),
}


def _never(value: object) -> bool:
    return False


def _run(awaitable: Any) -> Any:
    async def wait() -> Any:
        return await awaitable

    return asyncio.run(wait())


@pytest.fixture
def here(server: FakeServer) -> Iterator[Things]:
    room = Room(Connection(Location(server=server.url, room="a"), Settings()))
    room.connection.start()
    yield Things(
        room,
        room.state("s", 0),
        room.dict("d"),
        room.reducer("r", lambda state, action: action, 0),
        room.pubsub("c"),
        room.stream("l"),
    )
    room.connection.close()


@pytest.fixture(params=STOPS)
def stop(request: pytest.FixtureRequest) -> tuple[Stop, type[DriftDBError]]:
    return STOPS[request.param]


def _error_of(here: Things, wait: Callable[[Things], object]) -> BaseException | None:
    try:
        wait(here)
    except DriftDBError as error:
        return error
    return None


def test_nobody_waits_for_a_room_that_is_stopped(
    here: Things, server: FakeServer, stop: tuple[Stop, type[DriftDBError]]
) -> None:
    cause, expected = stop
    here.room.flush()
    cause(server)
    come_true(here.room, lambda: here.room.status == "stopped")
    for name, wait in WAITS.items():
        assert type(_error_of(here, wait)) is expected, name
    assert here.room.waiting


def test_those_who_wait_are_told_why_a_room_stops(
    here: Things, server: FakeServer, stop: tuple[Stop, type[DriftDBError]]
) -> None:
    cause, expected = stop
    here.room.flush()
    server.room.silent = True
    with ThreadPoolExecutor(len(WAITS)) as threads:
        waits = {name: threads.submit(_error_of, here, wait) for name, wait in WAITS.items()}
        come_true(here.room, lambda: len(here.room.connection.wakers) >= len(WAITS))
        cause(server)
        for name, done in waits.items():
            assert type(done.result(60)) is expected, name
    assert not here.room.connection.wakers


def test_who_asks_for_another_attempt_waits_for_it(here: Things, server: FakeServer) -> None:
    here.room.flush()
    server.close_sockets(4404)
    come_true(here.room, lambda: here.room.status == "stopped")
    feed = here.log.follow()
    with pytest.raises(RoomNotFound, match="is gone"):
        next(feed)
    written = here.state.set(1)
    with pytest.raises(RoomNotFound):
        written.result()
    here.room.retry()
    assert written.result(60) == 1
    here.room.retry()  # which there is nothing to try for now
    assert here.state.set(2).result(60) == 2
