"""A lock that an interrupt can't leave held."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Sequence
from types import FrameType

from .waker import Waker

__all__ = ["TurnLock"]


class TurnLock:
    """A re-entrant lock for ``with`` blocks, of which one is entered by one thread at a time.

    An interrupt may come between the end of a ``with`` block and the release of a lock, which then
    stays held for good. Whoever waits for this one looks now and then whether the block that holds
    it is still being executed, and takes it if not: so also in a forked child, where the thread
    that held it isn't there.
    """

    def __init__(self, *, look_seconds: float = 0.05) -> None:
        self._look_seconds = look_seconds
        self._last = _Stay()

    def __enter__(self) -> None:
        self._enter(sys._getframe(1), wait=True)

    def __exit__(self, *_: object) -> None:
        # It may have been taken from a block that an interrupt ended in a strange way.
        stay = self._newest()
        if stay.frames[-1:] == [sys._getframe(1)]:
            stay.leave()

    def enter_now(self) -> bool:
        """Enter without waiting, unless another thread executes a block that holds it.

        Returns True if it was entered. The calling function is the block then, and ends it with
        :meth:`leave`.
        """
        return self._enter(sys._getframe(1), wait=False)

    def leave(self) -> None:
        """Give it back, on the thread that entered."""
        stay = self._newest()
        if stay.thread == threading.get_ident() and stay.frames:  # else it was taken from there
            stay.leave()

    def _enter(self, caller: FrameType, *, wait: bool) -> bool:
        mine = _Stay(caller)
        while True:
            stay = self._newest()
            if stay.frames:
                if stay.is_own():
                    stay.frames.append(caller)
                    return True
                if wait:
                    stay.wait(self._look_seconds)
                if stay.frames and stay.is_executed():
                    if wait:
                        continue
                    return False
            # Whether it left or was interrupted: the first heir is the next, and no other.
            stay.heirs.append(mine)
            if stay.heirs[0] is mine:
                self._last = mine
                return True

    def _newest(self) -> _Stay:
        """Return the last stay, also where somebody was kept from noting it."""
        stay = self._last
        while stay.heirs:
            stay = stay.heirs[0]
        return stay


class _Stay:
    """One thread's stay in a lock, which ends when it has left all its blocks."""

    __slots__ = ("frames", "heirs", "thread", "waiting")

    def __init__(self, frame: FrameType | None = None) -> None:
        self.frames = [] if frame is None else [frame]
        """The functions whose blocks hold the lock; none: the stay is over."""
        self.thread = threading.get_ident()
        self.heirs: list[_Stay] = []
        """The threads that wanted to be next; the first one is."""
        self.waiting: list[Callable[[], object]] = []
        """What wakes those who wait for the end."""

    def leave(self) -> None:
        """End the innermost block."""
        self.frames.pop()
        if not self.frames:
            while self.waiting:
                self.waiting.pop()()

    def wait(self, seconds: float) -> None:
        """Wait for the end, but no longer than that."""
        waker = Waker()
        self.waiting.append(waker.wake)
        if self.frames:  # else it may have ended before it knew who waits
            waker.wait(seconds)
        with contextlib.suppress(ValueError):
            self.waiting.remove(waker.wake)

    def is_own(self) -> bool:
        """Return True if this thread is in the middle of it."""
        return self.thread == threading.get_ident() and _executes(sys._getframe(), self.frames)

    def is_executed(self) -> bool:
        """Return True if a thread executes one of the blocks; its stack alone says so."""
        frames = list(self.frames)
        return any(_executes(each, frames) for each in sys._current_frames().values())


def _executes(top: FrameType, frames: Sequence[FrameType]) -> bool:
    """Return True if one of the frames is on the stack that ends with ``top``."""
    frame: FrameType | None = top
    while frame is not None:
        if any(frame is each for each in frames):
            return True
        frame = frame.f_back
    return False
