"""What gives memory back: to the budget when little is left of it, and to the system."""

from __future__ import annotations

import asyncio
import ctypes
from collections.abc import Callable
from contextlib import suppress

from ..rooms.memory_budget import MemoryBudget
from .periodic import Periodic

__all__ = ["Reclaimer"]

_LOOK_INTERVAL_SECONDS = 0.1
_FREE_INTERVAL_SECONDS = 0.002
# The allocator keeps what was freed, where something else lies behind it: 280 MB of 300 MB with
# values of 2,000 bytes. Giving it back takes some 0.2 ms for each MB.
_TRIM_BYTES = 32 * 1024 * 1024
_TRIM_LOOKS = 20


class Reclaimer:
    """Looks after the memory budget of a server, from :meth:`start` to :meth:`stop`.

    What was discarded is freed in pieces that don't hold the loop. While the budget is tight,
    ``leave_idle`` is called, which is to let go of rooms that can be read again. After much was
    freed, the allocator gives it back to the system.
    """

    def __init__(self, memory: MemoryBudget, *, leave_idle: Callable[[], object]) -> None:
        self._memory = memory
        self._leave_idle = leave_idle
        self._most_bytes = 0
        self._looks = 0
        self._trimming: asyncio.Future[int] | None = None
        self._timer = Periodic(self.look, _LOOK_INTERVAL_SECONDS)

    def start(self) -> None:
        """Begin to look after it, on this loop."""
        self._memory.discarding = self._free_later
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
        self._most_bytes = max(self._most_bytes, memory.used_bytes)
        if self._looks >= _TRIM_LOOKS:
            self._looks = 0
            if self._most_bytes - memory.used_bytes >= _TRIM_BYTES and _malloc_trim is not None:
                self._most_bytes = memory.used_bytes
                loop = asyncio.get_running_loop()
                self._trimming = loop.run_in_executor(None, _malloc_trim, 0)

    def _free_later(self) -> None:
        asyncio.get_running_loop().call_later(_FREE_INTERVAL_SECONDS, self._free)

    def _free(self) -> None:
        if self._memory.free_some():
            self._free_later()


def _find_malloc_trim() -> Callable[[int], int] | None:
    """``malloc_trim`` of glibc; other C libraries have none, and need none."""
    with suppress(OSError, AttributeError, TypeError):  # a TypeError on Windows
        trim: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
        return trim
    return None


_malloc_trim = _find_malloc_trim()
