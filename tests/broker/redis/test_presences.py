"""Who is there, while Redis fails for a moment or is away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio

from driftdb_jupyter.broker.redis.broker import RedisBroker
from driftdb_jupyter.broker.redis.connecting import RedisPlace
from driftdb_jupyter.broker.redis.presence import RedisPresence
from driftdb_jupyter.protocol.entry import Author
from driftdb_jupyter.protocol.errors import Unavailable
from driftdb_jupyter.protocol.value import Value
from driftdb_jupyter.rooms.presence import PresenceLimits

from ..brokers import Record, opened
from .servers import RedisServer

pytestmark = pytest.mark.asyncio

ANN = Author("ann", None)


@pytest_asyncio.fixture
async def server() -> AsyncIterator[RedisServer]:
    """A Redis of its own."""
    server = await asyncio.to_thread(RedisServer)
    yield server
    server.close()


def broker_of(server: RedisServer, **options: Any) -> RedisBroker:
    return RedisBroker(RedisPlace(server.url, timeout_seconds=1.0), **options)


async def presence_of(broker: RedisBroker, record: Record, name: str = "room") -> RedisPresence:
    presence = broker.presence(name, record, limits=PresenceLimits(), grace_seconds=10.0)
    await opened(broker, record, name)
    return presence


async def shown(presence: RedisPresence, broker: RedisBroker) -> None:
    """Have a client of a broker be there, and told of."""
    presence.joined(ANN.client)
    presence.set("here", ANN, Value.from_json(b"1"))
    await broker._presences.tell()


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something is true of a broker that nobody tells of it."""
    while not condition():
        await asyncio.sleep(0.005)


def fails_once(broker: RedisBroker, plant: pytest.MonkeyPatch) -> None:
    """Have the next question fail."""
    ask_all = broker._store.ask_all

    async def failing(*commands: Any) -> Any:
        plant.setattr(broker._store, "ask_all", ask_all)
        raise Unavailable("Redis does not answer")

    plant.setattr(broker._store, "ask_all", failing)


async def test_what_was_missed_is_read_though_redis_fails_once(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = broker_of(server), broker_of(server)
    try:
        here, there = await presence_of(one, Record()), await presence_of(other, Record())
        assert other._rooms._listener is not None
        monkeypatch.setattr(other._rooms._listener, "_heard", lambda channel, message: None)
        await shown(here, one)
        other._presences.read_all_again()
        alive = {one._store.server, other._store.server}
        fails_once(other, monkeypatch)
        with pytest.raises(Unavailable):
            await other._presences.look(alive)
        await other._presences.look(alive)
        assert [author for author, _ in there.there("here")] == [ANN]
    finally:
        await one.close()
        await other.close()


async def test_the_people_of_a_dead_server_go_though_redis_fails_once(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = broker_of(server), broker_of(server)
    try:
        there = []
        for name in ("room", "other"):
            await shown(await presence_of(one, Record(), name), one)
            there.append(await presence_of(other, Record(), name))
        await until(lambda: all(each.there("here") for each in there))
        await other._presences.look({one._store.server, other._store.server})
        fails_once(other, monkeypatch)
        with pytest.raises(Unavailable):
            await other._presences.look({other._store.server})
        await other._presences.look({other._store.server})
        assert [each.there("here") for each in there] == [[], []]
        assert one._store.server not in other._presences._shown
    finally:
        await one.close()
        await other.close()


async def test_stopping_waits_for_no_redis_that_is_away(server: RedisServer) -> None:
    broker = broker_of(server)
    presence = await presence_of(broker, Record())
    await shown(presence, broker)
    server.kill()
    presence.close()
    await broker.close()


async def test_a_lease_is_renewed_while_much_else_is_done(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1_000_000.0
    broker = broker_of(server, lease_seconds=10.0, clock=lambda: now)
    try:
        await broker.begin()
        doing, done = asyncio.Event(), asyncio.Event()

        async def much() -> None:
            doing.set()
            await done.wait()

        monkeypatch.setattr(broker._rooms, "tell", much)
        broker.look()
        await doing.wait()
        now += 9.0
        broker.look()
        assert broker._renewing is not None
        await broker._renewing
        keys, this = broker._store.keys, broker._store.server
        ends = await broker._store.ask("ZSCORE", keys.servers, this)
        assert float(ends) == (now + 10.0) * 1e6
        done.set()
    finally:
        await broker.close()
