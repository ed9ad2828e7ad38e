"""Presence: who is there under the keys of a room (protocol, "Who is here")."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..protocol.entry import Author
from ..protocol.errors import QuotaExceeded
from ..protocol.value import Value
from .memory_budget import MemoryBudget
from .memory_cost import PRESENCE_COST_BYTES, cost_of_text

__all__ = ["Presence", "PresenceLimits"]


@dataclass(frozen=True, kw_only=True)
class PresenceLimits:
    """The bounds of the presences of one room; what would pass one is refused.

    ``count``: presences. ``cost_bytes``: of memory that they take.
    """

    count: int = 10_000
    cost_bytes: int = 16 * 1024 * 1024


class Presence:
    """The presences that clients set in one room, and which of the clients are connected.

    A client, known by its public id, may have several connections; what it set stays until it has
    been without one for a while. ``cost_bytes``: what they cost of memory, which ``memory``, the
    budget, is charged with until :meth:`release`.
    """

    __slots__ = (
        "_clients",
        "_connections",
        "_count",
        "_keys",
        "_left_at",
        "_limits",
        "_memory",
        "cost_bytes",
    )

    def __init__(
        self, *, limits: PresenceLimits | None = None, memory: MemoryBudget | None = None
    ) -> None:
        self.cost_bytes = 0
        self._limits = limits or PresenceLimits()
        self._memory = memory or MemoryBudget()
        self._count = 0
        self._clients: dict[str, set[str]] = {}  # the keys under which each is there
        self._connections: dict[str, int] = {}
        self._keys: dict[str, dict[str, tuple[Author, Value]]] = {}
        self._left_at: dict[str, float] = {}  # in the order of leaving

    def __len__(self) -> int:
        """Return the number of presences."""
        return self._count

    @property
    def leaving(self) -> bool:
        """Whether a client that has no connection is still shown."""
        return bool(self._left_at)

    def is_connected(self, client: str) -> bool:
        """Return whether a client has a connection."""
        return client in self._connections

    def joined(self, client: str) -> None:
        """Note that a client has opened a connection."""
        self._connections[client] = self._connections.get(client, 0) + 1
        self._left_at.pop(client, None)

    def left(self, client: str, *, now: float) -> bool:
        """Note that a client has closed a connection, at ``now`` (seconds of any steady clock).

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
        """Show a client under a key with a value; returns whether that is a change.

        Raises :class:`~..protocol.errors.QuotaExceeded` where the room or the server has no place
        for more; less than before is always welcome.
        """
        known = self._keys.get(key, {}).get(author.client)
        limits, more_cost = self._limits, _cost(key, author, value)
        if known is None:
            if self._count >= limits.count:
                raise QuotaExceeded(
                    f"expected at most {limits.count} presences in a room, got one more"
                )
        elif _same(known[0].user, author.user) and _same(known[1], value):
            return False
        else:
            more_cost -= _cost(key, *known)
        cost_bytes = self.cost_bytes + more_cost
        if more_cost > 0 and cost_bytes > limits.cost_bytes:
            raise QuotaExceeded(
                f"expected the presences of a room to take at most {limits.cost_bytes} bytes"
                f" of memory, got {cost_bytes}"
            )
        if more_cost > 0:
            self._memory.take(more_cost)
        else:
            self._memory.charge(more_cost)
        self.cost_bytes = cost_bytes
        if known is None:
            self._count += 1
        self._keys.setdefault(key, {})[author.client] = author, value
        self._clients.setdefault(author.client, set()).add(key)
        return True

    def withdraw(self, key: str, client: str) -> Author | None:
        """Show a client under a key no more; returns as whom it was there, ``None`` if not."""
        there = self._keys.get(key, {})
        known = there.pop(client, None)
        if known is None:
            return None
        cost_bytes = _cost(key, *known)
        self.cost_bytes -= cost_bytes
        self._memory.release(cost_bytes)
        self._count -= 1
        if not there:
            del self._keys[key]
        keys = self._clients[client]
        keys.remove(key)
        if not keys:
            del self._clients[client]
        return known[0]

    def keys_of(self, client: str) -> list[str]:
        """Return the keys under which a client is there."""
        return sorted(self._clients.get(client, ()))

    def find(self, key: str, client: str) -> tuple[Author, Value] | None:
        """Return as whom a client is there under a key, and with which value."""
        return self._keys.get(key, {}).get(client)

    def shows(self, key: str, author: Author, value: Value) -> bool:
        """Return True if a client is there as that, and with that value."""
        known = self.find(key, author.client)
        return known is not None and _same(known[0].user, author.user) and _same(known[1], value)

    def places(self) -> list[tuple[str, str]]:
        """Return the key and the client of each presence."""
        return [(key, client) for key, there in self._keys.items() for client in there]

    def there(self, key: str) -> list[tuple[Author, Value]]:
        """Return who is present under a key, and with which value."""
        return list(self._keys.get(key, {}).values())

    def release(self) -> None:
        """Forget all presences, and give back to the budget what they cost."""
        self._memory.release(self.cost_bytes)
        self.cost_bytes = self._count = 0
        for known in (self._clients, self._keys, self._left_at):
            known.clear()

    def _forget(self, clients: Iterable[str]) -> list[tuple[str, Author]]:
        gone = []
        for client in clients:
            self._left_at.pop(client, None)
            for key in sorted(self._clients.get(client, ())):
                author = self.withdraw(key, client)
                assert author is not None
                gone.append((key, author))
        return gone


def _cost(key: str, author: Author, value: Value) -> int:
    user_bytes = 0 if author.user is None else author.user.byte_count
    return PRESENCE_COST_BYTES + cost_of_text(key) + value.byte_count + user_bytes


def _same(one: Value | None, other: Value | None) -> bool:
    """Return True if two values are the same in an encoding that both are there in."""
    if one is None or other is None:
        return one is other
    return (one.text is not None and one.text == other.text) or (
        one.item is not None and one.item == other.item
    )
