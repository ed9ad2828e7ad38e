"""The rate at which something may happen."""

from __future__ import annotations

__all__ = ["Rate"]


class Rate:
    """A token bucket: ``per_second`` in the long run, ``burst`` of them at once.

    Times are seconds of any steady clock. It may be in debt: what has come already is counted,
    whether it was allowed or not, and what comes next waits for longer.
    """

    __slots__ = ("_burst", "_per_second", "_taken_at", "_tokens")

    def __init__(self, per_second: float, burst: int, *, now: float) -> None:
        self._per_second = per_second
        self._burst = burst
        self._tokens = float(burst)
        self._taken_at = now

    def take(self, *, now: float) -> float:
        """Count one; returns in how many seconds the next one may come, 0 for at once."""
        self._fill(now)
        self._tokens -= 1
        return self._wait()

    def take_if_free(self, *, now: float) -> float:
        """Count one if it may come at once; returns in how many seconds it may, 0: it counts."""
        seconds = self.wait(now=now)
        if not seconds:
            self._tokens -= 1
        return seconds

    def give_back(self, *, now: float) -> None:
        """Uncount one that was counted."""
        self._tokens += 1
        self._fill(now)

    def wait(self, *, now: float) -> float:
        """In how many seconds one may come, 0 for at once; counts nothing."""
        self._fill(now)
        return self._wait()

    def is_full(self, *, now: float) -> bool:
        """Return True if it is as if nothing had ever come."""
        self._fill(now)
        return self._tokens == self._burst

    def _wait(self) -> float:
        return 0.0 if self._tokens >= 1 else (1 - self._tokens) / self._per_second

    def _fill(self, now: float) -> None:
        since = now - self._taken_at
        self._tokens = min(self._burst, self._tokens + since * self._per_second)
        self._taken_at = now
