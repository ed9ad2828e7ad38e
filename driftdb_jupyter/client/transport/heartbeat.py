"""The heartbeat, which tells if the other end is still there, and if this machine slept."""

from __future__ import annotations

from typing import Literal

__all__ = ["Heartbeat"]

_PROBE_SECONDS = 5.0
_LATE_SECONDS = 5.0


class Heartbeat:
    """Says when to ask an open connection for a sign of life, and when it is dead.

    Whoever drives it calls :meth:`tick` every :attr:`tick_seconds`, and :meth:`heard` whenever
    something comes. A connection that was silent for ``interval_seconds`` is asked, and has as
    long again to answer; where there is doubt (the machine slept, the network is another) it is
    asked at once and has at most five seconds.

    Both clocks count seconds: ``now`` is monotonic and may stand still while the machine sleeps,
    ``wall`` doesn't, but may be set.
    """

    def __init__(self, *, interval_seconds: float, now: float, wall: float) -> None:
        self.tick_seconds = interval_seconds / 8
        self._interval = interval_seconds
        self._ticked = now, wall
        self._heard_at = now
        self._deadline: float | None = None  # of the answer that is waited for

    def heard(self, now: float) -> None:
        """Note that data came, or that a connection was opened."""
        self._heard_at = now
        self._deadline = None

    def woke(self, *, now: float, wall: float) -> bool:
        """Return True if far more time has passed since the last call than between two ticks."""
        before, self._ticked = self._ticked, (now, wall)
        passed = max(now - before[0], wall - before[1])
        return passed > 2 * self.tick_seconds + _LATE_SECONDS

    def tick(self, now: float, *, doubtful: bool = False) -> Literal["well", "ask", "dead"]:
        """Return what is to be done now."""
        if doubtful:
            self._deadline = now + min(_PROBE_SECONDS, self._interval)
            return "ask"
        if self._deadline is not None:
            return "dead" if now >= self._deadline else "well"
        if now - self._heard_at >= self._interval:
            self._deadline = now + self._interval
            return "ask"
        return "well"
