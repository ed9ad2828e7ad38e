"""Floods: a connection that floods the server delays the others by little, also with many of it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from time import perf_counter

from .others import Others

__all__ = ["Floods"]

# How long the connections that have much to say may hold the loop in one tick as they arrive,
# together.
_TICK_SECONDS = 0.0002
# How long a turn takes, and the arrivals of one tick where others wait for a turn.
_TURN_SECONDS = 0.00015


class Floods:
    """Shares the loop among connections whose messages come faster than they are taken.

    A few messages of each connection are taken as they arrive. Whoever has more takes from one
    budget of time for each tick of the loop, and when that is spent, waits for a turn: one of those
    that wait has it in each tick, in the order in which they came, after all that arrived in that
    tick was taken, and answered by ``flush``. So a connection that says little waits for one turn
    of one other at most. Long turns are followed by a pause for the ``others``.
    ``clock``: seconds of any steady clock.
    """

    __slots__ = ("_clock", "_ends_at", "_flush", "_next", "_queue", "others")

    def __init__(
        self,
        flush: Callable[[], object] = lambda: None,
        *,
        others: Others | None = None,
        clock: Callable[[], float] = perf_counter,
    ) -> None:
        self.others = others or Others(clock)
        self._clock = clock
        self._flush = flush
        # When the time of this tick's arrivals, once they took from it, or of this turn is over.
        self._ends_at: float | None = None
        self._next: asyncio.TimerHandle | None = None
        self._queue: deque[tuple[Callable[[], bool], int]] = deque()

    def over(self) -> bool:
        """Return True if the time of this tick, or of this turn, is over.

        Ask after every few messages.
        """
        now = self._clock()
        if self._ends_at is None:
            self._ends_at = now + (_TURN_SECONDS if self._queue else _TICK_SECONDS)
            asyncio.get_running_loop().call_soon(self._begin_tick)
            return False
        return now >= self._ends_at

    @property
    def crowded(self) -> bool:
        """True while others wait for a turn."""
        return bool(self._queue)

    def wait(self, turn: Callable[[], bool], who: int = 0) -> None:
        """Have ``turn`` called when it has come; it returns ``False`` if it is not needed.

        ``who``: the number by which :class:`.others.Others` knows whoever has it.
        """
        self._queue.append((turn, who))
        if self._next is None:
            self._next = self._turn_in(0.0)

    def _turn_in(self, seconds: float) -> asyncio.TimerHandle:
        # The loop runs what is due after what has arrived at its sockets.
        return asyncio.get_running_loop().call_later(seconds, self._give_turn)

    def _begin_tick(self) -> None:
        self._ends_at = None

    def _give_turn(self) -> None:
        self._flush()
        queue = self._queue
        began, needed, who = self._clock(), False, 0
        try:
            while queue and not needed:
                turn, who = queue.popleft()
                self._ends_at = self._clock() + (_TURN_SECONDS if queue else _TICK_SECONDS)
                needed = turn()
        finally:
            self._ends_at = None
            self._next = self._turn_in(self.others.pause(began, who)) if queue else None
