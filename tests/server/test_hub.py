"""Which rooms are open, whoever asks for them at whatever time."""

from __future__ import annotations

import asyncio
import logging

import pytest
from msgspec import Raw

from driftdb_jupyter.broker.broker import Audience
from driftdb_jupyter.broker.memory import MemoryBroker, MemorySequencer
from driftdb_jupyter.protocol.entry import Author
from driftdb_jupyter.protocol.errors import Unavailable
from driftdb_jupyter.protocol.json_codec import JSON
from driftdb_jupyter.protocol.messages import Append, Push
from driftdb_jupyter.server.access import Anyone
from driftdb_jupyter.server.close_codes import CLOSE_GONE, CLOSE_SILENT
from driftdb_jupyter.server.hosted_room import HostedRoom
from driftdb_jupyter.server.hub import Hub
from driftdb_jupyter.server.peer import Peer
from driftdb_jupyter.server.settings import DriftDB

from .line import Line

pytestmark = pytest.mark.asyncio


class SlowBroker(MemoryBroker):
    """A broker whose rooms come from a disk: each step is noted, and waits until it may go on."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[str] = []
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.broken = False

    async def _step(self, step: str) -> None:
        self.steps.append(step)
        await self.go_on.wait()
        self.steps.append(f"{step} done")

    async def open(self, name: str, audience: Audience) -> MemorySequencer | None:
        await self._step("open")
        if self.broken:
            raise Unavailable("expected a disk, got none")
        return await super().open(name, audience)

    async def leave(self, name: str) -> None:
        await self._step("leave")
        await super().leave(name)

    async def delete(self, name: str) -> bool:
        await self._step("delete")
        if self.broken:
            raise Unavailable("expected a disk, got none")
        return await super().delete(name)


class World:
    """A hub over a slow broker with one room."""

    def __init__(self, **settings: float) -> None:
        self.broker = SlowBroker()
        self.hub = Hub(self.broker, DriftDB(**settings))

    async def room(self) -> HostedRoom:
        """The room, opened."""
        await self.broker.create("r")
        hosted = await self.hub.rooms.open("r")
        assert hosted is not None
        self.broker.steps.clear()
        return hosted

    async def settle(self) -> None:
        """Let everything go as far as it can."""
        for _ in range(20):
            await asyncio.sleep(0)


def join(hub: Hub, hosted: HostedRoom, line: Line, closed: list[int]) -> Peer:
    """Let a peer join that notes the code it is closed with."""
    peer = Peer(
        hosted,
        line.outbox,
        access=Anyone(),
        author=Author("anna"),
        client=None,
        close=lambda code, reason: closed.append(code),
        codec=JSON,
        limits=hub.limits,
        subscription_limit=1,
        unwritten=hub.new_unwritten(),
    )
    hub.join(peer, hosted)
    return peer


async def test_all_who_ask_while_a_room_is_loading_get_the_same_one_in_order() -> None:
    world = World()
    await world.broker.create("r")
    world.broker.go_on.clear()
    got: list[tuple[int, HostedRoom | None]] = []

    async def ask(number: int) -> None:
        got.append((number, await world.hub.rooms.open("r")))

    asking = [asyncio.create_task(ask(number)) for number in range(5)]
    await world.settle()
    assert got == []
    world.broker.go_on.set()
    await asyncio.gather(*asking)
    assert world.broker.steps == ["open", "open done"]
    assert [number for number, _ in got] == [0, 1, 2, 3, 4]
    assert len({id(hosted) for _, hosted in got}) == 1


async def test_one_who_gives_up_takes_the_room_from_nobody() -> None:
    world = World()
    await world.broker.create("r")
    world.broker.go_on.clear()
    impatient, patient = (asyncio.create_task(world.hub.rooms.open("r")) for _ in range(2))
    await world.settle()
    impatient.cancel()
    world.broker.go_on.set()
    assert await patient is not None


async def test_a_room_that_is_not_there_is_asked_for_once_for_all_and_then_anew() -> None:
    world = World()
    assert await asyncio.gather(*(world.hub.rooms.open("r") for _ in range(3))) == [None] * 3
    assert world.broker.steps == ["open", "open done"]
    await world.hub.rooms.create("r")
    assert await world.hub.rooms.open("r") is not None


async def test_a_failure_is_everybodys_and_no_lasting_one() -> None:
    world = World()
    await world.broker.create("r")
    world.broker.broken = True
    failed = await asyncio.gather(
        *(world.hub.rooms.open("r") for _ in range(2)), return_exceptions=True
    )
    assert [type(failure) for failure in failed] == [Unavailable] * 2
    world.broker.broken = False
    assert await world.hub.rooms.open("r") is not None


async def test_a_room_is_left_when_nobody_uses_it() -> None:
    world = World(room_idle_seconds=0.0)
    hosted = await world.room()
    world.hub.rooms.enter(hosted)
    world.hub.tidy()
    assert len(world.hub.rooms) == 1
    world.hub.rooms.exit(hosted)
    world.hub.tidy()
    assert len(world.hub.rooms) == 0
    await world.settle()
    assert world.broker.steps == ["leave", "leave done"]


async def test_a_room_stays_for_a_while() -> None:
    world = World(room_idle_seconds=1000.0)
    await world.room()
    world.hub.tidy()
    assert len(world.hub.rooms) == 1


async def test_who_comes_while_a_room_is_being_left_waits_and_gets_it_anew() -> None:
    world = World(room_idle_seconds=0.0)
    old = await world.room()
    world.broker.go_on.clear()
    world.hub.tidy()
    asking = asyncio.create_task(world.hub.rooms.open("r"))
    await world.settle()
    assert world.broker.steps == ["leave"]
    world.broker.go_on.set()
    new = await asking
    assert new is not None
    assert new is not old
    assert world.broker.steps == ["leave", "leave done", "open", "open done"]


@pytest.mark.parametrize("turn", range(10))
async def test_a_room_that_was_just_opened_is_not_left_before_it_is_used(turn: int) -> None:
    world = World(room_idle_seconds=0.0)
    await world.broker.create("r")
    used = []

    async def use() -> None:
        hosted = await world.hub.rooms.open("r")
        assert hosted is not None
        world.hub.rooms.enter(hosted)
        used.append(hosted)

    using = [asyncio.create_task(use()) for _ in range(5)]
    for _ in range(turn):
        await asyncio.sleep(0)
    world.hub.tidy()
    await asyncio.gather(*using)
    world.hub.tidy()
    assert len(set(used)) == len(world.hub.rooms) == 1
    assert world.broker.steps.count("open done") == world.broker.steps.count("leave done") + 1


async def test_a_deleted_room_is_gone_for_who_asks_meanwhile() -> None:
    world = World()
    hosted = await world.room()
    world.hub.rooms.enter(hosted)
    world.broker.go_on.clear()
    deleting = [asyncio.create_task(world.hub.rooms.delete("r")) for _ in range(2)]
    await world.settle()
    asking = asyncio.create_task(world.hub.rooms.open("r"))
    await world.settle()
    world.broker.go_on.set()
    assert await asyncio.gather(*deleting) == [True, False]
    assert await asking is None
    world.hub.rooms.exit(hosted)
    assert len(world.hub.rooms) == 0


async def test_a_room_that_cant_be_deleted_stays_and_so_does_who_is_in_it(
    lines: list[Line],
) -> None:
    world = World()
    lines.append(Line(world.hub.flusher))
    hosted = await world.room()
    closed: list[int] = []
    peer = join(world.hub, hosted, lines[0], closed)
    world.broker.broken = True
    world.broker.go_on.clear()
    deleting = asyncio.create_task(world.hub.rooms.delete("r"))
    await world.settle()
    asking = asyncio.create_task(world.hub.rooms.open("r"))
    world.broker.go_on.set()
    with pytest.raises(Unavailable):
        await deleting
    assert await asking is hosted
    assert closed == []
    world.broker.broken = False
    assert await world.hub.rooms.delete("r")
    assert closed == [CLOSE_GONE]
    world.hub.leave(peer)


def hold(peer: Peer) -> None:
    """Let more of a peer's pushes wait for the journal than may."""
    unwritten = peer._unwritten
    while not unwritten.full:
        unwritten.add(Push("k", Append(), Raw(b"1")), 1_000_000)
    unwritten.wait()


async def test_who_is_held_by_a_slow_disk_is_not_taken_for_dead(lines: list[Line]) -> None:
    world = World()
    lines.append(Line(world.hub.flusher))
    closed: list[int] = []
    peer = join(world.hub, await world.room(), lines[0], closed)
    hold(peer)
    for _ in range(3):
        world.hub.check_signs_of_life()
    assert closed == []
    peer.release()
    world.hub.check_signs_of_life()
    assert closed == [CLOSE_SILENT]
    world.hub.leave(peer)


async def test_who_is_held_may_leave(lines: list[Line]) -> None:
    world = World()
    lines.append(Line(world.hub.flusher))
    peer = join(world.hub, await world.room(), lines[0], [])
    hold(peer)
    world.hub.leave(peer)
    assert not peer.held


async def test_nobody_is_held_by_a_disk_that_fails(lines: list[Line]) -> None:
    world = World()
    lines.append(Line(world.hub.flusher))
    peer = join(world.hub, await world.room(), lines[0], [])
    hold(peer)
    world.hub.tidy()
    assert peer.held
    world.broker.trouble = "the disk is full"
    world.hub.tidy()
    assert not peer.held
    world.hub.leave(peer)


async def test_a_room_is_deleted_that_is_just_being_opened() -> None:
    world = World()
    await world.broker.create("r")
    world.broker.go_on.clear()
    opening = asyncio.create_task(world.hub.rooms.open("r"))
    await world.settle()
    deleting = asyncio.create_task(world.hub.rooms.delete("r"))
    await world.settle()
    world.broker.go_on.set()
    assert await deleting
    await opening
    assert await world.hub.rooms.open("r") is None


async def test_activity_counts_pushes_and_nothing_else() -> None:
    world = World(room_idle_seconds=0.0)
    hosted = await world.room()
    hosted.sequencer.room.seq = 7
    before = world.hub.rooms.newest
    world.hub.tidy()
    assert len(world.hub.rooms) == 0
    await world.room()
    assert world.hub.rooms.newest == before


async def test_rooms_that_nobody_used_expire_and_those_in_use_dont() -> None:
    now = 1000.0
    broker = MemoryBroker(clock=lambda: now)
    hub = Hub(broker, DriftDB(room_retention_seconds=100.0))
    await broker.create("old")
    await broker.create("in use")
    assert await hub.rooms.open("in use") is not None
    now = 1101.0
    await hub.expire()
    assert await hub.rooms.open("old") is None
    assert await hub.rooms.open("in use") is not None


async def test_without_a_retention_rooms_stay_for_ever() -> None:
    broker = MemoryBroker(clock=lambda: 0.0)
    hub = Hub(broker, DriftDB(room_retention_seconds=0.0))
    await broker.create("old")
    await hub.expire()
    assert await hub.rooms.open("old") is not None


async def test_trouble_is_logged_once_and_so_is_its_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World()
    with caplog.at_level(logging.INFO):
        for trouble in (None, "the disk is full", "the disk is full", None, None):
            world.broker.trouble = trouble
            world.hub.tidy()
    assert caplog.messages == ["DriftDB: the disk is full", "DriftDB: all is well again"]
