"""Served time: how long ago something was, counting only time in which a server ran.

A room may be deleted, and a client's pushes forgotten, once nobody has used them for long. By the
wall clock alone a month in which the machine was off, or a clock that is set a month ahead by
mistake, would do that to everything at once. So periods that no server can account for are noted as
gaps, and are not counted:

- at a start, the time since a server last ran on the same file;
- while a server runs, what the wall clock moved further than the monotonic clock did (it was set
  forward, or the machine slept).

Both only from an hour on: less makes no difference to what is kept for a day or more. A clock that
is set back makes things look younger than they are, which deletes nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import TypeAlias

__all__ = ["Gap", "ServedTime"]

Gap: TypeAlias = "tuple[float, float]"
"""From when to when no server ran, in seconds since 1970."""

_SHORTEST_GAP_SECONDS = 3600.0
_MOST_GAPS = 1_000


class ServedTime:
    """Knows the gaps of the past, and finds new ones.

    ``clock``: seconds since 1970. ``monotonic``: seconds that nobody sets. ``gaps``: those that are
    known, ascending. ``ran_at``: when a server last ran, ``None`` where none did.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        gaps: Iterable[Gap] = (),
        ran_at: float | None = None,
    ) -> None:
        self.gaps = list(gaps)
        self._clock = clock
        self._monotonic = monotonic
        now = clock()
        self._looked_at = now if ran_at is None else ran_at
        self._looked_at_monotonic = monotonic()
        self.look()

    def look(self) -> Gap | None:
        """Compare the clocks with the last time; returns the gap that was found, and notes it."""
        now, monotonic = self._clock(), self._monotonic()
        ran = monotonic - self._looked_at_monotonic
        gap = (self._looked_at, now - ran)
        self._looked_at, self._looked_at_monotonic = now, monotonic
        if gap[1] - gap[0] < _SHORTEST_GAP_SECONDS:
            return None
        self.gaps = [*self.gaps, gap][-_MOST_GAPS:]
        return gap

    def before(self, seconds: float) -> float:
        """Return the time since which a server ran for that many seconds, in seconds since 1970."""
        self.look()
        until = self._looked_at
        for start, end in reversed(self.gaps):
            if end > until:  # the clock was set back meanwhile
                continue
            if until - end >= seconds:
                break
            seconds -= until - end
            until = start
        return until - seconds
