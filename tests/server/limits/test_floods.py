"""Connections that have much to say share the loop, and have their turns one after the other."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

import pytest

from driftdb_jupyter.server.limits.floods import Floods
from driftdb_jupyter.server.limits.others import Others

pytestmark = pytest.mark.asyncio


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def turn(floods: Floods) -> asyncio.Future[None]:
    """A future that is done when a turn has come."""
    come: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def begin() -> bool:
        if come.done():
            return False
        come.set_result(None)
        return True

    floods.wait(begin)
    return come


def noted(name: str, taken: list[str], *, again: Floods | None = None) -> Callable[[], bool]:
    """A turn that notes whose it was; ``again``: where it waits for one more."""

    def take() -> bool:
        taken.append(name)
        if again is not None:
            again.wait(noted(name, taken))
        return True

    return take


async def test_all_that_arrive_in_a_tick_share_one_budget_and_the_next_tick_has_another() -> None:
    clock = Clock()
    floods = Floods(clock=clock)
    assert not floods.over()
    clock.now = 0.0001
    assert not floods.over()
    clock.now = 0.0003
    assert floods.over()
    assert floods.over()
    await asyncio.sleep(0)
    assert not floods.over()


async def test_one_of_those_who_wait_has_its_turn_in_each_tick_in_their_order() -> None:
    floods, taken = Floods(), list[str]()
    for name in "abc":
        floods.wait(noted(name, taken, again=floods))
    while floods.crowded:
        before = len(taken)
        await asyncio.sleep(0)
        assert len(taken) - before <= 1
    assert taken == list("abcabc")


async def test_who_waits_alone_again_and_again_has_one_turn_a_tick() -> None:
    floods, taken = Floods(), list[int]()

    def take() -> bool:
        taken.append(1)
        floods.wait(take)
        return True

    floods.wait(take)
    for _ in range(50):
        before = len(taken)
        await asyncio.sleep(0)
        assert len(taken) - before <= 1
    assert len(taken) > 10


async def test_nobody_waits_for_the_turn_of_a_connection_that_has_ended() -> None:
    floods = Floods()
    ended, other = turn(floods), turn(floods)
    ended.cancel()
    await other
    assert not floods.over()


async def test_what_has_arrived_is_taken_and_answered_before_a_turn() -> None:
    order: list[str] = []
    floods = Floods(lambda: order.append("answered"))
    loop = asyncio.get_running_loop()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        loop.add_reader(ours, lambda: order.append("arrived"))
        theirs.send(b"x")
        floods.wait(noted("turn", order))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        loop.remove_reader(ours)
    assert order[:3] == ["arrived", "answered", "turn"]


async def test_where_others_wait_those_who_arrive_have_less_time() -> None:
    clock = Clock()
    floods = Floods(clock=clock)
    assert not floods.crowded
    come = turn(floods)
    assert floods.crowded
    assert not floods.over()
    clock.now = 0.00018
    assert floods.over()
    await come
    assert not floods.crowded
    assert not floods.over()
    clock.now = 0.00036
    assert not floods.over()


async def test_a_long_turn_is_followed_by_a_pause_while_others_talk() -> None:
    clock = Clock()
    others = Others(clock)
    others.pause(clock.now)  # after an earlier turn
    floods, taken = Floods(others=others, clock=clock), list[str]()

    def take_long() -> bool:
        clock.now += 10.0
        return noted("long", taken)()

    floods.wait(take_long)
    floods.wait(noted("next", taken))
    others.hear(1)
    for _ in range(10):
        await asyncio.sleep(0)
    assert taken == ["long"]
    assert floods.crowded
