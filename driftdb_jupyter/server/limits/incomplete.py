"""The messages whose end has not come yet."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Incomplete"]


class Sender(Protocol):
    """A connection that has begun a message."""

    def give_up(self) -> None:
        """Close the connection; it calls :meth:`Incomplete.forget`."""


class Incomplete:
    """Bounds what the incomplete messages of all connections take together.

    Where they would take more than ``limit_bytes``, the connection is closed whose message began
    first: others have had less time to send theirs. Make it no less than the longest message.
    """

    __slots__ = ("_byte_counts", "_limit_bytes", "byte_count")

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._byte_counts: dict[Sender, int] = {}  # the first that began first
        self.byte_count = 0

    def hold(self, sender: Sender, byte_count: int) -> None:
        """Note that this many bytes of a message have come."""
        self.byte_count += byte_count - self._byte_counts.get(sender, 0)
        self._byte_counts[sender] = byte_count
        while self.byte_count > self._limit_bytes:
            next(iter(self._byte_counts)).give_up()

    def forget(self, sender: Sender) -> None:
        """Forget a message that is complete, or whose connection has ended."""
        self.byte_count -= self._byte_counts.pop(sender, 0)
