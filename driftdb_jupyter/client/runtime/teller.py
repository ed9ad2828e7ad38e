"""Tell of a value's changes on one thread at a time, in their order."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

__all__ = ["Teller"]

V = TypeVar("V")


class Teller(Generic[V]):
    """Finds the changes of a value since they were told last.

    Whoever knows of a change calls :meth:`run`, on any thread. One thread at a time tells, and
    goes on until nothing is left; the others don't wait for it. A change that is made by ``tell``
    itself is told in the middle, as traitlets does it. ``told`` is the value that was told last.
    """

    def __init__(self, current: Callable[[], V]) -> None:
        """Count changes of ``current()``, the value, from what it is now."""
        self.told = current()
        self._current = current
        self._turn = threading.RLock()

    def run(self, tell: Callable[[V, V], object]) -> None:
        """Call ``tell(before, now)`` for each change, unless another thread is at it.

        Raises what ``tell`` raises.
        """
        while self._current() != self.told:
            if not self._tell_all(tell):
                if self._is_told_elsewhere():
                    return
                # An interrupt kept the thread that had the turn from giving it back.
                self._turn = threading.RLock()

    def _tell_all(self, tell: Callable[[V, V], object]) -> bool:
        turn, mine = self._turn, False
        try:
            mine = turn.acquire(blocking=False)
            while mine and (now := self._current()) != self.told:
                before, self.told = self.told, now
                tell(before, now)
            return mine
        finally:
            if mine:
                turn.release()

    def _is_told_elsewhere(self) -> bool:
        """Return True if another thread is in the middle of telling.

        Only its stack says so for sure.
        """
        me = threading.get_ident()
        for thread, top in sys._current_frames().items():
            frame = None if thread == me else top
            while frame is not None:
                if frame.f_code is _TELL_ALL and frame.f_locals.get("self") is self:
                    return True
                frame = frame.f_back
        return False


_TELL_ALL = Teller._tell_all.__code__
