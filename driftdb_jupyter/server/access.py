"""Who may do what in a room."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Literal, Protocol

from ..protocol.value import Value

__all__ = ["Access", "Anyone", "Right"]

Right = Literal["read", "write"]


class Access(Protocol):
    """What one connection or request may do; asked anew for every message."""

    @property
    def user(self) -> Value | None:
        """What is known of the person, an object; ``None`` where nobody was asked."""

    def may(self, right: Right) -> bool | Awaitable[bool]:
        """Whether reading (connect, get, keys) or writing (push, presence) is allowed now."""


class Anyone:
    """Who knows a room's id may read and write it: DriftDB's trust."""

    user: Value | None = None

    def may(self, right: Right) -> bool:
        """Yes."""
        return True
