"""Producers: which pushes a client has already had applied.

Protocol, "Knowing that a push arrived, once".
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["Producer", "Producers"]


class Producer:
    """The newest ids of one client, with the sequence numbers that they got."""

    __slots__ = ("_applied", "_forgotten", "_remember", "connections", "left_at")

    def __init__(self, *, remember: int = 1024, forgotten: int = 0) -> None:
        """``remember``: how many ids at least; ``forgotten``: up to which none is any more."""
        self._applied: dict[int, int] = {}
        self._forgotten = forgotten
        self._remember = remember
        self.connections = 0
        self.left_at = 0.0

    @property
    def forgotten(self) -> int:
        """The newest of the ids that were applied too long ago to be remembered, 0 for none."""
        return self._forgotten

    def knows(self, push_id: int) -> bool:
        """Whether a push with that id was applied, or is older than what is remembered."""
        return push_id in self._applied or push_id <= self._forgotten

    def seq(self, push_id: int) -> int | None:
        """The sequence number of a push that was applied, ``None`` where it was too long ago."""
        return self._applied.get(push_id)

    def applied(self, push_id: int, seq: int) -> None:
        """Note that a push was applied."""
        self._applied[push_id] = seq
        if len(self._applied) >= 2 * self._remember:
            # Sorting now and then is cheaper than keeping an order: ids may come late.
            ids = sorted(self._applied)
            self._forgotten = ids[-self._remember - 1]
            self._applied = {known: self._applied[known] for known in ids[-self._remember :]}

    def refused(self, push_id: int) -> None:
        """Take back that a push was applied: it could not be kept."""
        self._applied.pop(push_id, None)


class Producers:
    """The producers of a room, by their client (the digest of its secret)."""

    __slots__ = ("_producers",)

    def __init__(self) -> None:
        self._producers: dict[str, Producer] = {}

    def __len__(self) -> int:
        return len(self._producers)

    def __contains__(self, client: str) -> bool:
        return client in self._producers

    def items(self) -> Iterable[tuple[str, Producer]]:
        """All clients and their producers."""
        return self._producers.items()

    def restore(self, client: str, producer: Producer) -> None:
        """Put in what was known of a client."""
        self._producers[client] = producer

    def get(self, client: str) -> Producer:
        """The producer of that client, a new one where it is not known."""
        producer = self._producers.get(client)
        if producer is None:
            producer = self._producers[client] = Producer()
        return producer

    def joined(self, client: str) -> None:
        """A connection of that client was opened."""
        self.get(client).connections += 1

    def left(self, client: str, *, now: float) -> None:
        """A connection of that client was closed, at ``now`` (seconds of any steady clock)."""
        producer = self.get(client)
        producer.connections -= 1
        producer.left_at = now

    def expire(self, *, before: float) -> None:
        """Forget the clients whose last connection was closed before that time."""
        self._producers = {
            client: producer
            for client, producer in self._producers.items()
            if producer.connections > 0 or producer.left_at >= before
        }
