"""Notify of a value's changes on one thread at a time, in their order."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Generic, TypeVar

from .turn_lock import TurnLock

__all__ = ["ChangeNotifier"]

V = TypeVar("V")


class ChangeNotifier(Generic[V]):
    """Finds the changes of a value since it notified of one last.

    Whoever knows of a change calls :meth:`run`, on any thread, and whoever makes one has it call
    ``change``. One thread at a time notifies, and goes on until nothing is left; the others
    don't wait for it. Of a change that is made by ``notify`` itself it notifies in the middle, as
    traitlets do. ``notified`` is the newest value of which it notified.
    """

    def __init__(self, current: Callable[[], V]) -> None:
        """Count changes of ``current()``, the value, from what it is now."""
        self.notified = current()
        self._current = current
        self._turn = TurnLock()
        self._is_notifying = False

    def run(
        self, notify: Callable[[V, V], object], *, change: Callable[[], object] | None = None
    ) -> None:
        """Call ``notify(before, now)`` for each change, unless another thread is at it.

        ``change()`` makes a change of which this thread is to notify: no other one begins to before
        it does. Raises what ``change`` and ``notify`` raise.
        """
        if change is not None:
            self._run(notify, change)
        while self._current() != self.notified:
            if not self._run(notify):
                return

    def _run(
        self, notify: Callable[[V, V], object], change: Callable[[], object] | None = None
    ) -> bool:
        """Do as :meth:`run` says; False where another thread is at it."""
        mine = False
        try:
            mine = self._turn.enter_now()
            # Another that only looks, or is about to notify of its own change, is soon done.
            while change is not None and not mine and not self._is_notifying:
                time.sleep(0)
                mine = self._turn.enter_now()
            if change is not None:
                change()
            while mine and (now := self._current()) != self.notified:
                before, self.notified = self.notified, now
                self._call(notify, before, now)
            return mine
        finally:
            if mine:
                self._turn.leave()

    def _call(self, notify: Callable[[V, V], object], before: V, now: V) -> None:
        outermost = not self._is_notifying
        try:
            self._is_notifying = True
            notify(before, now)
        finally:
            if outermost:
                self._is_notifying = False
