"""Locks by name: what is done to the room of a name as a whole is done by one at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

__all__ = ["NameLocks"]


class _Lock(asyncio.Lock):
    user_count = 0


class NameLocks:
    """A lock for each name; there are none but those that somebody has or waits for."""

    __slots__ = ("_locks",)

    def __init__(self) -> None:
        self._locks: dict[str, _Lock] = {}

    def __len__(self) -> int:
        return len(self._locks)

    @asynccontextmanager
    async def hold(self, name: str) -> AsyncIterator[None]:
        """Have the lock of a name; first come, first served."""
        lock = self._locks.get(name)
        if lock is None:
            lock = self._locks[name] = _Lock()
        lock.user_count += 1
        try:
            async with lock:
                yield
        finally:
            lock.user_count -= 1
            if not lock.user_count:
                del self._locks[name]
