"""The backlog: what waits to be sent by this process, and the receivers that take too little of it.

What peers ask for and don't read is bounded by two rules. A receiver for which something waits has
to take ``minimum_bytes_per_second``, and may lag behind that by ``grace_seconds``: the bytes that
its end has acknowledged count, not the pings that it answers. And all that waits together has to
stay within ``limit_bytes``: where it doesn't, the receivers that lag behind most are given up until
it does.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from msgspec import Struct

from ...rooms.memory_budget import MemoryBudget
from .turns import Turns

__all__ = ["Backlog", "Receiver"]

# What holding one more piece takes: the object, its place in a queue, and its entry in here.
_PIECE_BYTES = 200


class Receiver(Protocol):
    """Someone for whom something waits."""

    @property
    def bytes_taken(self) -> int:
        """The number of bytes that the other end has acknowledged so far."""

    def give_up(self) -> None:
        """Drop what waits, and end the connection."""


class _Progress(Struct):
    """``left_seconds``: how much longer the receiver may take nothing at all."""

    receiver: Receiver
    looked_at: float
    bytes_taken: int
    left_seconds: float


class Backlog:
    """Counts what waits, once however many wait for it, and charges it to the memory budget.

    ``byte_count``: what waits now, ``memory``: the budget. ``minimum_bytes_per_second`` may be 0:
    then nobody lags behind. ``turns``: of those for whom something is yet
    to be made. ``clock``: seconds of any steady clock.
    """

    def __init__(
        self,
        memory: MemoryBudget | None = None,
        *,
        limit_bytes: int = 64 * 1024 * 1024,
        minimum_bytes_per_second: int = 1024,
        grace_seconds: float = 90.0,
        clock: Callable[[], float] = time.monotonic,
        turns: Turns | None = None,
    ) -> None:
        self.byte_count = 0
        self.turns = Turns() if turns is None else turns
        self.memory = memory or MemoryBudget()
        self._limit_bytes = limit_bytes
        self._minimum = minimum_bytes_per_second
        self._grace_seconds = grace_seconds
        self._clock = clock
        self._holders: dict[int, int] = {}  # of each piece, by its identity
        self._receivers: dict[int, _Progress] = {}  # by the identity of the receiver
        self._relief: asyncio.Handle | None = None

    def hold(self, piece: object, byte_count: int) -> None:
        """Count a piece that is kept alive until :meth:`release`, if it isn't counted already."""
        holders = self._holders
        count = holders[id(piece)] = holders.get(id(piece), 0) + 1
        if count == 1:
            self.add(byte_count + _PIECE_BYTES)

    def release(self, piece: object, byte_count: int) -> None:
        """End what :meth:`hold` began, with the same numbers."""
        count = self._holders.pop(id(piece)) - 1
        if count:
            self._holders[id(piece)] = count
        else:
            self.add(-byte_count - _PIECE_BYTES)

    def add(self, byte_count: int) -> None:
        """Count bytes that wait for one receiver alone; a negative number takes them back."""
        self.byte_count += byte_count
        self.memory.charge(byte_count)
        if self.byte_count > self._limit_bytes and self._relief is None:
            # Not at once: who is given up leaves the audiences that are gone through now.
            self._relief = asyncio.get_running_loop().call_soon(self._relieve)

    def watch(self, receiver: Receiver) -> None:
        """Something waits for a receiver, until :meth:`unwatch`."""
        if id(receiver) not in self._receivers:
            self._receivers[id(receiver)] = _Progress(
                receiver, self._clock(), receiver.bytes_taken, self._grace_seconds
            )

    def unwatch(self, receiver: Receiver) -> None:
        """Nothing waits for that receiver any more."""
        self._receivers.pop(id(receiver), None)

    def check(self) -> None:
        """Give up the receivers that took too little; to be called about once a second."""
        for progress in self._look():
            if progress.left_seconds >= 0:
                break
            self._give_up(progress.receiver)

    def _look(self) -> list[_Progress]:
        """Look at the progress of all; those that lag behind most come first."""
        now = self._clock()
        for progress in self._receivers.values():
            taken = progress.receiver.bytes_taken
            if self._minimum:
                seconds = (taken - progress.bytes_taken) / self._minimum
                left = progress.left_seconds + seconds - (now - progress.looked_at)
                progress.left_seconds = min(left, self._grace_seconds)
            progress.looked_at, progress.bytes_taken = now, taken
        return sorted(self._receivers.values(), key=lambda progress: progress.left_seconds)

    def _relieve(self) -> None:
        self._relief = None
        for progress in self._look():
            if self.byte_count <= self._limit_bytes:
                break
            self._give_up(progress.receiver)

    def _give_up(self, receiver: Receiver) -> None:
        self.unwatch(receiver)
        receiver.give_up()
