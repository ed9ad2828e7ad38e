"""How often something may happen to each room."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from time import monotonic

from .rate import Rate

__all__ = ["RoomRates"]

_LOOKED_AT_COUNT = 500


class RoomRates:
    """A rate for each room: ``per_second`` in the long run (0: any number), ``burst`` at once.

    A room takes memory only until it is as if nothing had happened to it.
    """

    def __init__(
        self, per_second: float, burst: int, *, clock: Callable[[], float] = monotonic
    ) -> None:
        self._per_second = per_second
        self._burst = burst
        self._clock = clock
        self._rates: dict[str, Rate] = {}

    def __len__(self) -> int:
        """Return the number of rooms that are remembered."""
        return len(self._rates)

    def count(self, room: str) -> float:
        """Count one, if it may come now; returns in how many seconds it may, 0: now."""
        if not self._per_second:
            return 0.0
        now = self._clock()
        rate = self._rates.get(room)
        if rate is None:
            rate = self._rates[room] = Rate(self._per_second, self._burst, now=now)
        return rate.take_if_free(now=now)

    def tidy(self) -> None:
        """Forget rooms to which nothing has happened for long; looks at some of them each time."""
        now = self._clock()
        for room in list(islice(self._rates, _LOOKED_AT_COUNT)):
            rate = self._rates.pop(room)
            if not rate.is_full(now=now):
                self._rates[room] = rate  # behind those that are looked at next
