"""What a broker does, and says, where its Redis is not as it should be."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from redis import exceptions

from driftdb_jupyter.broker.file.journal import Journal
from driftdb_jupyter.broker.redis.broker import RedisBroker
from driftdb_jupyter.broker.redis.connecting import RedisPlace, explain, quoted
from driftdb_jupyter.broker.redis.sequencer import RedisSequencer
from driftdb_jupyter.protocol.errors import Unavailable
from driftdb_jupyter.rooms.room import Applied

from ..brokers import CLIENT, Record, kept, opened, push
from .servers import RedisServer

pytestmark = pytest.mark.asyncio

SCALING = Path(__file__).parents[3] / "docs" / "scaling.md"
RULE = next(
    line for line in SCALING.read_text("utf-8").splitlines() if line.startswith("ACL SETUSER")
).split()
COMMANDS = [word[1:] for word in RULE if word.startswith("+")]


@pytest.fixture(scope="module")
def own() -> Iterator[RedisServer]:
    """A Redis that tests may spoil, if they mend it again; empty for each test."""
    server = RedisServer("--enable-debug-command", "yes")
    yield server
    server.close()


@asynccontextmanager
async def broker_of(server: RedisServer, user: str = "") -> AsyncIterator[RedisBroker]:
    """A broker, as a user of Redis."""
    url = server.url.replace("unix://", f"unix://{user}@") if user else server.url
    broker = RedisBroker(
        RedisPlace(url, password="PASSWORD" if user else None, timeout_seconds=1.0),
        lease_seconds=5.0,
    )
    try:
        yield broker
    finally:
        await broker.close()
        server.ask("FLUSHALL")


async def beat(broker: RedisBroker) -> None:
    """Have a broker look, as it does every second."""
    broker.look()
    assert broker._beating is not None
    await broker._beating


async def pushed(sequencer: RedisSequencer, record: Record, count: int) -> None:
    """Push once more, and wait for the answer: the ``count``-th of this record."""
    push(sequencer, record, push_id=count)
    await record.answered(count)


async def room_of(broker: RedisBroker, record: Record) -> RedisSequencer:
    sequencer = await opened(broker, record)
    assert isinstance(sequencer, RedisSequencer)
    await pushed(sequencer, record, 1)
    return sequencer


@pytest.mark.parametrize("command", COMMANDS)
async def test_a_right_that_is_missing_is_named_at_the_start(
    own: RedisServer, command: str
) -> None:
    own.ask("ACL", "SETUSER", "rooms", "reset")
    assert own.ask(*RULE, f"-{command}") == b"+OK\r\n"
    async with broker_of(own, "rooms") as broker:
        with pytest.raises(
            Unavailable, match=rf"use {command.upper()} on .*ACL".replace("|", r"\|")
        ):
            await broker.begin()


async def test_keys_that_its_user_may_not_use_are_no_riddle_either(own: RedisServer) -> None:
    own.ask("ACL", "SETUSER", "rooms", "reset")
    own.ask(*RULE, "resetkeys", "~others:*")
    async with broker_of(own, "rooms") as broker:
        with pytest.raises(Unavailable, match=r"on the keys and channels of rooms \(ACL\)"):
            await broker.begin()


@pytest.mark.parametrize("command", ["hset", "publish"])
async def test_a_right_that_is_taken_away_is_named_and_nothing_is_lost(
    own: RedisServer, command: str
) -> None:
    async with broker_of(own) as broker:
        record = Record(client=CLIENT)
        sequencer = await room_of(broker, record)
        own.ask("ACL", "SETUSER", "default", f"-{command}")
        try:
            push(sequencer, record, push_id=2)
            while broker.trouble is None:
                await asyncio.sleep(0.01)
            assert command.upper() in broker.trouble
        finally:
            own.ask("ACL", "SETUSER", "default", f"+{command}")
        await record.answered(2)
        await pushed(sequencer, record, 3)
        assert [getattr(answer, "seq", answer) for answer in record.answers[:3]] == [1, 2, 3]
        async with broker_of(own) as other:
            assert kept((await opened(other, Record())).room) == kept(sequencer.room)


async def test_a_full_redis_lets_read_and_delete(own: RedisServer) -> None:
    async with broker_of(own) as broker:
        record = Record(client=CLIENT)
        await room_of(broker, record)
        own.ask("CONFIG", "SET", "maxmemory", "1")
        try:
            async with broker_of_full(own) as other:
                assert (await opened_again(other)).room.seq == 1
                await beat(other)
                assert other.trouble == "Redis is full (maxmemory)"
                # Its lease holds all the same, so that who is at it is shown.
                assert await other.has("room")
                servers = await other._store.ask("ZRANGE", other._store.keys.servers, 0, -1)
                assert other._store.server.encode() in servers
                assert await other.delete("room")
        finally:
            own.ask("CONFIG", "SET", "maxmemory", "0")
        await beat(broker)
        assert broker.trouble is None


@asynccontextmanager
async def broker_of_full(server: RedisServer) -> AsyncIterator[RedisBroker]:
    broker = RedisBroker(RedisPlace(server.url, timeout_seconds=1.0))
    yield broker
    await broker.close()


async def opened_again(broker: RedisBroker) -> RedisSequencer:
    sequencer = await broker.open("room", Record())
    assert sequencer is not None
    return sequencer


@pytest.mark.parametrize("key", ["log", "facts"])
async def test_something_else_under_a_rooms_key_keeps_no_other_room_from_going_on(
    own: RedisServer, key: str
) -> None:
    async with broker_of(own) as broker:
        record, other = Record(client=CLIENT), Record(client=CLIENT)
        sequencer = await room_of(broker, record)
        at_other = await opened(broker, other, "other")
        assert isinstance(at_other, RedisSequencer)
        name = f"driftdb:room:room:{key}"
        own.ask("RENAME", name, "aside")
        own.ask("SET", name, "something else")
        await pushed(sequencer, record, 2)
        assert isinstance(record.answers[1], Unavailable)
        assert "something else than rooms" in record.answers[1].plain
        for count in (1, 2):
            await pushed(at_other, other, count)
        assert isinstance(other.answers[1], Applied)
        own.ask("RENAME", "aside", name)
        await pushed(sequencer, record, 3)
        assert isinstance(record.answers[2], Applied)
        assert record.answers[2].seq == 2


@pytest.mark.parametrize("key", ["facts", "log", "access"])
async def test_a_room_that_cant_be_read_keeps_no_other_from_being_listed_checked_and_copied(
    own: RedisServer, tmp_path: Path, key: str
) -> None:
    async with broker_of(own) as broker:
        for name in ("good", "spoilt"):
            await broker.create(name)
        own.ask("DEL", f"driftdb:room:spoilt:{key}")
        own.ask("SET", f"driftdb:room:spoilt:{key}", "something else")
        assert [summary.name for summary in await broker.summaries()] == ["good", "spoilt"]
        (damage,) = await broker.check()
        assert damage.startswith("room 'spoilt' can't be read: Redis has something else than rooms")
        copied = tmp_path / "copy.db"
        with pytest.raises(Unavailable, match="has 1 of 2 rooms: the others can't be read"):
            await broker.backup(str(copied), progress=lambda done, total: None)
        journal = Journal(str(copied), reading=True)
        assert journal.names() == ["good"]
        journal.close()
        assert await broker.delete("spoilt")
        assert await broker.check() == []


@pytest.mark.parametrize("key", ["log", "snapshot"])
async def test_a_room_of_which_a_part_was_evicted_says_so_and_can_be_deleted(
    own: RedisServer, key: str
) -> None:
    async with broker_of(own) as broker:
        record = Record(client=CLIENT)
        sequencer = await room_of(broker, record)
        await broker._rooms.write_snapshot(sequencer)
        await pushed(sequencer, record, 2)
        own.ask("DEL", f"driftdb:room:room:{key}")
        async with broker_of_full(own) as other:
            with pytest.raises(Unavailable, match="what Redis has of it doesn't fit together"):
                await other.open("room", Record())
            assert await other.delete("room")


async def test_a_room_whose_facts_were_evicted_can_be_made_anew(own: RedisServer) -> None:
    async with broker_of(own) as broker:
        record = Record(client=CLIENT)
        sequencer = await room_of(broker, record)
        own.ask("DEL", "driftdb:room:room:facts")
        push(sequencer, record)
        while ("deleted", None) not in record.heard:
            await asyncio.sleep(0.01)
        again = Record(client=CLIENT)
        assert (await room_of(broker, again)).room.seq == 1


async def test_a_redis_that_evicts_is_warned_of_and_serves(
    own: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    own.ask("CONFIG", "SET", "maxmemory", "1gb", "maxmemory-policy", "allkeys-lru")
    try:
        async with broker_of(own) as broker:
            await broker.begin()
            assert broker.trouble is None
            assert broker.warning is not None
            assert "expected maxmemory-policy noeviction, got allkeys-lru" in broker.warning
            assert broker.warning in caplog.text
    finally:
        own.ask("CONFIG", "SET", "maxmemory", "0", "maxmemory-policy", "noeviction")


async def test_a_clock_that_was_set_back_ends_leases_no_later_and_gives_no_time_twice(
    own: RedisServer,
) -> None:
    now = 1_000_000.0
    place = RedisPlace(own.url, timeout_seconds=1.0)
    dead = RedisBroker(RedisPlace(own.url), lease_seconds=5.0, clock=lambda: now)
    await dead.begin()
    await beat(dead)
    broker = RedisBroker(place, lease_seconds=5.0, clock=lambda: now)
    try:
        record = Record(client=CLIENT)
        sequencer = await room_of(broker, record)
        before = sequencer.time
        now -= 3600
        await pushed(sequencer, record, 2)
        assert sequencer.time > before
        await beat(broker)
        ends = await broker._store.ask("ZSCORE", broker._store.keys.servers, dead._store.server)
        assert float(ends) <= (now + 10) * 1e6
    finally:
        await broker.close()
        await dead.close()
        own.ask("FLUSHALL")


async def test_an_address_that_leads_to_another_redis_is_noticed_though_the_first_goes_on(
    own: RedisServer, tmp_path: Path
) -> None:
    second = RedisServer()
    address = tmp_path / "address"
    address.symlink_to(own.path)
    broker = RedisBroker(RedisPlace(f"unix://{address}", timeout_seconds=1.0))
    try:
        record = Record(client=CLIENT)
        sequencer = await room_of(broker, record)
        address.unlink()
        address.symlink_to(second.path)
        await pushed(sequencer, record, 2)  # nobody has told it
        broker._looked_at -= 60
        await beat(broker)
        assert ("reset", None) in record.heard
        again = Record(client=CLIENT)
        assert (await room_of(broker, again)).room.seq == 1
        assert b":0" in own.ask("EXISTS", "driftdb:room:other:facts")
        await broker.create("other")
        assert b":1" in second.ask("EXISTS", "driftdb:room:other:facts")
    finally:
        await broker.close()
        second.close()
        own.ask("FLUSHALL")


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (exceptions.ResponseError("NOREPLICAS Not enough"), "too few replicas follow it"),
        (exceptions.ResponseError("MISCONF Redis is configured"), "can't write to its disk"),
        (exceptions.ReadOnlyError("You can't write"), "it is a replica"),
        (exceptions.BusyLoadingError("Redis is loading"), "is reading its data"),
        (exceptions.ResponseError("\x1b[2J"), "the server's log has it"),
    ],
)
async def test_what_redis_refuses_is_told_in_words(error: Exception, told: str) -> None:
    assert told in explain(error)
    assert "\x1b" not in quoted(error)
