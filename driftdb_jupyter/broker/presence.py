"""The interface of a room's presences, as the server uses it.

Presence has its own interface beside the room's sequencer, because it is no part of the room's
order and is never kept: where several servers share rooms, they share it by leases, and each hears
of the changes on all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from ..protocol.entry import Author
from ..protocol.value import Value

__all__ = ["PresenceAudience", "PresenceManager"]


class PresenceAudience(Protocol):
    """Those connected to this process who want to know who is there."""

    def presence_changed(self, key: str, author: Author, value: Value | None) -> None:
        """Note that a client is present with a value, or no longer (``None``)."""


class PresenceManager(Protocol):
    """The presences of one room (protocol, "Who is here"); its audience hears of every change.

    Clients are known by their public ids.
    """

    @property
    def leaving(self) -> bool:
        """Whether a client without a connection is still shown: call :meth:`expire` later."""

    def there(self, key: str) -> list[tuple[Author, Value]]:
        """Return who is present under a key, and with which value."""

    def joined(self, client: str) -> None:
        """Note that a client has opened a connection."""

    def left(self, client: str, *, for_good: bool = False) -> None:
        """Note that a client has closed a connection.

        After the last one its presences stay for a grace; with ``for_good`` they go at once.
        """

    def set(self, key: str, author: Author, value: Value) -> None:
        """Show a client under a key with a value.

        Raises :class:`~..protocol.errors.QuotaExceeded` where there is no place for more.
        """

    def withdraw(self, key: str, client: str) -> None:
        """Show a client under a key no more."""

    def restrict(self, client: str, allowed: Callable[[str], bool]) -> None:
        """Show a client no more under keys that aren't allowed."""

    def forget(self, client: str) -> None:
        """Show a client no more under any key: it can't come back."""

    def expire(self) -> None:
        """Show those no more that left, and did not come back within the grace."""

    def close(self) -> None:
        """Forget everything: the room is put away, and nobody is in it."""
