"""Floods: a connection that floods the server delays the others by little, also with many of it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from time import perf_counter

__all__ = ["Floods"]

# How long the connections that have much to say may hold the loop in one tick, together.
_TICK_SECONDS = 0.0002
# The same where several wait: so the loop goes round sooner for all others.
_CROWDED_TICK_SECONDS = 0.0001


class Floods:
    """Shares the loop among connections whose messages come faster than they are taken.

    A few messages of each connection are taken as they arrive. Whoever has more takes from one
    budget of time for each tick of the loop, and when that is spent, waits for a turn: one of those
    that wait has it in each tick, in the order in which they came. ``clock``: seconds of any steady
    clock.
    """

    __slots__ = ("_clock", "_ends_at", "_queue")

    def __init__(self, clock: Callable[[], float] = perf_counter) -> None:
        self._clock = clock
        self._ends_at: float | None = None  # the budget of this tick, once somebody took from it
        self._queue: deque[asyncio.Future[None]] = deque()

    def over(self) -> bool:
        """Return True if the budget of this tick is spent; ask after every few messages."""
        now = self._clock()
        if self._ends_at is None:
            self._ends_at = now + (_CROWDED_TICK_SECONDS if self._queue else _TICK_SECONDS)
            asyncio.get_running_loop().call_soon(self._begin_tick)
            return False
        return now >= self._ends_at

    @property
    def crowded(self) -> bool:
        """Whether others wait for a turn."""
        return bool(self._queue)

    def wait(self) -> Awaitable[None]:
        """Return what to wait for before more is taken of a connection."""
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[None] = loop.create_future()
        self._queue.append(turn)
        if len(self._queue) == 1:
            loop.call_soon(self._give_turn)
        return turn

    def _begin_tick(self) -> None:
        self._ends_at = None

    def _give_turn(self) -> None:
        given = False
        while self._queue and not given:
            turn = self._queue.popleft()
            given = not turn.done()  # a connection that has ended waits no more
            if given:
                turn.set_result(None)
        if self._queue:
            asyncio.get_running_loop().call_soon(self._give_turn)
