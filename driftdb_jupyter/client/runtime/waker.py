"""Wake a thread or a coroutine that waits, without a lock that an interrupt could leave held."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

__all__ = ["LoopWaker", "Pending", "Waker", "wait_for"]

# On Windows no wait for a lock can be interrupted (bpo-29971).
_SLICE_SECONDS = 0.2 if sys.platform == "win32" else threading.TIMEOUT_MAX


class Pending(Protocol):
    """A result that can be waited for, such as an outcome."""

    def done(self) -> bool:
        """Return True if it has come."""

    def add_done_callback(self, callback: Callable[[Any], object]) -> None:
        """Call ``callback`` when it comes, or now."""


class Waker:
    """Wakes the one thread that waits, even if it begins to wait later."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()

    def wake(self, *_: object) -> None:
        """Wake the thread; may be called from any thread, and under no lock."""
        with contextlib.suppress(RuntimeError):  # it is awake already
            self._lock.release()

    def wait(self, seconds: float) -> bool:
        """Wait for :meth:`wake`; False if it wasn't called in that time."""
        end = time.monotonic() + seconds
        while not self._lock.acquire(timeout=max(0.0, min(seconds, _SLICE_SECONDS))):
            seconds = end - time.monotonic()
            if seconds <= 0:
                return False
        return True


def wait_for(pending: Pending, seconds: float) -> bool:
    """Wait until it has come; False if it didn't in that time."""
    if not pending.done():
        waker = Waker()
        pending.add_done_callback(waker.wake)
        end = time.monotonic() + seconds
        while not pending.done():
            left = end - time.monotonic()
            if left <= 0:
                return False
            waker.wait(left)
    return True


class LoopWaker:
    """Wakes the one coroutine that waits, from any thread, even if it begins to wait later."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._woken = asyncio.Event()

    def wake(self, *_: object) -> None:
        """Wake the coroutine; does nothing if its loop was closed."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._woken.set)

    async def wait(self, seconds: float) -> bool:
        """Wait for :meth:`wake`; False if it wasn't called in that time."""
        try:
            await asyncio.wait_for(self._woken.wait(), seconds)
        except asyncio.TimeoutError:  # not the builtin one before Python 3.11
            return False
        self._woken.clear()
        return True
