"""The pushes that wait for the journal, so that a slow disk slows those who write faster."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from ...protocol.messages import Push
from ...rooms.memory_budget import MemoryBudget
from ...rooms.memory_cost import VALUE_COST_BYTES

__all__ = ["Unwritten"]


_MOST_TIMES = 4


class Unwritten:
    """The pushes of one peer, or of all requests together, whose answers wait for a commit.

    ``limit_count``, ``limit_bytes``: how many may wait, and how much memory they may take, before
    it is ``full``: then no more are to be read, or taken. A :meth:`release` lets as many more
    wait, up to four times the limits, until it has sunk below them once. ``memory``: the budget
    that is charged with that.
    """

    __slots__ = (
        "_bytes",
        "_lengths",
        "_limit_bytes",
        "_limit_count",
        "_memory",
        "_relief",
        "_settled",
        "_times",
    )

    def __init__(
        self, *, limit_count: int, limit_bytes: int, memory: MemoryBudget | None = None
    ) -> None:
        self._memory = memory or MemoryBudget()
        self._limit_count = limit_count
        self._limit_bytes = limit_bytes
        self._lengths: dict[int, int] = {}
        self._bytes = 0
        self._times = 1  # as much may wait as the limits say
        self._relief: asyncio.Future[None] | None = None
        self._settled: asyncio.Future[None] | None = None

    @property
    def full(self) -> bool:
        """Whether as much waits as may wait."""
        return self._reaches(self._times)

    @property
    def holds(self) -> bool:
        """Whether somebody waits in :meth:`wait`."""
        return self._relief is not None

    def add(self, push: Push, length: int) -> None:
        """Note that a push waits for its answer; its message had ``length`` bytes."""
        if push.values is not None:
            length += len(push.values) * VALUE_COST_BYTES
        self._lengths[id(push)] = length  # it lives at least until it is answered
        self._bytes += length
        self._memory.free_bytes -= length

    def remove(self, push: Push) -> None:
        """Note that a push was answered, one that waited or another."""
        if self._lengths:
            length = self._lengths.pop(id(push), 0)
            self._bytes -= length
            self._memory.free_bytes += length
            if self._times > 1 and not self._reaches(1):
                self._times = 1
            if self._relief is not None and not self.full:
                self._relieve()
            if self._settled is not None and not self._lengths:
                self._settle()

    def wait(self) -> Awaitable[None]:
        """Return what to wait for, while it is full."""
        if self._relief is None:
            self._relief = asyncio.get_running_loop().create_future()
        return asyncio.shield(self._relief)

    def settled(self) -> Awaitable[None] | None:
        """Return what to wait for until every push is answered, ``None`` if all are."""
        if not self._lengths:
            return None
        if self._settled is None:
            self._settled = asyncio.get_running_loop().create_future()
        return asyncio.shield(self._settled)

    def _settle(self) -> None:
        settled, self._settled = self._settled, None
        if settled is not None:
            settled.set_result(None)

    def release(self) -> None:
        """Wake the waiting reader, even if the limit is still exceeded."""
        if self._relief is not None and self.full:
            self._times = min(self._times + 1, _MOST_TIMES)
        self._relieve()

    def _reaches(self, times: int) -> bool:
        return (
            len(self._lengths) >= times * self._limit_count
            or self._bytes >= times * self._limit_bytes
        )

    def _relieve(self) -> None:
        relief, self._relief = self._relief, None
        if relief is not None:
            relief.set_result(None)
