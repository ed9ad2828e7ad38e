"""What is made for many is made for one after the other, a little in each turn of the loop."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from driftdb_jupyter.protocol.steps import Steps
from driftdb_jupyter.server.sending.turns import Turns

pytestmark = pytest.mark.asyncio


class Clock:
    """Goes on where somebody makes something."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


class Maker:
    """Makes pieces that take a while, and notes in which order."""

    def __init__(
        self, name: str, pieces: int, *, turns: Turns, clock: Clock, made: list[str]
    ) -> None:
        self._name, self._pieces = name, pieces
        self._turns, self._clock, self._made = turns, clock, made
        turns.wait(self.make)

    def make(self) -> None:
        self._clock.now += 0.003
        self._made.append(self._name)
        self._pieces -= 1
        if self._pieces:
            self._turns.wait(self.make)


async def test_each_makes_one_piece_before_any_makes_another() -> None:
    clock = Clock()
    made: list[str] = []
    turns = Turns(clock)
    make = partial(Maker, turns=turns, clock=clock, made=made)
    for name in "abc":
        make(name, 2)
    while turns:
        await asyncio.sleep(0)
    assert "".join(made) == "abcabc"


async def test_a_turn_of_the_loop_makes_little_however_many_wait() -> None:
    clock = Clock()
    made: list[str] = []
    turns = Turns(clock)
    for number in range(100):
        Maker(f"{number}", 1, turns=turns, clock=clock, made=made)
    while turns:
        before = len(made)
        await asyncio.sleep(0)
        assert len(made) - before <= 1
    assert len(made) == 100


async def test_an_error_of_one_keeps_no_other_from_its_turn() -> None:
    turns = Turns()
    made: list[str] = []
    heard: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: heard.append(context))
    turns.wait(lambda: 1 / 0)
    turns.wait(lambda: made.append("made"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert (made, len(heard)) == (["made"], 1)


async def test_who_waits_in_a_coroutine_ends_the_turn() -> None:
    turns = Turns()
    made: list[str] = []

    async def make(name: str) -> None:
        await turns.come()
        made.append(name)

    tasks = [asyncio.create_task(make(name)) for name in "abc"]
    await asyncio.sleep(0)
    for count in range(3):
        assert len(made) <= count
        await asyncio.sleep(0)
    await asyncio.gather(*tasks)
    assert "".join(made) == "abc"


async def test_each_step_of_some_work_has_a_turn_of_its_own() -> None:
    turns = Turns()
    done: list[str] = []

    def work(name: str) -> Steps[str]:
        for number in range(2):
            done.append(f"{name}{number}")
            yield
        return name

    taking = [asyncio.create_task(turns.take(work(name))) for name in "ab"]
    ticks = 0
    while not all(task.done() for task in taking):
        before = len(done)
        await asyncio.sleep(0)
        assert len(done) - before <= 1
        ticks += 1
    assert [task.result() for task in taking] == ["a", "b"]
    assert done == ["a0", "b0", "a1", "b1"]


async def test_what_some_work_raises_is_raised() -> None:
    def work() -> Steps[None]:
        yield
        raise ValueError("expected better")

    with pytest.raises(ValueError, match="expected better"):
        await Turns().take(work())


async def test_after_a_turn_there_may_be_a_pause_also_where_one_alone_waits() -> None:
    clock = Clock()
    paused: list[float] = []

    def pause(began: float) -> float:
        paused.append(clock.now - began)
        return 3600.0

    turns = Turns(clock, pause=pause)
    made: list[str] = []
    Maker("a", 2, turns=turns, clock=clock, made=made)
    for _ in range(10):
        await asyncio.sleep(0)
    assert (made, paused) == (["a"], [0.003])


async def test_a_pause_counts_what_a_coroutine_made_in_its_turn() -> None:
    clock = Clock()
    paused: list[float] = []

    def pause(began: float) -> float:
        paused.append(clock.now - began)
        return 0.0

    def work() -> Steps[None]:
        clock.now += 0.25
        yield

    await Turns(clock, pause=pause).take(work())
    await asyncio.sleep(0)
    assert paused[0] == 0.25
