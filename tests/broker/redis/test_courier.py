"""One room's trouble is its own: the others' pushes go on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from redis import exceptions

from driftdb_jupyter.broker.redis.broker import RedisBroker
from driftdb_jupyter.broker.redis.connecting import RedisPlace, is_about_redis
from driftdb_jupyter.protocol.errors import Unavailable
from driftdb_jupyter.rooms.room import Applied

from ..brokers import CLIENT, Record, opened, push
from .servers import RedisServer

LONGEST_BYTES = 1024 * 1024  # of what Redis takes; it can't be set to less


@pytest_asyncio.fixture
async def broker() -> AsyncIterator[RedisBroker]:
    """A broker with a Redis of its own, which takes nothing that is longer."""
    server = await asyncio.to_thread(RedisServer, "--proto-max-bulk-len", str(LONGEST_BYTES))
    broker = RedisBroker(RedisPlace(server.url, timeout_seconds=1.0))
    yield broker
    await broker.close()
    server.close()


@pytest.mark.asyncio
@pytest.mark.parametrize("number", [None, "x"])
async def test_facts_that_make_no_sense_keep_no_other_room_from_going_on(
    broker: RedisBroker, number: str | None
) -> None:
    record, other = Record(client=CLIENT), Record(client=CLIENT)
    sequencer = await opened(broker, record)
    at_other = await opened(broker, other, "other")
    facts = broker._store.keys.of("room").facts
    known = await broker._store.ask("HGET", facts, "number")
    spoil = ("HDEL", facts, "number") if number is None else ("HSET", facts, "number", number)
    await broker._store.ask(*spoil)
    push(sequencer, record, push_id=1)
    push(at_other, other, push_id=1)
    await record.answered(1)
    await other.answered(1)
    assert isinstance(record.answers[0], Unavailable)
    assert isinstance(other.answers[0], Applied)
    assert broker.trouble is None
    await broker._store.ask("HSET", facts, "number", known)
    push(sequencer, record, push_id=2)
    await record.answered(2)
    assert isinstance(record.answers[1], Applied)


@pytest.mark.asyncio
async def test_a_push_that_redis_ends_the_connection_at_is_refused_alone(
    broker: RedisBroker,
) -> None:
    records = [Record(client=CLIENT) for _ in range(3)]
    rooms = [await opened(broker, record, f"r{place}") for place, record in enumerate(records)]
    for place, (room, record) in enumerate(zip(rooms, records, strict=True)):
        text = f'"{"x" * (LONGEST_BYTES if place == 1 else 1)}"'
        push(room, record, text=text, push_id=1)
    for record in records:
        await record.answered(1)
    first, refused, last = [record.answers[0] for record in records]
    assert isinstance(first, Applied)
    assert isinstance(last, Applied)
    assert isinstance(refused, Unavailable)
    assert "proto-max-bulk-len" in refused.plain
    assert broker.trouble is None
    for room, record in zip(rooms, records, strict=True):
        push(room, record, push_id=2)
        await record.answered(2)
        assert isinstance(record.answers[1], Applied)


@pytest.mark.parametrize(
    ("error", "is_of_all"),
    [
        (exceptions.NoScriptError("No matching script"), True),
        (exceptions.NoPermissionError("this user has no permissions"), True),
        (exceptions.ReadOnlyError("You can't write against a read only replica"), True),
        (exceptions.MasterDownError("Link with MASTER is down"), True),
        (exceptions.ResponseError("The user executing the script can't run this command"), True),
        (exceptions.ResponseError("BUSY Redis is busy running a script"), True),
        (exceptions.ResponseError("MISCONF Redis is configured to save"), True),
        (exceptions.ResponseError("NOREPLICAS Not enough good replicas"), True),
        (exceptions.OutOfMemoryError("command not allowed"), False),
        (exceptions.ResponseError("WRONGTYPE Operation against a key"), False),
        (exceptions.ResponseError("Protocol error: invalid bulk length"), False),
        (exceptions.ResponseError("user_script:27: attempt to perform arithmetic"), False),
    ],
)
def test_what_redis_refuses_of_all_is_told_from_what_it_refuses_of_one(
    error: exceptions.ResponseError, is_of_all: bool
) -> None:
    assert is_about_redis(error) is is_of_all
