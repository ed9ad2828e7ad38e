"""Reading whoever sends malformed messages no faster than the others can bear."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

__all__ = ["Malformed"]

# Nobody is held for longer, so that a crowd of connections that are soon gone leaves no debt.
_MOST_SECONDS = 1.0
# Saying what is wrong with a longer message takes longer.
_SHORT_BYTES = 4096


class Malformed:
    """Paces the malformed messages of all connections together.

    To say what is wrong with a message takes many times what taking a good one does. ``per_second``
    of them are refused in the long run, and ``burst`` at once; whoever sends one more is read no
    further until it is its turn. 0: any number. ``clock``: seconds of any steady clock.
    """

    def __init__(
        self,
        per_second: float = 0.0,
        *,
        burst: int = 100,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._seconds = 1 / per_second if per_second else 0.0
        self._burst_seconds = burst * self._seconds
        self._clock = clock
        self._free_at = 0.0

    def pause(self, length: int) -> Awaitable[None]:
        """Return what to wait for after a malformed message of ``length`` bytes.

        The other connections have a turn at least.
        """
        return asyncio.sleep(self.take(length))

    def take(self, length: int) -> float:
        """Count a malformed message; return for how many seconds its sender is read no further."""
        now = self._clock()
        free_at = max(self._free_at, now) + (1 + length // _SHORT_BYTES) * self._seconds
        self._free_at = min(free_at, now + self._burst_seconds + _MOST_SECONDS)
        return max(0.0, self._free_at - now - self._burst_seconds)
