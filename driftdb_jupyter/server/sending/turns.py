"""Turns: what is made for many connections is made for one after the other.

A long answer is made a piece at a time, as its connection takes it. Where many connections take one
at the same time, a piece for each of them would be a long time for all others. So whoever has more
to make waits in a ring, and each turn of the loop makes no more than takes a few milliseconds.
Where many wait, that is done in a third of the time, so that most of what others send is answered
as if nobody waited.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from time import perf_counter
from typing import TypeVar

from ...protocol.steps import Steps

__all__ = ["Turns"]

T = TypeVar("T")

_TURN_SECONDS = 0.002


class Turns:
    """Those who wait for their turn to make something.

    ``pause`` returns for how many seconds to pause after a turn that began at a time by ``clock``,
    seconds of any steady clock.
    """

    def __init__(
        self,
        clock: Callable[[], float] = perf_counter,
        *,
        pause: Callable[[float], float] = lambda began: 0.0,
    ) -> None:
        self._clock = clock
        self._pause = pause
        self._ring: deque[Callable[[], object]] = deque()
        self._running: asyncio.Handle | None = None
        self._until = 0.0

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._ring)

    def wait(self, work: Callable[[], object]) -> None:
        """Have ``work`` called when its turn has come; it makes one piece, and may wait again."""
        self._ring.append(work)
        if self._running is None:
            self._running = asyncio.get_running_loop().call_soon(self._run)

    async def come(self) -> None:
        """Return when the caller's turn has come: it makes one piece before it awaits again."""
        turn = asyncio.get_running_loop().create_future()

        def begin() -> None:
            if not turn.done():
                turn.set_result(None)
                self.end()

        self.wait(begin)
        await turn

    def end(self) -> None:
        """Let this turn be the last in its turn of the loop: what it has begun comes after it."""
        self._until = 0.0

    async def take(self, steps: Steps[T]) -> T:
        """Do some work, each step of it in a turn of its own."""
        while True:
            await self.come()
            try:
                next(steps)
            except StopIteration as end:
                result: T = end.value
                return result

    def _run(self) -> None:
        if not self._ring:
            self._running = None
            return
        began = self._clock()
        self._until = began + _TURN_SECONDS
        try:
            while self._ring:
                self._ring.popleft()()
                if self._clock() >= self._until:
                    break
        finally:
            # Who was waited for by :meth:`come` makes its piece before that.
            self._running = asyncio.get_running_loop().call_soon(self._go_on, began)

    def _go_on(self, began: float) -> None:
        pause = self._pause(began)
        if pause:
            self._running = asyncio.get_running_loop().call_later(pause, self._run)
        else:
            self._run()
