"""Clients: who is connected to a room here, and whose pushes are forgotten in the end.

What was applied of a client (:class:`~..rooms.producer.Producers`) is the same on every server that
shares a room; who is connected is known to each of them alone. Here the one is joined to the other.

Every client is in one of three states. It is connected: ``_connections`` counts how often, and its
pushes are never forgotten. It is gone and has pushes that are remembered: ``_gone`` has it, the
longest gone first. Or nothing is known of it: a client that comes and goes without having pushed
anything with an id leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice, takewhile

from ..rooms.producer import Producers

__all__ = ["Clients"]


class Clients:
    """The clients of one room.

    ``limit``: of how many clients pushes are remembered; those that are connected count, too, and
    are never forgotten.
    ``gone``: when the clients were last connected whose pushes are known already.
    """

    __slots__ = ("_connections", "_gone", "_limit", "_producers")

    def __init__(
        self, producers: Producers, *, limit: int, gone: Mapping[str, float] | None = None
    ) -> None:
        self._producers = producers
        self._limit = limit
        self._connections: dict[str, int] = {}
        self._gone = dict(sorted((gone or {}).items(), key=lambda item: item[1]))

    def joined(self, client: str) -> None:
        """Note that the client has opened a connection."""
        self._connections[client] = self._connections.get(client, 0) + 1
        self._gone.pop(client, None)

    def left(self, client: str, *, now: float) -> list[str]:
        """Note that the client has closed a connection.

        Return the clients that are forgotten for it.

        ``now``: in seconds since 1970.
        """
        count = self._connections.get(client, 0) - 1
        if count > 0:
            self._connections[client] = count
            return []
        self._connections.pop(client, None)
        if client not in self._producers:
            return []
        self._gone[client] = now
        return self.forget_excess()

    def pushed(self, client: str, *, now: float) -> list[str]:
        """Note that a push of a client, perhaps of one that left, was applied.

        Return as :meth:`left`.
        """
        if client in self._connections or client in self._gone:
            return []
        self._gone[client] = now
        return self.forget_excess()

    def left_at(self, client: str, *, now: float) -> float:
        """Return when the client was last connected: now, if it still is."""
        return self._gone.get(client, now)

    def forget_excess(self) -> list[str]:
        """Forget the longest gone of too many clients; returns who they were."""
        count = len(self._producers)
        if count <= self._limit:
            return []
        # Some more than it takes, so that it needn't be done for each one that comes.
        excess = count - self._limit + self._limit // 8
        return self._forget(list(islice(self._gone, excess)))

    def expire(self, *, before: float, now: float) -> list[str]:
        """Forget the clients that were last connected before then; returns who they were."""
        for client, _ in self._producers.items():
            if client not in self._connections:  # it pushed without a connection
                self._gone.setdefault(client, now)
        return self._forget(list(takewhile(lambda client: self._gone[client] < before, self._gone)))

    def _forget(self, clients: list[str]) -> list[str]:
        for client in clients:
            del self._gone[client]
            self._producers.forget(client)
        return clients
