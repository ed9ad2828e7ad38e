"""What brokers charge to the memory budget, and what they do when nothing of it is left."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from driftdb_jupyter.access.room_access import POLICY
from driftdb_jupyter.broker.file.journal import Journal
from driftdb_jupyter.protocol.entry import Author
from driftdb_jupyter.protocol.errors import QuotaExceeded, Unavailable
from driftdb_jupyter.protocol.messages import Action, Append, Compact, Delete, Relay, Replace
from driftdb_jupyter.rooms.memory_budget import MemoryBudget
from driftdb_jupyter.rooms.room import Room

from .brokers import CLIENT, Record, make, opened, push, running

pytestmark = pytest.mark.asyncio
ALL = pytest.mark.parametrize("kind", ["memory", "batched", "synced"])
KEPT = pytest.mark.parametrize("kind", ["batched", "synced"])
LONG = '"' + "x" * 10_000 + '"'


def total(*rooms: Room) -> int:
    """What rooms without recovery windows are charged."""
    return sum(room.cost_bytes + room.producers.cost_bytes for room in rooms)


@ALL
async def test_the_budget_is_charged_with_all_rooms_and_with_nothing_after_them(
    kind: str, tmp_path: Path
) -> None:
    memory = MemoryBudget()
    async with running(make(kind, tmp_path, memory=memory)) as broker:
        record = Record(client=CLIENT, author=Author("anna"))
        one, other = [await opened(broker, record, name) for name in ("one", "other")]
        actions: list[Action] = [Append(), Append(), Replace(), Append(2), Append(2), Compact(4)]
        for number, action in enumerate([*actions, Relay(), Append()]):
            push(one, record, action, LONG, push_id=number + 1)
            push(other, record, action, "1", key=str(number % 3))
        push(other, record, Delete(), key="0")
        await record.answered(17)
        assert memory.used_bytes == total(one.room, other.room)
        one.room.recover("k", epoch=None, above=0)
        push(one, record, text=LONG, push_id=9)
        await record.answered(18)
        assert one.room.window is not None
        assert memory.used_bytes == total(one.room, other.room) + one.room.window.cost_bytes
        assert await broker.delete("one")
        assert memory.used_bytes == total(other.room)
        await broker.delete("other")
        assert memory.used_bytes == 0


@ALL
async def test_a_push_that_does_not_fit_is_refused_and_less_is_welcome(
    kind: str, tmp_path: Path
) -> None:
    memory = MemoryBudget(100_000)
    async with running(make(kind, tmp_path, memory=memory)) as broker:
        record = Record(author=Author("anna"))
        sequencer = await opened(broker, record)
        for _ in range(20):
            push(sequencer, record, text=LONG)
        await record.answered(20)
        assert 5 < sequencer.room.stream("k").value_count < 10
        assert [type(answer) for answer in record.answers[10:]] == [QuotaExceeded] * 10
        push(sequencer, record, Relay(), LONG)
        push(sequencer, record, Replace(), LONG)
        push(sequencer, record, text=LONG)
        await record.answered(23)
        assert sequencer.room.stream("k").value_count == 2


@ALL
async def test_what_waits_for_the_disk_is_bounded_too(kind: str, tmp_path: Path) -> None:
    memory = MemoryBudget(100_000)
    async with running(make(kind, tmp_path, memory=memory)) as broker:
        record = Record()
        sequencer = await opened(broker, record)
        for _ in range(50):  # at once, before anything was written
            push(sequencer, record, text=LONG)
        await record.answered(50)
        assert 0 <= memory.free_bytes < 20_000


@ALL
@pytest.mark.parametrize("place", [POLICY, ("link", "a")])
async def test_a_policy_that_does_not_fit_is_refused_and_less_is_welcome(
    kind: str, place: tuple[str, str], tmp_path: Path
) -> None:
    memory = MemoryBudget(20_000)
    async with running(make(kind, tmp_path, memory=memory)) as broker:
        record = Record()
        room = (await opened(broker, record)).room
        before = memory.used_bytes
        names = ",".join(f'"user {number}":"read"' for number in range(100))
        large = b'{"users":{%s}}' % names.encode() if place == POLICY else b"1" * 20_000
        with pytest.raises(QuotaExceeded, match="memory_limit_bytes"):
            await broker.change_access("room", {place: large})
        assert memory.used_bytes == before
        assert list(room.access) == []
        assert record.heard == []
        await broker.leave("room")
        access = await broker.access("room")  # as it was written
        assert access is not None
        assert list(access) == []
        await opened(broker, record)
        assert await broker.change_access("room", {place: b"{}"})
        memory.charge(memory.free_bytes + 1)  # more is held than there should be
        assert await broker.change_access("room", {place: None})


@KEPT
async def test_a_policy_of_a_room_that_is_not_loaded_must_fit_too(
    kind: str, tmp_path: Path
) -> None:
    memory = MemoryBudget(20_000)
    async with running(make(kind, tmp_path, memory=memory)) as broker:
        await broker.create("room")
        with pytest.raises(QuotaExceeded, match="memory_limit_bytes"):
            await broker.change_access("room", {("link", "a"): b"1" * 20_000})
        assert await broker.open("room", Record()) is not None


@KEPT
async def test_what_a_policy_costs_is_known_before_its_room_is_loaded(
    kind: str, tmp_path: Path
) -> None:
    async with running(make(kind, tmp_path)) as broker:
        await broker.create("room")
        await broker.change_access("room", {("link", "a"): b"1" * 100_000})
    memory = MemoryBudget(100_000)
    async with running(make(kind, tmp_path, memory=memory)) as broker:
        with pytest.raises(Unavailable, match="memory_limit_bytes"):
            await broker.open("room", Record())
    journal = Journal(str(tmp_path / "rooms.db"), reading=True)
    try:
        loaded = journal.load("room")
        assert loaded is not None
        assert journal.cost_of_room("room") == loaded.room.cost_bytes
    finally:
        journal.close()


@KEPT
async def test_a_room_that_leaves_memory_costs_nothing_and_then_as_much_as_before(
    kind: str, tmp_path: Path
) -> None:
    memory = MemoryBudget()
    record = Record(author=Author("anna"))
    async with running(make(kind, tmp_path, memory=memory)) as broker:
        sequencer = await opened(broker, record)
        for number in range(30):
            push(sequencer, record, text=LONG, key=str(number % 7), push_id=None)
        await record.answered(30)
        cost_bytes = memory.used_bytes
        await broker.leave("room")
        assert memory.used_bytes == 0
        await broker.open("room", record)
        assert memory.used_bytes == cost_bytes


@KEPT
async def test_a_room_that_does_not_fit_can_not_be_opened_and_others_can(
    kind: str, tmp_path: Path
) -> None:
    record = Record()
    async with running(make(kind, tmp_path)) as broker:
        large, _ = [await opened(broker, record, name) for name in ("large", "small")]
        for _ in range(30):
            push(large, record, text=LONG)
        await record.answered(30)
    memory = MemoryBudget(100_000)
    async with running(make(kind, tmp_path, memory=memory)) as broker:
        with pytest.raises(Unavailable, match="memory_limit_bytes"):
            await broker.open("large", record)
        assert memory.used_bytes == 0
        assert await broker.open("small", record) is not None


@KEPT
async def test_a_room_waits_to_be_loaded_until_others_have_left(kind: str, tmp_path: Path) -> None:
    memory = MemoryBudget(500_000)
    record = Record()
    async with running(make(kind, tmp_path, memory=memory)) as broker:
        for name in ("one", "other"):
            sequencer = await opened(broker, record, name)
            for _ in range(30):
                push(sequencer, record, text=LONG)
            await record.answered(30)
            record.answers.clear()
            await broker.leave(name)
        await broker.open("one", record)
        opening = asyncio.ensure_future(broker.open("other", record))
        while not memory.is_tight:  # the hub leaves idle rooms then
            await asyncio.sleep(0)
        await broker.leave("one")
        assert await opening is not None
        assert not memory.wanted_bytes


@KEPT
async def test_a_refusal_that_waits_holds_no_frame_that_its_values_are_in(
    kind: str, tmp_path: Path
) -> None:
    memory = MemoryBudget(100_000)
    async with running(make(kind, tmp_path, memory=memory)) as broker:
        record = Record(client=CLIENT)
        sequencer = await opened(broker, record)
        push(sequencer, record, push_id=1)
        push(sequencer, record, text='"' + "x" * 200_000 + '"', push_id=2)
        assert len(record.answers) < 2  # it waits for its turn
        await record.answered(2)
        refusal = record.answers[1]
        assert isinstance(refusal, QuotaExceeded)
        assert refusal.__traceback__ is None
