from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from driftdb_jupyter.broker.redis.broker import RedisBroker
from driftdb_jupyter.broker.redis.connecting import RedisPlace
from driftdb_jupyter.broker.redis.record import AccessChanged, encode_body
from driftdb_jupyter.broker.redis.store import Store
from driftdb_jupyter.protocol.errors import Unavailable
from driftdb_jupyter.rooms.room import Room

from ..brokers import CLIENT, Record, kept, opened, push
from .servers import RedisServer

pytestmark = pytest.mark.asyncio

WRITING = [
    *("expire", "hdel", "hset", "persist", "publish", "rename", "rpush", "sadd", "set", "srem"),
    *("unlink", "xadd", "xtrim", "zadd", "zrem"),
]
MANY = 9_000
"""More than a script of Redis can unpack."""


@pytest.fixture(scope="module")
def own() -> Iterator[RedisServer]:
    server = RedisServer()
    yield server
    server.close()


@asynccontextmanager
async def broker_of(server: RedisServer) -> AsyncIterator[RedisBroker]:
    broker = RedisBroker(RedisPlace(server.url, timeout_seconds=2.0))
    try:
        yield broker
    finally:
        await broker.close()


@asynccontextmanager
async def room_of(server: RedisServer) -> AsyncIterator[tuple[RedisBroker, Any]]:
    """A broker with a room of three values, which has a snapshot after the second."""
    server.ask("FLUSHALL")
    async with broker_of(server) as broker:
        record = Record(client=CLIENT)
        sequencer: Any = await opened(broker, record)
        for count in (1, 2, 3):
            push(sequencer, record, push_id=count)
            await record.answered(count)
            if count == 2:
                await broker._rooms.write_snapshot(sequencer)
        yield broker, sequencer


def before_script(
    monkeypatch: pytest.MonkeyPatch, operation: str, happens: Callable[[str], object]
) -> None:
    """Have something happen once between the writing of pieces and the script that takes them."""
    do, happened = Store.do, False

    async def other(self: Store, name: str | None, asked: str, *parts: Any, **more: Any) -> Any:
        nonlocal happened
        if asked == operation and not happened:
            happened = True
            happens(more.get("written", ""))
        return await do(self, name, asked, *parts, **more)

    monkeypatch.setattr(Store, "do", other)


async def snapshot(broker: RedisBroker, sequencer: Any) -> None:
    await broker._rooms.write_snapshot(sequencer)


async def replace(broker: RedisBroker, sequencer: Any) -> None:
    room = Room(epoch="other")
    room.take_access(sequencer.room.access)
    await broker.replace("room", room)


async def change_access(broker: RedisBroker, sequencer: Any) -> None:
    await broker.change_access("room", {("link", "a"): b"1"})


async def delete(broker: RedisBroker, sequencer: Any) -> None:
    await broker.delete("room")


OPERATIONS: dict[str, Callable[[RedisBroker, Any], Awaitable[None]]] = {
    "snapshot": snapshot,
    "put": replace,
    "access": change_access,
    "delete": delete,
}


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("command", WRITING)
async def test_a_room_is_as_it_was_when_a_right_is_gone_in_the_middle(
    own: RedisServer, monkeypatch: pytest.MonkeyPatch, operation: str, command: str
) -> None:
    async with room_of(own) as (broker, sequencer):
        before = kept(sequencer.room)
        before_script(
            monkeypatch, operation, lambda _: own.ask("ACL", "SETUSER", "default", f"-{command}")
        )
        try:
            if operation == "snapshot":
                await snapshot(broker, sequencer)
            else:
                with pytest.raises(Unavailable, match=command.upper()):
                    await OPERATIONS[operation](broker, sequencer)
        finally:
            own.ask("ACL", "SETUSER", "default", f"+{command}")
        async with broker_of(own) as other:
            assert kept((await opened(other, Record())).room) == before
            access = await other.access("room")
            assert access is not None
            assert not access.items()


@pytest.mark.parametrize("operation", ["snapshot", "put"])
async def test_pieces_that_are_gone_leave_the_room_as_it_was(
    own: RedisServer, monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    async with room_of(own) as (broker, sequencer):
        before = kept(sequencer.room)
        before_script(monkeypatch, operation, lambda written: own.ask("DEL", written))
        if operation == "snapshot":
            await snapshot(broker, sequencer)
        else:
            with pytest.raises(Unavailable, match="lost what was written"):
                await replace(broker, sequencer)
        async with broker_of(own) as other:
            assert kept((await opened(other, Record())).room) == before


async def test_pieces_of_which_the_first_is_gone_are_not_gone_on_with(own: RedisServer) -> None:
    async with room_of(own) as (broker, sequencer):

        def pieces() -> Iterator[bytes]:
            yield b"one"
            for key in own.ask("KEYS", "*snapshot:*").decode().split():
                own.ask("DEL", key)
            yield b"two"

        with pytest.raises(Unavailable, match="lost what was written"):
            await broker._store.write_pieces(sequencer.keys, pieces())
        assert own.ask("KEYS", "*snapshot:*") == b"*0\r\n"


async def test_a_snapshot_that_fails_leaves_no_pieces(
    own: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with room_of(own) as (broker, sequencer):
        before_script(monkeypatch, "snapshot", refuse)
        sequencer.log_bytes = 100
        await snapshot(broker, sequencer)
        assert own.ask("KEYS", "*snapshot:*") == b"*0\r\n"
        assert sequencer.log_bytes == 0  # no next attempt before there is as much again


def refuse(written: str) -> None:
    raise Unavailable("Redis is full")


async def test_a_room_that_is_put_has_lost_nothing_to_another_generation(
    own: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with room_of(own) as (broker, sequencer):
        before = kept(sequencer.room)
        before_script(
            monkeypatch,
            "put",
            lambda _: own.ask("HSET", "driftdb:generation", "id", "another"),
        )
        with pytest.raises(Unavailable, match="lost what was written"):
            await replace(broker, sequencer)
        async with broker_of(own) as other:
            assert kept((await opened(other, Record())).room) == before


async def test_lists_may_be_longer_than_a_script_can_unpack(own: RedisServer) -> None:
    async with room_of(own) as (broker, sequencer):
        do = broker._store.do
        fields = [f"field-{number}" for number in range(MANY)]
        pairs = [part for field in fields for part in (field, "1")]
        changed = encode_body(AccessChanged([]))
        assert len(await do("room", "access", changed, 0, *pairs)) == 3
        assert len(await do("room", "access", changed, MANY, *pairs, *pairs)) == 3
        told = [part for field in fields for part in (field, "1", "1")]
        assert await do("room", "here", *told) == [b"told"]
        assert await do("room", "ended", "nobody", *fields) == [b"ended"]
        assert own.ask("EXISTS", sequencer.keys.here) == b":0\r\n"
        written = await broker._store.write_pieces(sequencer.keys, iter([b"piece"]))
        assert await do(
            "other",
            "put",
            *(10, "id", "{}", changed, "", "", written.piece_count, 0, 0, 0, *pairs),
            written=written.key,
        ) == [b"made"]
        assert own.ask("HLEN", "driftdb:room:other:access") == b":%d\r\n" % MANY


async def test_what_a_server_counts_is_forgotten_when_it_says_nothing_more(
    own: RedisServer,
) -> None:
    async with broker_of(own) as broker:
        assert await broker.shared.count("person", 1, limit=5)
        key = broker._store.keys.shared(f"counts:{broker._store.server}")
        assert own.ask("TTL", key) != b":-1\r\n"
