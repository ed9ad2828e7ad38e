"""Giving memory back: to the budget when little is left of it, and to the system."""

from __future__ import annotations

import asyncio
import ctypes
import mmap
import time
from collections.abc import Callable
from contextlib import suppress

from ...rooms.memory_budget import MemoryBudget
from ..process.freed_objects import FreedObjects
from ..process.periodic import Periodic

__all__ = ["Reclaimer"]

_LOOK_INTERVAL_SECONDS = 0.1
_FREE_INTERVAL_SECONDS = 0.002
# The allocator keeps what was freed if something else lies behind it: 280 MB of 300 MB with values
# of 2,000 bytes. Giving it back takes some 0.2 ms for each MB, so it is asked for much at a time.
_TRIM_BYTES = 16 * 1024 * 1024
_TRIM_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 20.0
# How many freed floats Python keeps for the next use.
_SPARE_FLOATS = 100
# More timers than asyncio keeps cancelled ones among.
_MANY_TIMERS = 200
_FAR_SECONDS = 3600.0


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
        self._least_beside_bytes = 0
        self._most_used_bytes = 0
        self._pause_seconds = _TRIM_SECONDS
        self._freed = FreedObjects()
        self._trim_at = 0.0
        self._trimming: asyncio.Future[int] | None = None
        self._timer = Periodic(self.look, _LOOK_INTERVAL_SECONDS)

    def start(self) -> None:
        """Begin to look after it, on this loop."""
        self._memory.discarding = self._free_later
        self._least_beside_bytes = self._memory_beside()
        self._timer.start()
        # On a thread, which is made now: made in the middle of a flood, each of its objects would
        # keep memory that the flood has left.
        self._trimming = asyncio.get_running_loop().run_in_executor(None, _malloc_trim, 0)

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
        self._most_used_bytes = max(self._most_used_bytes, memory.used_bytes)
        self._freed.look()
        if time.monotonic() >= self._trim_at and (self._trimming is None or self._trimming.done()):
            self._trim()

    def _trim(self) -> None:
        beside_bytes, used_bytes = self._memory_beside(), self._memory.used_bytes
        self._least_beside_bytes = min(self._least_beside_bytes, beside_bytes)
        self._trim_at = time.monotonic()
        if beside_bytes - self._least_beside_bytes < _TRIM_BYTES:
            self._trim_at += _TRIM_SECONDS
            self._pause_seconds = _TRIM_SECONDS
            return
        large = self._most_used_bytes - used_bytes >= _TRIM_BYTES
        dropped = self._freed.drop(large=large)
        if dropped:
            self._most_used_bytes = used_bytes
        if dropped or large:
            self._pause_seconds = _TRIM_SECONDS
        else:  # it may be in use for something else: try that less and less often
            self._pause_seconds = min(2 * self._pause_seconds, _LONGEST_PAUSE_SECONDS)
        self._trim_at += self._pause_seconds
        _exchange_spare_floats()
        _forget_cancelled_timers()
        # The loop goes on, unless it needs more memory at that very moment.
        self._trimming = asyncio.get_running_loop().run_in_executor(None, _malloc_trim, 0)

    def _memory_beside(self) -> int:
        """Return how much more memory the process has than it is charged with, in bytes."""
        return _resident_bytes() - self._memory.used_bytes

    def _free_later(self) -> None:
        asyncio.get_running_loop().call_later(_FREE_INTERVAL_SECONDS, self._free)

    def _free(self) -> None:
        if self._memory.free_some():
            self._free_later()


def _exchange_spare_floats() -> None:
    """Have the freed floats that Python keeps for the next use lie close together.

    Each entry has one, its time. Those that were freed last lie anywhere, and each keeps up to 1 MB
    of memory around it that is empty otherwise: 67 MB after 800,000 values were deleted.
    """
    scattered = [float(number) for number in range(_SPARE_FLOATS)]
    close = [float(number) for number in range(_SPARE_FLOATS)]
    del close  # these are kept from now on
    del scattered  # and there is no place for these


def _forget_cancelled_timers() -> None:
    """Have the loop let go of timers that were cancelled.

    It does that only where it has more than a hundred timers, most of them cancelled. Up to a
    hundred of connections that have ended, each with its time and context, stay for an hour
    otherwise, scattered over what a flood has left.
    """
    loop = asyncio.get_running_loop()
    for _ in range(_MANY_TIMERS):
        loop.call_later(_FAR_SECONDS, _do_nothing).cancel()


def _do_nothing() -> None:
    pass


def _resident_bytes() -> int:
    """Return the memory that this process has, 0 where the system doesn't say."""
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
