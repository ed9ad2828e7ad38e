"""Tell of a value's changes on one thread at a time, in their order."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Generic, TypeVar

from .turn_lock import TurnLock

__all__ = ["Teller"]

V = TypeVar("V")


class Teller(Generic[V]):
    """Finds the changes of a value since they were told last.

    Whoever knows of a change calls :meth:`run`, on any thread, and whoever makes one has it call
    ``change``. One thread at a time tells, and goes on until nothing is left; the others don't
    wait for it. A change that is made by ``tell`` itself is told in the middle, as traitlets does
    it. ``told`` is the value that was told last.
    """

    def __init__(self, current: Callable[[], V]) -> None:
        """Count changes of ``current()``, the value, from what it is now."""
        self.told = current()
        self._current = current
        self._turn = TurnLock()
        self._is_telling = False

    def run(
        self, tell: Callable[[V, V], object], *, change: Callable[[], object] | None = None
    ) -> None:
        """Call ``tell(before, now)`` for each change, unless another thread is at it.

        ``change()`` makes a change that is to be told here: no other thread begins to tell before
        this one does. Raises what ``change`` and ``tell`` raise.
        """
        if change is not None:
            self._run(tell, change)
        while self._current() != self.told:
            if not self._run(tell):
                return

    def _run(
        self, tell: Callable[[V, V], object], change: Callable[[], object] | None = None
    ) -> bool:
        """Do as :meth:`run` says; False where another thread is at it."""
        mine = False
        try:
            mine = self._turn.enter_now()
            # Another that only looks, or is about to tell of its own change, is soon done.
            while change is not None and not mine and not self._is_telling:
                time.sleep(0)
                mine = self._turn.enter_now()
            if change is not None:
                change()
            while mine and (now := self._current()) != self.told:
                before, self.told = self.told, now
                self._tell(tell, before, now)
            return mine
        finally:
            if mine:
                self._turn.leave()

    def _tell(self, tell: Callable[[V, V], object], before: V, now: V) -> None:
        outermost = not self._is_telling
        try:
            self._is_telling = True
            tell(before, now)
        finally:
            if outermost:
                self._is_telling = False
