"""The memory budget: how much the process may hold, by its own account."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from ..protocol.errors import QuotaExceeded

__all__ = ["MemoryBudget"]

_UNLIMITED = 2**62
# What may be freed at once: a millisecond or two.
_PIECE_BYTES = 8 * 1024 * 1024


class Discarded(Protocol):
    """Something that is no longer needed and costs this much until it is freed."""

    cost_bytes: int


class MemoryBudget:
    """The bytes of memory that everything kept on behalf of peers may take together.

    Whoever keeps something charges what it really costs, objects included, and releases the same
    number when it goes. ``limit_bytes``: the bound; ``free_bytes``: what is left of it, negative
    while more is held than that; ``wanted_bytes``: what somebody waits to take. Plain integers
    without a lock: for use on one event loop.

    Freeing a million objects takes the loop's time, too. What is given to :meth:`discard` is freed
    in pieces, one for each call of :meth:`free_some`; ``discarding`` is called when there is
    something for it to do.
    """

    __slots__ = ("_discarded", "discarding", "free_bytes", "limit_bytes", "wanted_bytes")

    def __init__(self, limit_bytes: int = _UNLIMITED) -> None:
        self.limit_bytes = limit_bytes
        self.free_bytes = limit_bytes
        self.wanted_bytes = 0
        self.discarding: Callable[[], object] | None = None
        self._discarded: deque[Discarded] = deque()

    @property
    def used_bytes(self) -> int:
        """The bytes that are charged now."""
        return self.limit_bytes - self.free_bytes

    @property
    def is_tight(self) -> bool:
        """Whether less than a quarter is left, or less than is wanted.

        What can be read again later is to go then.
        """
        return self.is_tight_at(self.used_bytes)

    def is_tight_at(self, used_bytes: int) -> bool:
        """Return True if it would be tight with that many bytes charged."""
        return self.limit_bytes - used_bytes < max(self.limit_bytes // 4, self.wanted_bytes)

    def fits(self, byte_count: int) -> bool:
        """Return True if :meth:`take` would charge that many bytes."""
        return byte_count <= self.free_bytes

    def take(self, byte_count: int) -> None:
        """Charge that many bytes.

        Raises :class:`QuotaExceeded` where they don't fit; then nothing is charged.
        """
        if not self.fits(byte_count):
            raise self.refusal()
        self.free_bytes -= byte_count

    def charge(self, byte_count: int) -> None:
        """Charge that many bytes whether they fit or not; a negative number gives them back."""
        self.free_bytes -= byte_count

    def release(self, byte_count: int) -> None:
        """Give back that many bytes."""
        self.free_bytes += byte_count

    def discard(self, things: Sequence[Discarded]) -> None:
        """Free things in pieces where they are many; until then they stay charged.

        The caller has released them, and keeps no other reference.
        """
        if self.discarding is None:
            return
        cost_bytes = sum([thing.cost_bytes for thing in things])
        if cost_bytes <= _PIECE_BYTES:
            return
        self.free_bytes -= cost_bytes
        idle = not self._discarded
        self._discarded.extend(things)
        if idle:
            self.discarding()

    def free_some(self) -> bool:
        """Free a piece of what was discarded; returns whether there is more."""
        freed = 0
        while self._discarded and freed < _PIECE_BYTES:
            freed += self._discarded.popleft().cost_bytes
        self.free_bytes += freed
        return bool(self._discarded)

    @staticmethod
    def refusal() -> QuotaExceeded:
        """Return the refusal of something that doesn't fit."""
        return QuotaExceeded(
            "the server's memory is used up (memory_limit_bytes): delete what is no longer needed,"
            " or try again later"
        )
