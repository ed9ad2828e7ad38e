"""A lock that an interrupt can't leave held."""

from __future__ import annotations

import sys
import threading
from types import FrameType

__all__ = ["TurnLock"]


class TurnLock:
    """A re-entrant lock for ``with`` blocks, of which one is entered by one thread at a time.

    An interrupt may come between the end of a ``with`` block and the release of a lock, which then
    stays held for good. Whoever waits for this one looks now and then whether the block that holds
    it is still being executed, and takes it if not: so also in a forked child, where the thread
    that held it isn't there.
    """

    def __init__(self, *, look_seconds: float = 0.05) -> None:
        self._lock = threading.RLock()
        self._look_seconds = look_seconds
        self._frames: list[FrameType] = []
        """The frames whose blocks hold it."""

    def __enter__(self) -> None:
        caller = sys._getframe(1)
        while True:
            lock = self._lock
            if lock.acquire(timeout=self._look_seconds):
                if lock is self._lock:
                    self._frames.append(caller)
                    return
                lock.release()
            elif not self._is_held():
                self._frames = []
                self._lock = threading.RLock()

    def __exit__(self, *_: object) -> None:
        # It may have been taken from a block that an interrupt ended in a strange way.
        if self._frames and self._frames[-1] is sys._getframe(1):
            self.leave()

    def leave(self) -> None:
        """Give it back, on the thread that entered."""
        self._frames.pop()
        self._lock.release()

    def _is_held(self) -> bool:
        """Return True if a thread executes one of the blocks that hold it.

        Only its stack says so.
        """
        holding = self._frames
        for frame in sys._current_frames().values():
            each: FrameType | None = frame
            while each is not None:
                if any(each is one for one in holding):
                    return True
                each = each.f_back
        return False
