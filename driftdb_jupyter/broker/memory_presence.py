"""The presences of a room of which this process has all connections."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from ..protocol.entry import Author
from ..protocol.value import Value
from ..rooms.presence import Presence
from .presence import PresenceAudience

__all__ = ["MemoryPresence"]


class _Nobody:
    def presence_changed(self, key: str, author: Author, value: Value | None) -> None:
        pass


_NOBODY: PresenceAudience = _Nobody()


class MemoryPresence:
    """Presence in memory (see :class:`.presence.PresenceManager`).

    ``presence``: the rules and the bounds. ``grace_seconds``: how long a client that left is still
    shown. ``clock``: any steady clock, in seconds.
    """

    __slots__ = ("_audience", "_clock", "_grace_seconds", "_presence")

    def __init__(
        self,
        presence: Presence,
        audience: PresenceAudience,
        *,
        grace_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._presence = presence
        self._audience = audience
        self._grace_seconds = grace_seconds
        self._clock = clock

    @property
    def leaving(self) -> bool:
        """Whether a client without a connection is still shown."""
        return self._presence.leaving

    def there(self, key: str) -> list[tuple[Author, Value]]:
        """Return who is present under a key, and with which value."""
        return self._presence.there(key)

    def joined(self, client: str) -> None:
        """Note that a client has opened a connection."""
        self._presence.joined(client)

    def left(self, client: str, *, for_good: bool = False) -> None:
        """Note that a client has closed a connection."""
        if self._presence.left(client, now=self._clock()) and for_good:
            self.forget(client)

    def set(self, key: str, author: Author, value: Value) -> None:
        """Show a client under a key with a value."""
        if self._presence.set(key, author, value):
            self._audience.presence_changed(key, author, value)

    def withdraw(self, key: str, client: str) -> None:
        """Show a client under a key no more."""
        author = self._presence.withdraw(key, client)
        if author is not None:
            self._audience.presence_changed(key, author, None)

    def restrict(self, client: str, allowed: Callable[[str], bool]) -> None:
        """Show a client no more under keys that aren't allowed."""
        for key in self._presence.keys_of(client):
            if not allowed(key):
                self.withdraw(key, client)

    def forget(self, client: str) -> None:
        """Show a client no more under any key."""
        self._tell_gone(self._presence.forget(client))

    def expire(self) -> None:
        """Show those no more that left, and did not come back within the grace."""
        self._tell_gone(self._presence.expire(until=self._clock() - self._grace_seconds))

    def close(self) -> None:
        """Forget everything; nobody hears of it."""
        self._presence.release()
        self._audience = _NOBODY  # which holds this: a cycle would stay until a collection

    def _tell_gone(self, gone: Iterable[tuple[str, Author]]) -> None:
        for key, author in gone:
            self._audience.presence_changed(key, author, None)
