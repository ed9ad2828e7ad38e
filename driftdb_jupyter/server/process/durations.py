"""How long something took, each time that it was done: what a histogram is made of."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

__all__ = ["Durations"]


class Durations:
    """Counts durations by how long they were.

    ``bounds_seconds``: the longest duration that each count is for, ascending; one more count is
    for those that were longer. ``counts`` are these, and ``seconds`` is what all took together.
    """

    __slots__ = ("bounds_seconds", "counts", "seconds")

    def __init__(self, bounds_seconds: Sequence[float]) -> None:
        self.bounds_seconds = tuple(bounds_seconds)
        self.counts = [0] * (len(self.bounds_seconds) + 1)
        self.seconds = 0.0

    def add(self, seconds: float) -> None:
        """Count one."""
        self.counts[bisect_left(self.bounds_seconds, seconds)] += 1
        self.seconds += seconds
