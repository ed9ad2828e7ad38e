"""A key as a sequence of pushes: what streams, channels and reducers are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ..protocol.errors import Refusal
from .replica import Replica

if TYPE_CHECKING:
    from .frames import Value
    from .session import Session

__all__ = ["Heard", "LogReplica", "StartedOver"]


class Heard(NamedTuple):
    """A value of the room, as JSON text, with its sequence number."""

    value: bytes
    seq: int


class StartedOver(NamedTuple):
    """The stream holds just these; what came between is not known.

    That is how it begins; later only where the server lost its memory (``same_epoch`` is false
    then), or this client was away for too long.
    """

    held: list[Heard]
    same_epoch: bool


class LogReplica(Replica):
    """The pushes of one key in the room's order; made by :meth:`.session.Session.log`.

    Within an epoch their sequence numbers ascend, and none is missing since the last
    :class:`StartedOver`. Any number of own pushes may be under way; they arrive in their order,
    each once (those that the server had no time for, ``rate`` and ``unavailable``, may come
    behind later ones).

    ``keep``: remember in :attr:`entries` what the stream holds, which is right for a key that is
    only appended to (a push doesn't say whether its value was kept).
    """

    def __init__(self, session: Session, key: str, *, keep: bool) -> None:
        super().__init__(session, key)
        self.entries: list[Heard] = []
        self._keep = keep
        self._news: list[Heard | StartedOver] = []
        self._under_way: set[int] = set()

    @property
    def settled(self) -> bool:
        """Whether every own push was acknowledged."""
        return not self._under_way

    def push(self, value: bytes, *, keep: bool) -> int:
        """Append (``keep``) or relay a value; returns the push's id.

        Raises :class:`~driftdb_jupyter.protocol.errors.TooLarge`, and
        :class:`~driftdb_jupyter.protocol.errors.QueueFull`.
        """
        self._session.check_size(self.key, value)
        self._session.check_queue(self.key, value)
        push_id = self._session.push(self, value, action="append" if keep else "relay")
        self._under_way.add(push_id)
        return push_id

    def take(self) -> list[Heard | StartedOver]:
        """Return what came since the last call, in order, and forget it."""
        news, self._news = self._news, []
        return news

    # What the session calls.

    def acknowledged(self, push_id: int) -> None:
        """The room took an own push."""
        self._under_way.discard(push_id)

    def refused(self, push_id: int, error: Refusal) -> None:
        """The room didn't take an own push."""
        self._under_way.discard(push_id)

    def forked(self) -> None:
        """Drop the pushes under way: in a fork they are its parent's to send."""
        super().forked()
        self._under_way = set()

    def _started_over(self, values: list[Value], *, same_epoch: bool) -> None:
        held = [Heard(bytes(each.value), each.seq) for each in values]
        if self._keep:
            self.entries = held[:]
        self._news.append(StartedOver(held, same_epoch))
        self._session.touched(self)

    def _heard(self, value: bytes, seq: int) -> None:
        heard = Heard(value, seq)
        if self._keep:
            self.entries.append(heard)
        self._news.append(heard)
        self._session.touched(self)

    def _emptied(self) -> None:
        self._started_over([], same_epoch=True)
