"""Who may do what in a room."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Literal, Protocol

__all__ = ["Access", "Action", "Anyone"]

Action = Literal["read", "write"]


class Access(Protocol):
    """What one connection or request may do; asked anew for every message."""

    def may(self, action: Action) -> bool | Awaitable[bool]:
        """Whether reading (connect, get) or writing (push) is allowed now."""


class Anyone:
    """Who knows a room's id may read and write it: DriftDB's trust."""

    def may(self, action: Action) -> bool:
        """Yes."""
        return True
