"""Connections that have much to say share the loop, and have their turns one after the other."""

from __future__ import annotations

import asyncio

import pytest

from driftdb_jupyter.server.limits.floods import Floods

pytestmark = pytest.mark.asyncio


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_all_of_a_tick_share_one_budget_and_the_next_tick_has_another() -> None:
    clock = Clock()
    floods = Floods(clock)
    assert not floods.over()
    clock.now = 0.0001
    assert not floods.over()
    clock.now = 0.0003
    assert floods.over()
    assert floods.over()
    await asyncio.sleep(0)
    assert not floods.over()


async def test_one_of_those_who_wait_has_its_turn_in_each_tick_in_their_order() -> None:
    floods, ticks, taken = Floods(), 0, []

    async def flood(name: str) -> None:
        for _ in range(2):
            await floods.wait()
            taken.append((name, ticks))

    gathered = asyncio.gather(*(flood(name) for name in "abc"))
    while not gathered.done():
        ticks += 1
        await asyncio.sleep(0)
    assert [name for name, _ in taken] == list("abcabc")
    assert len({tick for _, tick in taken}) == len(taken)


async def test_nobody_waits_for_the_turn_of_a_connection_that_has_ended() -> None:
    floods = Floods()
    ended, other = asyncio.ensure_future(floods.wait()), asyncio.ensure_future(floods.wait())
    ended.cancel()
    await other
    assert not floods.over()


async def test_where_others_wait_a_tick_has_half_of_that_budget() -> None:
    clock = Clock()
    floods = Floods(clock)
    assert not floods.crowded
    turn = asyncio.ensure_future(floods.wait())
    assert floods.crowded
    assert not floods.over()
    clock.now = 0.00015
    assert floods.over()
    await turn
    assert not floods.crowded
    assert not floods.over()
    clock.now = 0.0003
    assert not floods.over()
