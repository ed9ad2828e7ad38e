"""Who writes faster than the journal does is held, or refused over HTTP, until it has caught up."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from msgspec import Raw

from driftdb_jupyter.broker.journaled.broker import JournalBroker
from driftdb_jupyter.protocol.messages import Append, Push
from driftdb_jupyter.rooms.memory_budget import MemoryBudget
from driftdb_jupyter.server.hosting.unwritten import Unwritten

from ...conformance.peer import Room, ack, get, push, pushed
from ...conformance.servers import Server, standalone

pytestmark = pytest.mark.asyncio

CLIENT = "c" * 16


def a_push() -> Push:
    return Push("k", Append(), Raw(b"1"))


@pytest.mark.parametrize("length", [1, 100])
async def test_it_is_full_at_a_count_and_at_so_many_bytes(length: int) -> None:
    unwritten = Unwritten(limit_count=3, limit_bytes=200)
    pushes = [a_push() for _ in range(3 if length == 1 else 2)]
    for each in pushes:
        assert not unwritten.full
        unwritten.add(each, length)
    assert unwritten.full
    unwritten.remove(a_push())  # one that never waited
    assert unwritten.full
    unwritten.remove(pushes[0])
    assert not unwritten.full


async def test_who_waits_goes_on_as_soon_as_it_is_full_no_more() -> None:
    unwritten = Unwritten(limit_count=2, limit_bytes=200)
    pushes = [a_push() for _ in range(3)]
    for each in pushes:
        unwritten.add(each, 1)
    waiting = asyncio.ensure_future(unwritten.wait())
    unwritten.remove(pushes[0])
    await asyncio.sleep(0)
    assert unwritten.holds
    unwritten.remove(pushes[1])
    await waiting
    assert not unwritten.holds


async def test_a_reader_that_was_released_does_not_crawl() -> None:
    unwritten = Unwritten(limit_count=10, limit_bytes=2000)
    pushes = [a_push() for _ in range(25)]
    for each in pushes[:10]:
        unwritten.add(each, 1)
    waiting = asyncio.ensure_future(unwritten.wait())
    await asyncio.sleep(0)
    unwritten.release()
    await waiting
    for each in pushes[10:20]:
        assert not unwritten.full
        unwritten.add(each, 1)
    assert unwritten.full
    for each in pushes[:12]:
        unwritten.remove(each)
    for each in pushes[:2]:
        unwritten.add(each, 1)
    assert unwritten.full  # the limit is what it was


@contextmanager
def stalled(server: Server) -> Iterator[None]:
    """A disk that takes nothing for as long as this lasts."""
    broker, go_on = server.hub.broker, threading.Event()
    assert isinstance(broker, JournalBroker)
    broker._threads._writer.submit(go_on.wait)
    try:
        yield
    finally:
        go_on.set()


@pytest.fixture(params=["batched", "synced"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    """A server that lets three pushes wait for its journal."""
    with standalone(
        named_rooms=True,
        journal=tmp_path / "rooms.db",
        durability=request.param,
        unwritten_limit_count=3,
    ) as server:
        yield server


async def test_nothing_more_is_read_from_a_writer_while_too_much_waits(server: Server) -> None:
    room = Room(server, "a")
    writer, other = await room.join(client=CLIENT), await room.join()
    numbers = range(1, 11)
    with stalled(server):
        await writer.send(*(push("k", n, "replace", id=n) for n in numbers))
        while not any(peer.held for peer in server.hub._peers):
            await asyncio.sleep(0.001)
        await other.send(get("k", epoch=None))
        newest = (await other.receive())["seq"]
        assert newest == (3 if server.hub.settings.durability == "batched" else 0)
    await writer.hears(*(ack(n, n) for n in numbers))
    await room.empty()


async def test_a_relay_alone_waits_for_no_disk(server: Server) -> None:
    room = Room(server, "a")
    writer = await room.join()
    await writer.subscribe("k")
    with stalled(server):
        await writer.send(*(push("k", n, "relay") for n in range(10)))
        if server.hub.settings.durability == "batched":
            await writer.hears(*(pushed("k", n, n + 1) for n in range(10)))
    await room.empty()


async def test_a_request_too_many_is_refused_while_others_wait(server: Server) -> None:
    room = Room(server, "a")
    await room.holds("k")
    unwritten = server.hub.unwritten_requests
    with stalled(server):
        waiting = [
            asyncio.ensure_future(room.post(push("k", n, id=n), client=f"{n}" * 16))
            for n in range(1, 4)
        ]
        while not unwritten.full:
            await asyncio.sleep(0.001)
        refused = await room.post(push("k", 4, id=4), client=CLIENT)
        assert (refused.status, refused.json["code"], refused.json["id"]) == (503, "unavailable", 4)
        await room.post({"type": "ping"})
    assert [(await answer).json["type"] for answer in waiting] == ["ack"] * 3
    assert (await room.post(push("k", 4, id=4), client=CLIENT)).json == ack(4, 4)
    await room.empty()


async def test_what_waits_is_charged_with_what_its_values_cost_until_it_is_answered() -> None:
    memory = MemoryBudget()
    unwritten = Unwritten(limit_count=100, limit_bytes=1_000_000, memory=memory)
    many = Push("k", Append(), values=[Raw(b"0")] * 4096)
    one = Push("k", Append(), Raw(b"0"))
    unwritten.add(one, 60)
    assert memory.used_bytes == 60
    unwritten.add(many, 8_000)
    assert unwritten.full
    unwritten.remove(many)
    unwritten.remove(one)
    assert memory.used_bytes == 0
