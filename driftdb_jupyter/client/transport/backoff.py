"""The time to wait before the next attempt."""

from __future__ import annotations

import random
from collections.abc import Callable

__all__ = ["Backoff"]


# Of its own, so that a user's seeded random numbers stay what they are.
_chance = random.SystemRandom()


class Backoff:
    """Exponential back-off with full jitter, so that many clients don't return at one moment.

    The n-th delay is drawn evenly from 0 to ``base_seconds * 2**n``, at most ``cap_seconds``.
    ``uniform(low, high)`` draws.
    """

    def __init__(
        self,
        *,
        base_seconds: float = 0.25,
        cap_seconds: float = 15.0,
        uniform: Callable[[float, float], float] = _chance.uniform,
    ) -> None:
        self._base = base_seconds
        self._cap = cap_seconds
        self._uniform = uniform
        self._limit = base_seconds

    def next_delay(self) -> float:
        """Return the seconds to wait before the next attempt."""
        limit = self._limit
        self._limit = min(limit * 2, self._cap)
        return self._uniform(0, limit)

    def reset(self) -> None:
        """Start over: the last attempt went well."""
        self._limit = self._base
