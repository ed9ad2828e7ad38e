"""The objects that Python has freed, and keeps for the next use."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable

__all__ = ["FreedObjects"]

_INTERVAL_SECONDS = 1.0
# Whatever is kept keeps up to 1 MB of memory around it that is empty otherwise.
_MANY = 2_000
# How much of the time counting may take, which holds the loop, and how much letting go may.
_SHARE = 0.002


class FreedObjects:
    """Notices that many objects were freed, and has Python let go of what it keeps of them.

    ``count``: how many there are now. ``clock``: seconds of any steady clock.
    """

    def __init__(
        self,
        *,
        count: Callable[[], int] = sys.getallocatedblocks,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._count = count
        self._clock = clock
        self._count_at = 0.0
        self._drop_at = 0.0
        self._most = self._now = count()
        self._falling = False

    def look(self) -> None:
        """Count the objects, unless that was done a moment ago."""
        began = self._clock()
        if began >= self._count_at:
            before, self._now = self._now, self._count()
            self._falling = before - self._now >= _MANY
            self._most = max(self._most, self._now)
            took = self._clock() - began
            self._count_at = began + max(_INTERVAL_SECONDS, took / _SHARE)

    def drop(self, *, large: bool = False) -> bool:
        """Let go of the spare objects of all kinds if many were freed; returns whether it did.

        ``large``: or if few were, which took much memory. It waits until no more are being freed,
        for what comes after it has to wait for the next.
        """
        began, many = self._clock(), self._most - self._now >= _MANY
        if not (many or large) or self._falling or began < self._drop_at:
            return False
        _empty_spare_lists()
        _forget_names()
        now = self._clock()
        self._drop_at = now + (now - began) / _SHARE
        self._most = self._now = self._count()
        return True


def _empty_spare_lists() -> None:
    """Empty Python's lists of spare objects, of all kinds.

    A full collection does that in the end. This one has no object to look at, because all are set
    aside while it runs: with those of a Jupyter server it would hold the loop for 0.3 s. What is
    freed late, because it was in a cycle, is left to Python's own collections; but of what is young
    there is little, and it would count as old behind this. Those that the standalone server set
    aside when it began are put back with all others, for none can be put back alone: a connection
    that is open now would never be freed, if it stayed aside and ends in a cycle.
    """
    gc.collect(1)
    gc.freeze()
    gc.collect()
    gc.unfreeze()


def _find_forget_names() -> Callable[[], None]:
    """Return what has Python forget the names of 4,096 attributes that were looked up last.

    It remembers each string of the same name apart: those that Tornado makes for each request
    ("post") lie all over what a flood has left.
    """
    for name in ("_clear_internal_caches", "_clear_type_cache"):  # the second before Python 3.13
        forget: Callable[[], None] | None = getattr(sys, name, None)
        if forget is not None:
            return forget
    return lambda: None


_forget_names = _find_forget_names()
