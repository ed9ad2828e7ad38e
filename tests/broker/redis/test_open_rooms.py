"""What is read of a room's log while Redis fails, and of a log that isn't as it should be."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from driftdb_jupyter.broker.redis.broker import RedisBroker
from driftdb_jupyter.broker.redis.connecting import RedisPlace
from driftdb_jupyter.broker.redis.sequencer import RedisSequencer
from driftdb_jupyter.protocol.errors import Unavailable

from ..brokers import CLIENT, Record, opened, push
from .servers import RedisServer

pytestmark = pytest.mark.asyncio


@asynccontextmanager
async def brokers(count: int) -> AsyncIterator[tuple[RedisServer, list[RedisBroker]]]:
    """Brokers of a Redis of their own."""
    server = await asyncio.to_thread(RedisServer)
    made = [RedisBroker(RedisPlace(server.url, timeout_seconds=1.0)) for _ in range(count)]
    try:
        yield server, made
    finally:
        for broker in made:
            await broker.close()
        server.close()


async def room_of(broker: RedisBroker, record: Record) -> RedisSequencer:
    sequencer = await opened(broker, record)
    assert isinstance(sequencer, RedisSequencer)
    return sequencer


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something is true of a broker that nobody tells of it."""
    while not condition():
        await asyncio.sleep(0.005)


async def test_who_waits_for_an_entry_is_told_that_redis_is_away() -> None:
    async with brokers(1) as (server, (broker,)):
        sequencer = await room_of(broker, Record())
        server.kill()
        with pytest.raises(Unavailable, match="can't be reached"):
            await broker._rooms.caught_up(sequencer, sequencer.number + 1)


async def test_nobody_waits_for_an_entry_that_never_comes() -> None:
    async with brokers(1) as (_, (broker,)):
        sequencer = await room_of(broker, Record())
        with pytest.raises(Unavailable, match="doesn't have what was written"):
            await broker._rooms.caught_up(sequencer, sequencer.number + 1)


async def test_a_log_that_lacks_its_newest_entries_is_noticed() -> None:
    async with brokers(1) as (server, (broker,)):
        record = Record(client=CLIENT)
        sequencer = await room_of(broker, record)
        server.ask("HINCRBY", sequencer.keys.facts, "number", "1")
        await broker._rooms.catch_up(sequencer)
        assert record.heard == [("reset", None)]


@pytest.mark.parametrize("entry", ["spoiled", "2 7 {time} spoiled"])
async def test_an_entry_that_cant_be_read_ends_the_room_however_it_came(entry: str) -> None:
    async with brokers(1) as (server, (broker,)):
        record = Record(client=CLIENT)
        sequencer = await room_of(broker, record)
        content = entry.format(time=sequencer.time)
        server.ask("XADD", sequencer.keys.log, f"{sequencer.number + 1}-0", "r", content)
        server.ask("HINCRBY", sequencer.keys.facts, "number", "1")
        await broker._rooms.catch_up(sequencer)
        assert record.heard == [("out of service", None)]


async def test_facts_without_a_number_end_the_room() -> None:
    async with brokers(1) as (server, (broker,)):
        record = Record(client=CLIENT)
        sequencer = await room_of(broker, record)
        server.ask("HDEL", sequencer.keys.facts, "number")
        await broker._rooms.catch_up(sequencer)
        assert record.heard == [("out of service", None)]


async def test_a_gap_is_looked_for_until_it_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    async with brokers(2) as (_, (one, other)):
        record = Record(client=CLIENT)
        sequencer, at_other = await room_of(one, record), await room_of(other, Record())
        listener = other._rooms._listener
        assert listener is not None
        heard, ask, failures = listener._heard, other._store.ask, 0

        async def failing(*command: Any) -> Any:
            nonlocal failures
            if failures < 2:
                failures += 1
                raise Unavailable("Redis does not answer")
            return await ask(*command)

        monkeypatch.setattr(other._store, "ask", failing)
        monkeypatch.setattr(
            listener,
            "_heard",
            lambda channel, message: heard(channel, message) if message.startswith(b"3 ") else None,
        )
        for count in (1, 2):
            push(sequencer, record, push_id=count)
            await record.answered(count)
        await until(lambda: at_other.room.seq == 2)
        assert failures == 2


async def test_a_name_that_was_asked_for_while_redis_is_away_is_not_listened_to() -> None:
    async with brokers(1) as (server, (broker,)):
        await room_of(broker, Record())
        listener = broker._rooms._listener
        assert listener is not None
        server.kill()
        await until(lambda: listener._connection is None)
        listener._timeout_seconds = 0.01
        with pytest.raises(Unavailable):
            await broker.open("other", Record())
        assert list(listener._channels) == [broker._store.keys.of("room").channel]


async def test_all_rooms_are_told_of_in_one_pipeline(monkeypatch: pytest.MonkeyPatch) -> None:
    async with brokers(1) as (_, (broker,)):
        for name in ("a", "b", "c"):
            record = Record()
            push(await opened(broker, record, name), record)
            await record.answered(1)
        ask_all, asked = broker._store.ask_all, 0

        async def counted(*commands: Any, **options: Any) -> Any:
            nonlocal asked
            asked += 1
            return await ask_all(*commands, **options)

        monkeypatch.setattr(broker._store, "ask_all", counted)
        await broker._rooms.tell()
        assert asked == 1
        monkeypatch.undo()
        assert [summary.seq for summary in await broker.summaries()] == [1, 1, 1]
        facts = [broker._store.keys.of(name).facts for name in ("a", "b", "c")]
        assert await broker._store.ask_all(*[("HGET", key, "seq") for key in facts]) == [b"1"] * 3


async def test_stopping_tries_no_further_room_once_redis_cant_be_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with brokers(1) as (_, (broker,)):
        for name in "abcdefgh":
            await opened(broker, Record(), name)
        asked = 0

        async def away() -> Any:
            nonlocal asked
            asked += 1
            raise ConnectionResetError

        monkeypatch.setattr(broker._store, "_conversations", asyncio.Semaphore(1))
        monkeypatch.setattr(broker._store.place, "borrow", away)
        await broker.close()
        assert asked <= 2  # the next may have begun before the first was left
        assert list(broker._rooms) == []
