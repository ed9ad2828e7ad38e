"""What waits to be sent is bounded together, and a receiver by what it takes."""

from __future__ import annotations

import asyncio

import pytest

from driftdb_jupyter.rooms.memory_budget import MemoryBudget
from driftdb_jupyter.server.sending.backlog import Backlog


class Receiver:
    """Someone for whom something waits; it lets go of that where it is given up."""

    def __init__(self, backlog: Backlog, waiting_bytes: int = 0) -> None:
        self.bytes_taken = 0
        self.given_up = False
        self._backlog = backlog
        self._waiting_bytes = waiting_bytes
        backlog.add(waiting_bytes)
        backlog.watch(self)

    def give_up(self) -> None:
        self.given_up = True
        self._backlog.add(-self._waiting_bytes)


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def backlog(clock: Clock, limit_bytes: int = 1000) -> Backlog:
    return Backlog(
        limit_bytes=limit_bytes, minimum_bytes_per_second=100, grace_seconds=10, clock=clock
    )


def test_a_receiver_that_takes_the_minimum_is_never_given_up() -> None:
    clock = Clock()
    all_that_waits = backlog(clock)
    steady, in_bursts = Receiver(all_that_waits), Receiver(all_that_waits)
    for second in range(1, 1000):
        clock.now = second
        steady.bytes_taken += 100
        in_bursts.bytes_taken += 1000 if second % 10 == 0 else 0
        all_that_waits.check()
    assert not steady.given_up
    assert not in_bursts.given_up


def test_a_receiver_that_takes_less_is_given_up_though_it_took_much_before() -> None:
    clock = Clock()
    all_that_waits = backlog(clock)
    stalls, slow = Receiver(all_that_waits), Receiver(all_that_waits)
    stalls.bytes_taken = 10**9
    ends: dict[str, int] = {}
    for second in range(1, 100):
        clock.now = second
        slow.bytes_taken += 50
        all_that_waits.check()
        for name, receiver in (("stalls", stalls), ("slow", slow)):
            if receiver.given_up:
                ends.setdefault(name, second)
    assert ends == {"stalls": 12, "slow": 21}


def test_a_receiver_for_which_nothing_waits_may_take_nothing() -> None:
    clock = Clock()
    all_that_waits = backlog(clock)
    receiver = Receiver(all_that_waits)
    clock.now = 9
    all_that_waits.check()
    all_that_waits.unwatch(receiver)
    clock.now = 100
    all_that_waits.check()
    all_that_waits.watch(receiver)
    clock.now = 105
    all_that_waits.check()
    assert not receiver.given_up


def test_without_a_minimum_nobody_lags_behind() -> None:
    clock = Clock()
    all_that_waits = Backlog(minimum_bytes_per_second=0, grace_seconds=10, clock=clock)
    receiver = Receiver(all_that_waits)
    clock.now = 10**6
    all_that_waits.check()
    assert not receiver.given_up


def test_a_piece_counts_once_however_many_hold_it() -> None:
    memory = MemoryBudget(10_000)
    all_that_waits = Backlog(memory)
    piece = b"x" * 1000
    for _ in range(3):
        all_that_waits.hold(piece, len(piece))
    once = all_that_waits.byte_count
    assert 1000 <= once < 2000
    assert memory.used_bytes == once
    for _ in range(2):
        all_that_waits.release(piece, len(piece))
        assert all_that_waits.byte_count == once
    all_that_waits.release(piece, len(piece))
    assert all_that_waits.byte_count == memory.used_bytes == 0


@pytest.mark.asyncio
async def test_past_the_limit_those_that_lag_behind_most_are_given_up() -> None:
    clock = Clock()
    all_that_waits = backlog(clock)
    stalled, slow, quick = (Receiver(all_that_waits, 300) for _ in range(3))
    clock.now = 5
    slow.bytes_taken, quick.bytes_taken = 200, 2000
    late = Receiver(all_that_waits, 300)
    await asyncio.sleep(0)
    assert [r.given_up for r in (stalled, slow, quick, late)] == [True, False, False, False]
    assert all_that_waits.byte_count == 900
    all_that_waits.add(400)
    await asyncio.sleep(0)
    assert [r.given_up for r in (stalled, slow, quick, late)] == [True, True, False, False]
