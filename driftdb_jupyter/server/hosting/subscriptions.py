"""The memory that the subscriptions of all connections take."""

from __future__ import annotations

from ...protocol.errors import QuotaExceeded
from ...rooms.memory_budget import MemoryBudget
from ...rooms.memory_cost import cost_of_text

__all__ = ["Subscriptions", "cost_of_channel", "cost_of_subscription"]

# Beside the key's own text: measured with 10,000 keys for each of some connections.
_SUBSCRIPTION_BYTES = 350
_CHANNEL_BYTES = 1200


class Subscriptions:
    """Charges what subscriptions take to the memory budget, up to ``limit_bytes``."""

    def __init__(self, memory: MemoryBudget, *, limit_bytes: int = 64 * 1024 * 1024) -> None:
        self.byte_count = 0
        self._memory = memory
        self._limit_bytes = limit_bytes

    def check(self, byte_count: int) -> None:
        """Raise :class:`QuotaExceeded` unless that number of bytes more is allowed and free."""
        if self.byte_count + byte_count > self._limit_bytes:
            raise QuotaExceeded(
                f"expected all subscriptions to take at most {self._limit_bytes} bytes of memory,"
                " got more: subscribe to fewer keys, or try again later"
            )
        if not self._memory.fits(byte_count):
            raise self._memory.refusal()

    def add(self, byte_count: int) -> None:
        """Charge bytes; a negative number gives them back."""
        self.byte_count += byte_count
        self._memory.charge(byte_count)


def cost_of_subscription(key: str) -> int:
    """Return the bytes that a subscription to a key takes, or the cursor of a future one."""
    return _SUBSCRIPTION_BYTES + cost_of_text(key)


def cost_of_channel(key: str) -> int:
    """Return the bytes that a key takes that has subscribers; every push begins with it."""
    return _CHANNEL_BYTES + 2 * cost_of_text(key)
