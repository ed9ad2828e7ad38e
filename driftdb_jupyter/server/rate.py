"""How many messages somebody may send in a time."""

from __future__ import annotations

from ..protocol.errors import RateExceeded

__all__ = ["Rate"]


class Rate:
    """A token bucket: ``per_second`` messages in the long run, ``burst`` of them at once.

    Times are seconds of any steady clock.
    """

    __slots__ = ("_burst", "_per_second", "_taken_at", "_tokens")

    def __init__(self, per_second: float, burst: int, *, now: float) -> None:
        self._per_second = per_second
        self._burst = burst
        self._tokens = float(burst)
        self._taken_at = now

    def take(self, *, now: float) -> None:
        """Count a message; raises :class:`RateExceeded` for one too many."""
        self._fill(now)
        if self._tokens < 1:
            raise RateExceeded(f"expected at most {self._per_second:g} messages a second, got more")
        self._tokens -= 1

    def is_full(self, *, now: float) -> bool:
        """Whether it is as if nothing had ever come."""
        self._fill(now)
        return self._tokens == self._burst

    def _fill(self, now: float) -> None:
        since = now - self._taken_at
        self._tokens = min(self._burst, self._tokens + since * self._per_second)
        self._taken_at = now
