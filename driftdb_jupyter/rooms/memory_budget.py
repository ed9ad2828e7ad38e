"""The memory budget: how much the process may hold, by its own account."""

from __future__ import annotations

from ..protocol.errors import QuotaExceeded

__all__ = ["MemoryBudget"]

_UNLIMITED = 2**62


class MemoryBudget:
    """The bytes of memory that everything kept on behalf of peers may take together.

    Whoever keeps something charges what it really costs, objects included, and releases the same
    number when it goes. ``limit_bytes``: the bound; ``free_bytes``: what is left of it, negative
    while more is held than that. Plain integers without a lock: for use on one event loop.
    """

    __slots__ = ("free_bytes", "limit_bytes")

    def __init__(self, limit_bytes: int = _UNLIMITED) -> None:
        self.limit_bytes = limit_bytes
        self.free_bytes = limit_bytes

    @property
    def used_bytes(self) -> int:
        """What is charged now."""
        return self.limit_bytes - self.free_bytes

    @property
    def is_tight(self) -> bool:
        """Whether less than a quarter is left: what can be read again later is to go."""
        return self.free_bytes < self.limit_bytes // 4

    def take(self, byte_count: int) -> None:
        """Charge that many bytes.

        Raises :class:`QuotaExceeded` where they don't fit; then nothing is charged.
        """
        if byte_count > self.free_bytes:
            raise self.refusal()
        self.free_bytes -= byte_count

    def charge(self, byte_count: int) -> None:
        """Charge that many bytes whether they fit or not; a negative number gives them back."""
        self.free_bytes -= byte_count

    def release(self, byte_count: int) -> None:
        """Give back that many bytes."""
        self.free_bytes += byte_count

    @staticmethod
    def refusal() -> QuotaExceeded:
        """The refusal of something that doesn't fit."""
        return QuotaExceeded(
            "the server's memory is used up (memory_limit_bytes): delete what is no longer needed,"
            " or try again later"
        )
