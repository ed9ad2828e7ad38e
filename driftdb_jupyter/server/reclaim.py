"""What gives memory back: to the budget when little is left of it, and to the system."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import mmap
import time
from collections.abc import Callable
from contextlib import suppress

from ..rooms.memory_budget import MemoryBudget
from .periodic import Periodic

__all__ = ["Reclaimer"]

_LOOK_INTERVAL_SECONDS = 0.1
_FREE_INTERVAL_SECONDS = 0.002
# The allocator keeps what was freed if something else lies behind it: 280 MB of 300 MB with values
# of 2,000 bytes. Giving it back takes some 0.2 ms for each MB, so it is asked for much at a time.
_TRIM_BYTES = 16 * 1024 * 1024
_TRIM_LOOKS = 10
# Python keeps some small objects of each kind for the next use (100 floats, 2,000 tuples of each
# length), and with each of them up to 1 MB of memory around it that is empty otherwise: 67 MB after
# 800,000 values were deleted. Only a full garbage collection drops them, which holds the loop: so
# it may take this share of the time.
_COLLECTION_SHARE = 0.002


class Reclaimer:
    """Looks after the memory budget of a server, from :meth:`start` to :meth:`stop`.

    What was discarded is freed in pieces that don't hold the loop. While the budget is tight,
    ``leave_idle`` is called, which is to let go of rooms that can be read again. If the process has
    come to have much more memory than it is charged with, the allocator is asked to give back what
    it doesn't need.
    """

    def __init__(self, memory: MemoryBudget, *, leave_idle: Callable[[], object]) -> None:
        self._memory = memory
        self._leave_idle = leave_idle
        self._beside_bytes = 0
        self._collect_at = 0.0
        self._looks = 0
        self._trimming: asyncio.Future[int] | None = None
        self._timer = Periodic(self.look, _LOOK_INTERVAL_SECONDS)

    def start(self) -> None:
        """Begin to look after it, on this loop."""
        self._memory.discarding = self._free_later
        self._beside_bytes = self._memory_beside()
        self._timer.start()

    def stop(self) -> None:
        """Free what is left, and look no more."""
        self._timer.stop()
        self._memory.discarding = None
        while self._memory.free_some():
            pass

    def look(self) -> None:
        """Let go of idle rooms if the budget is tight, and give back what was freed."""
        memory = self._memory
        if memory.is_tight:
            self._leave_idle()
        self._looks += 1
        if self._looks % _TRIM_LOOKS == 0:
            self._trim()

    def _trim(self) -> None:
        if self._trimming is not None:
            if not self._trimming.done():
                return
            self._trimming = None
            self._beside_bytes = self._memory_beside()  # it didn't help more than that
            return
        beside_bytes = self._memory_beside()
        self._beside_bytes = min(self._beside_bytes, beside_bytes)
        if beside_bytes - self._beside_bytes >= _TRIM_BYTES and time.monotonic() > self._collect_at:
            began = time.monotonic()
            gc.collect()
            now = time.monotonic()
            self._collect_at = now + (now - began) / _COLLECTION_SHARE
            # On a thread: the loop goes on, unless it needs more memory at that very moment.
            loop = asyncio.get_running_loop()
            self._trimming = loop.run_in_executor(None, _malloc_trim, 0)

    def _memory_beside(self) -> int:
        """How much more memory the process has than it is charged with, in bytes."""
        return _resident_bytes() - self._memory.used_bytes

    def _free_later(self) -> None:
        asyncio.get_running_loop().call_later(_FREE_INTERVAL_SECONDS, self._free)

    def _free(self) -> None:
        if self._memory.free_some():
            self._free_later()


def _resident_bytes() -> int:
    """The memory that this process has, 0 where the system doesn't say."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * mmap.PAGESIZE
    except OSError:
        return 0


def _find_malloc_trim() -> Callable[[int], int]:
    """``malloc_trim`` of glibc; other C libraries have none, and need none."""
    with suppress(OSError, AttributeError, TypeError):  # a TypeError on Windows
        trim: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
        return trim
    return lambda _: 0


_malloc_trim = _find_malloc_trim()
