"""The permissions of a connection or request in a room."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Literal, Protocol

from ...protocol.value import Value

__all__ = ["Access", "Anyone", "Right"]

Right = Literal["read", "write"]


class Access(Protocol):
    """The permissions of one connection or request; asked anew for every message."""

    @property
    def user(self) -> Value | None:
        """The facts that the server knows of the person, an object; ``None`` without a login."""

    def may(self, right: Right) -> bool | Awaitable[bool]:
        """Return whether reading (connect, get, keys) or writing (push, presence) is allowed."""


class Anyone:
    """Allows everything: knowing a room's id is the permission."""

    user: Value | None = None

    def may(self, right: Right) -> bool:
        """Return ``True``."""
        return True
