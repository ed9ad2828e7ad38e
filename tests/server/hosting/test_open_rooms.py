"""Which rooms are open, whoever asks for them at whatever time."""

from __future__ import annotations

import asyncio
import gc

import pytest

from driftdb_jupyter.protocol.errors import QuotaExceeded, Unavailable
from driftdb_jupyter.protocol.frame import TEXT
from driftdb_jupyter.server.hosting.hosted_room import HostedRoom
from driftdb_jupyter.server.sending.close_codes import CLOSE_GONE

from ..line import Line
from ..world import World, join

pytestmark = pytest.mark.asyncio


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


async def test_a_room_that_many_make_at_once_is_made_and_counted_once() -> None:
    world = World(address_room_limit=2)
    makers = [world.hub.callers["192.0.2.1"]] * 200
    made = await asyncio.gather(*(world.hub.rooms.create("r", maker=each) for each in makers))
    assert sorted(made) == [False] * 199 + [True]
    assert await world.hub.rooms.create("s", maker=makers[0])
    assert not await world.hub.rooms.create("s", maker=makers[0])
    with pytest.raises(QuotaExceeded, match="at most 2 rooms made by one address"):
        await world.hub.rooms.create("t", maker=makers[0])


async def test_where_one_may_make_no_more_rooms_another_who_waits_makes_it() -> None:
    world = World(address_room_limit=1)
    spent, fresh = world.hub.callers["192.0.2.1"], world.hub.callers["192.0.2.2"]
    await world.hub.rooms.create("r", maker=spent)
    refused, made = await asyncio.gather(
        *(world.hub.rooms.create("s", maker=maker) for maker in (spent, fresh)),
        return_exceptions=True,
    )
    assert isinstance(refused, QuotaExceeded)
    assert made is True


async def test_a_room_that_could_not_be_made_counts_for_nobody() -> None:
    world = World(address_room_limit=1)
    maker = world.hub.callers["192.0.2.1"]
    world.broker.broken = True
    for _ in range(2):
        with pytest.raises(Unavailable):
            await world.hub.rooms.create("r", maker=maker)
    world.broker.broken = False
    assert await world.hub.rooms.create("r", maker=maker)


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


async def test_a_room_that_is_left_is_freed_without_a_collection() -> None:
    world = World(room_idle_seconds=0.0)
    left = id(await world.room())
    gc.disable()
    try:
        world.hub.tidy()
        await world.settle()
        assert not any(id(each) == left for each in gc.get_objects() if type(each) is HostedRoom)
    finally:
        gc.enable()


async def test_many_rooms_are_left_one_in_each_turn_of_the_loop() -> None:
    world = World(room_idle_seconds=0.0)
    for number in range(5):
        await world.hub.rooms.create(f"{number}")
        await world.hub.rooms.open(f"{number}")
    world.hub.tidy()
    used = await world.hub.rooms.open("4")
    assert used is not None
    world.hub.rooms.enter(used)
    for left in (1, 2, 3, 4, 4):
        assert len(world.hub.rooms) >= 5 - left
        world.hub.tidy()  # a second later
        await asyncio.sleep(0)
    await world.settle()
    assert [hosted.name for hosted in world.hub.rooms] == ["4"]


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


async def test_peers_in_a_room_that_is_deleted_are_silenced_at_once_and_closed_in_turns() -> None:
    world = World()
    hosted = await world.room()
    lines = [Line(world.hub.flusher) for _ in range(50)]
    closed: list[int] = []
    peers = [join(world.hub, hosted, line, closed) for line in lines]
    waiting = len(world.hub.backlog.turns)
    hosted.deleted()
    assert len(world.hub.backlog.turns) == waiting + len(peers)
    assert not closed
    for peer in peers:
        assert peer.outbox.closed
        peer.receive(TEXT, b'{"type":"push","key":"k","value":1,"action":{"type":"append"}}')
    assert hosted.sequencer.room.seq == 0
    while world.hub.backlog.turns:
        await asyncio.sleep(0)
    assert closed == [4404] * len(peers)
    for line in lines:
        line.stream.close()
        line.far.close()
