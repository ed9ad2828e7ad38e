"""Presence: who is there under the keys of a room (protocol, "Who is here")."""

from __future__ import annotations

from collections.abc import Iterable

from ..protocol.entry import Author
from ..protocol.errors import QuotaExceeded
from ..protocol.value import Value

__all__ = ["Presence"]


class Presence:
    """The presences that clients set in one room, and which of the clients are connected.

    A client, known by its public id, may have several connections; what it set stays until it has
    been without one for a while. ``limit``: how many presences there may be in the room.
    """

    __slots__ = ("_clients", "_connections", "_count", "_keys", "_left_at", "_limit")

    def __init__(self, *, limit: int) -> None:
        self._limit = limit
        self._count = 0
        self._clients: dict[str, set[str]] = {}  # the keys under which each is there
        self._connections: dict[str, int] = {}
        self._keys: dict[str, dict[str, tuple[Author, Value]]] = {}
        self._left_at: dict[str, float] = {}  # in the order of leaving

    def __len__(self) -> int:
        """How many presences there are."""
        return self._count

    @property
    def leaving(self) -> bool:
        """Whether a client that has no connection is still shown."""
        return bool(self._left_at)

    def joined(self, client: str) -> None:
        """A connection of a client was opened."""
        self._connections[client] = self._connections.get(client, 0) + 1
        self._left_at.pop(client, None)

    def left(self, client: str, *, now: float) -> bool:
        """A connection of a client was closed, at ``now`` (seconds of any steady clock).

        Returns whether that was its last one.
        """
        connections = self._connections.pop(client) - 1
        if connections:
            self._connections[client] = connections
        elif client in self._clients:
            self._left_at[client] = now
        return not connections

    def expire(self, *, until: float) -> list[tuple[str, Author]]:
        """Forget the clients whose last connection was closed at that time or before.

        Returns the keys under which they were.
        """
        gone = []
        for client, left_at in self._left_at.items():
            if left_at > until:
                break
            gone.append(client)
        return self._forget(gone)

    def forget(self, client: str) -> list[tuple[str, Author]]:
        """Forget a client at once; returns the keys under which it was."""
        return self._forget([client])

    def set(self, key: str, author: Author, value: Value) -> bool:
        """Let a client be there with a value; returns whether that is a change.

        Raises :class:`~..protocol.errors.QuotaExceeded` where the room has no place for more.
        """
        known = self._keys.get(key, {}).get(author.client)
        if known is None and self._count >= self._limit:
            raise QuotaExceeded(f"expected at most {self._limit} presences in a room, got one more")
        if known is None:
            self._count += 1
        elif _same(known[0].user, author.user) and _same(known[1], value):
            return False
        self._keys.setdefault(key, {})[author.client] = author, value
        self._clients.setdefault(author.client, set()).add(key)
        return True

    def withdraw(self, key: str, client: str) -> bool:
        """Let a client be there no more; returns whether it was."""
        there = self._keys.get(key, {})
        if there.pop(client, None) is None:
            return False
        self._count -= 1
        if not there:
            del self._keys[key]
        keys = self._clients[client]
        keys.remove(key)
        if not keys:
            del self._clients[client]
        return True

    def there(self, key: str) -> list[tuple[Author, Value]]:
        """Who is there under a key, and with what."""
        return list(self._keys.get(key, {}).values())

    def _forget(self, clients: Iterable[str]) -> list[tuple[str, Author]]:
        gone = []
        for client in clients:
            self._left_at.pop(client, None)
            for key in sorted(self._clients.get(client, ())):
                gone.append((key, self._keys[key][client][0]))
                self.withdraw(key, client)
        return gone


def _same(one: Value | None, other: Value | None) -> bool:
    """Whether two values are the same in an encoding that both are there in."""
    if one is None or other is None:
        return one is other
    return (one.text is not None and one.text == other.text) or (
        one.item is not None and one.item == other.item
    )
