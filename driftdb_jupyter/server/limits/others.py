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
    what they say comes in a pause. While nobody else talks there are no pauses.

    ``heard``: who said little since the last turn, by numbers of their own: the last one, and the
    last one who is another; 0 is nobody. Call :meth:`hear` where that would change it. ``clock``:
    seconds of any steady clock.
    """

    __slots__ = ("_clock", "_heard_at", "_last_turn_at", "_other_heard_at", "_who", "heard")

    def __init__(self, clock: Callable[[], float] = perf_counter) -> None:
        self._clock = clock
        self._who = 0  # whoever was heard last
        self._heard_at = self._other_heard_at = self._last_turn_at = float("-inf")
        self.heard = (0, 0)

    def hear(self, who: int) -> None:
        """Note that someone says little."""
        last, _ = self.heard
        if who != last:
            self.heard = who, last

    def pause(self, began: float, who: int = 0) -> float:
        """Return for how many seconds ``who`` has to pause after a turn that began then."""
        now = self._clock()
        if began <= self._last_turn_at + _MEMORY_SECONDS:
            for other in reversed(self.heard):
                if other:
                    if other != self._who:
                        self._who, self._other_heard_at = other, self._heard_at
                    self._heard_at = now
        self.heard = (0, 0)
        self._last_turn_at = now
        heard_at = self._other_heard_at if who == self._who else self._heard_at
        took = now - began
        if took < _MOMENT_SECONDS or now > heard_at + _MEMORY_SECONDS:
            return 0.0
        return _TIMES * took
