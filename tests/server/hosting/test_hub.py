"""What the hub does for its peers, and each second."""

from __future__ import annotations

import logging
from itertools import count

import pytest
from msgspec import Raw

from driftdb_jupyter.access.read_policies import read_policies
from driftdb_jupyter.broker.memory import MemoryBroker
from driftdb_jupyter.protocol.entry import Entry
from driftdb_jupyter.protocol.frame import PING, frame
from driftdb_jupyter.protocol.messages import Append, Push
from driftdb_jupyter.protocol.value import Value
from driftdb_jupyter.server.hosting.hub import Hub
from driftdb_jupyter.server.hosting.peer import Peer
from driftdb_jupyter.server.sending.close_codes import CLOSE_SILENT
from driftdb_jupyter.server.sending.turns import Turns
from driftdb_jupyter.server.settings import DriftDB

from ..line import Line
from ..world import World, join

pytestmark = pytest.mark.asyncio


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


async def test_many_are_asked_for_a_sign_of_life_one_after_the_other(lines: list[Line]) -> None:
    world = World()
    world.hub.backlog.turns = Turns(clock=count().__next__)  # each of their turns takes long
    room, closed = await world.room(), list[int]()
    for _ in range(4):
        lines.append(Line(world.hub.flusher))
        join(world.hub, room, lines[-1], closed)
    all_asked = world.hub.check_signs_of_life()
    pings = [line.arrived() for line in lines]
    assert pings == [frame(PING, b""), b"", b"", b""]
    await all_asked
    for number in (1, 2, 3):
        pings[number] = lines[number].arrived()
    assert pings == 4 * [frame(PING, b"")]
    await world.hub.check_signs_of_life()
    assert closed == 4 * [CLOSE_SILENT]


async def test_windows_of_many_rooms_expire_one_after_the_other() -> None:
    world = World()
    world.hub.backlog.turns = Turns(clock=count().__next__)  # each of their turns takes long
    windows = []
    for number in range(3):
        await world.hub.rooms.create(f"{number}")
        hosted = await world.hub.rooms.open(f"{number}")
        assert hosted is not None
        window = hosted.sequencer.room.remember()
        window.add("k", [Entry(1, Value.from_json(b"1"), 0.0, None)], kept=False)
        windows.append(window)
    all_expired = world.hub.expire_windows()
    assert [window.above("k", 0) is None for window in windows] == [True, False, False]
    await all_expired
    assert [window.above("k", 0) is None for window in windows] == 3 * [True]


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


async def test_policies_are_remembered_within_the_setting_whatever_keeps_the_rooms(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(read_policies, "limit_bytes", 1)
    World(policy_cache_limit_bytes=12_345)
    assert read_policies.limit_bytes == 12_345
