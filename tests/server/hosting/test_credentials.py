"""A connection keeps a credential: it ends, is renewed, and is asked about while it is open."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from itertools import count
from unittest.mock import Mock

import pytest
import pytest_asyncio

from driftdb_jupyter.access.grants import EVERYTHING, NOTHING, Grant, Grants, compile_grants
from driftdb_jupyter.access.identity import GUEST, Identity
from driftdb_jupyter.access.room_access import POLICY, RoomAccess
from driftdb_jupyter.server.hosting import hub
from driftdb_jupyter.server.hosting.peer import Peer
from driftdb_jupyter.server.sending.turns import Turns

from ..line import Line
from ..world import World, join

pytestmark = pytest.mark.asyncio


class Ticket:
    """A credential whose answers a test can change."""

    identity: Identity = GUEST
    steady = True

    def __init__(self, *, expires_at: float | None = None) -> None:
        self.expires_at = expires_at
        self.allows = EVERYTHING
        self.good: bool | Awaitable[bool] = True
        self.asked = 0

    def grants(self, access: RoomAccess) -> Grants:
        self.asked += 1
        return self.allows

    def may_create(self) -> bool:
        return False

    def revalidate(self) -> bool | Awaitable[bool]:
        return self.good


Come = Callable[[], Awaitable[Peer]]


@pytest_asyncio.fixture
async def world() -> World:
    return World()


@pytest.fixture
def closed() -> list[int]:
    """The codes that connections were closed with."""
    return []


@pytest_asyncio.fixture
async def come(world: World, lines: list[Line], closed: list[int]) -> Come:
    """Let another peer join."""

    async def join_room() -> Peer:
        lines.append(Line(world.hub.flusher))
        return join(world.hub, await world.room(), lines[-1], closed)

    return join_room


async def test_it_is_not_asked_for_a_message(world: World, come: Come, closed: list[int]) -> None:
    peer = await come()
    ticket = Ticket()
    peer.renew(ticket)
    asked = ticket.asked
    for _ in range(3):
        peer.receive(1, b'{"type":"push","key":"k","value":1,"action":{"type":"relay"}}')
        peer.receive(1, b'{"type":"get","key":"k"}')
    assert ticket.asked == asked


async def test_a_connection_whose_credential_ends_is_closed_with_4401(
    world: World, come: Come, closed: list[int]
) -> None:
    peer = await come()
    other = await come()
    for each, seconds in ((peer, -1.0), (other, 1e6)):
        each.renew(Ticket(expires_at=time.time() + seconds))
        world.hub.renewed(each)
    world.hub.expire_credentials()
    assert closed == [4401]
    assert peer.outbox.closed
    assert not other.outbox.closed


async def test_one_that_was_renewed_in_time_stays(
    world: World, come: Come, closed: list[int]
) -> None:
    peer = await come()
    for seconds in (-1.0, 1e6):
        peer.renew(Ticket(expires_at=time.time() + seconds))
        world.hub.renewed(peer)
    world.hub.expire_credentials()
    peer.renew(Ticket())
    world.hub.renewed(peer)
    world.hub.expire_credentials()
    assert closed == []


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Mock:
    """The hub's clock: what it returns can be set."""
    clock = Mock(return_value=1e6)
    monkeypatch.setattr(hub, "time", Mock(time=clock))
    return clock


async def test_one_ends_in_time_though_the_clock_was_set_back_meanwhile(
    world: World, come: Come, closed: list[int], clock: Mock
) -> None:
    world.hub.backlog.turns = Turns(clock=count().__next__)  # each of their turns takes long
    peers = [await come() for _ in range(3)]
    for peer in peers:
        peer.renew(Ticket(expires_at=1e6 + 10))
        world.hub.renewed(peer)
    clock.return_value += 10
    world.hub.expire_credentials()
    clock.return_value -= 3600
    await world.settle()
    assert len(closed) == 1  # whose turn came before that
    world.hub.expire_credentials()
    clock.return_value += 3600
    world.hub.expire_credentials()
    await world.settle()
    assert closed == 3 * [4401]


async def test_it_is_told_again_where_the_clock_was_set_back_meanwhile(
    world: World, come: Come, lines: list[Line], clock: Mock
) -> None:
    world.hub.backlog.turns = Turns(clock=count().__next__)
    for _ in range(2):
        peer = await come()
        peer.receive(1, b'{"type":"renew"}')
        peer.renew(Ticket(expires_at=1e6 + 100))
        world.hub.renewed(peer)
    clock.return_value += 80
    world.hub.expire_credentials()
    clock.return_value -= 3600
    await world.settle()
    clock.return_value += 3600
    world.hub.expire_credentials()
    await world.settle()
    world.hub.flusher.flush()
    for line in lines:
        heard = line.arrived()
        assert heard.count(b'"expires"') == heard.count(b'"type":"expires","in_seconds":20.0') == 1


async def test_many_are_asked_and_closed_one_after_the_other(
    world: World, come: Come, closed: list[int]
) -> None:
    world.hub.backlog.turns = Turns(clock=count().__next__)  # each of their turns takes long
    peers = [await come() for _ in range(5)]
    renewed_late = peers[-1]
    for peer in peers:
        peer.renew(Ticket(expires_at=time.time() - 1))
        world.hub.renewed(peer)
    world.hub.expire_credentials()
    assert len(closed) == 1
    renewed_late.renew(Ticket())
    world.hub.renewed(renewed_late)
    await world.settle()
    assert closed == 4 * [4401]

    others = [await come() for _ in range(3)]
    for peer in others:
        ticket = Ticket()
        ticket.good = False
        peer.renew(ticket)
    closed.clear()
    world.hub.check_credentials()
    assert len(closed) < 3
    await world.settle()
    assert closed == 3 * [4401]


async def test_what_many_have_to_ask_others_begins_one_in_each_turn_of_the_loop(
    world: World, come: Come
) -> None:
    begun: list[int] = []

    async def ask(number: int) -> bool:
        begun.append(number)
        return True

    for number in range(5):
        ticket = Ticket()
        ticket.good = ask(number)
        (await come()).renew(ticket)
    all_asked = world.hub.check_credentials()
    for turn in range(5):
        assert len(begun) <= turn
        assert not all_asked.done()
        await asyncio.sleep(0)
    await all_asked
    await world.settle()
    assert begun == [0, 1, 2, 3, 4]


async def test_many_are_told_one_after_the_other_that_theirs_ends(
    world: World, come: Come, lines: list[Line], clock: Mock
) -> None:
    world.hub.backlog.turns = Turns(clock=count().__next__)  # each of their turns takes long
    peers = [await come() for _ in range(4)]
    for peer in peers:
        peer.hears_expiry = True
        peer.renew(Ticket(expires_at=1e6 + 100))
        world.hub.renewed(peer)
    clock.return_value += 80
    world.hub.expire_credentials()
    peers[-1].renew(Ticket(expires_at=1e6 + 1000))
    world.hub.renewed(peers[-1])
    world.hub.flusher.flush()
    assert [b"expires" in line.arrived() for line in lines] == [True, False, False, False]
    await world.settle()
    world.hub.flusher.flush()
    assert [b"expires" in line.arrived() for line in lines] == [False, True, True, False]


async def test_one_that_is_no_longer_good_is_closed_with_4401(
    world: World, come: Come, closed: list[int]
) -> None:
    async def later() -> bool:
        return False

    for good in (False, later()):
        closed.clear()
        peer = await come()
        ticket = Ticket()
        peer.renew(ticket)
        world.hub.check_credentials()
        assert closed == []
        ticket.good = good
        world.hub.check_credentials()
        await world.settle()
        assert closed == [4401]
        world.hub.leave(peer)


async def test_what_it_allows_is_looked_at_when_it_is_asked_about(
    world: World, come: Come, closed: list[int]
) -> None:
    peer = await come()
    ticket = Ticket()
    ticket.allows = compile_grants(Grant(("read",)))
    peer.renew(ticket)
    ticket.allows = NOTHING
    world.hub.check_credentials()
    assert closed == [4403]


async def test_a_change_of_the_rooms_access_is_looked_at_at_once(
    world: World, come: Come, closed: list[int]
) -> None:
    peer = await come()
    ticket = Ticket()
    peer.renew(ticket)
    ticket.allows = NOTHING
    assert await world.hub.rooms.change_access("r", {POLICY: b"{}"})
    assert not peer.may_read("k")
    await world.settle()
    assert closed == [4403]


async def test_one_that_allowed_everything_is_looked_at_too(
    world: World, come: Come, closed: list[int]
) -> None:
    peer = await come()
    ticket = Ticket()
    peer.renew(ticket)

    async def less_now() -> bool:
        ticket.allows = compile_grants(Grant(("read",)))
        return True

    ticket.good = less_now()
    world.hub.check_credentials()
    await world.settle()
    assert not peer.guard.unlimited
    assert closed == []

    other = await come()
    other_ticket = Ticket()
    other.renew(other_ticket)
    other_ticket.allows = NOTHING
    ticket.good = True
    world.hub.check_credentials()
    await world.settle()
    assert closed == [4403]
