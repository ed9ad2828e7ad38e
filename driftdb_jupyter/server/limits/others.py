"""The others: those who say little, and find the loop free however much some say or ask for."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

__all__ = ["Others"]

# Who comes in the middle of a shorter turn waits for less than the way to the server takes.
_MOMENT_SECONDS = 0.0003
_TIMES = 2.0
_MEMORY_SECONDS = 1.0


class Others:
    """Says how long those who take long turns have to pause between them.

    A message or an answer that is large takes longer than others can wait without a notice, and in
    one piece. So while others talk, such a turn is followed by a pause twice as long, and most of
    what they say comes in a pause. While nobody else talks there are no pauses. Set ``heard``
    whenever someone says little. ``clock``: seconds of any steady clock.
    """

    __slots__ = ("_clock", "_heard_at", "heard")

    def __init__(self, clock: Callable[[], float] = perf_counter) -> None:
        self._clock = clock
        self._heard_at = float("-inf")
        self.heard = False

    def pause(self, began: float) -> float:
        """Return for how many seconds to pause after a turn that began then."""
        now = self._clock()
        if self.heard:
            self.heard = False
            self._heard_at = now
        took = now - began
        if took < _MOMENT_SECONDS or now > self._heard_at + _MEMORY_SECONDS:
            return 0.0
        return _TIMES * took
