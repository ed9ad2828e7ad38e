"""A key as a sequence of pushes: what streams, channels and reducers are made of."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from ..protocol.errors import DriftDBError, Refusal
from . import frames
from .receipt import Receipt, fail, fulfil
from .replica import Replica

if TYPE_CHECKING:
    from .frames import Value
    from .session import Session

__all__ = ["Heard", "LogReplica", "Missed", "News", "Stamp", "StartedOver"]

_NEWS_LIMIT = 10_000


class Stamp(NamedTuple):
    """When the server took a value (milliseconds since 1970), and who wrote it.

    ``client`` is a public id, ``user`` an object as JSON text; ``None`` where nobody knows.
    """

    time: int
    client: str | None
    user: bytes | None


class Heard(NamedTuple):
    """A value of the room, as JSON text, with its sequence number."""

    value: bytes
    seq: int
    stamp: Stamp | None = None


class StartedOver(NamedTuple):
    """The stream holds just these; what came between is not known.

    That is how it begins; later only where the server lost its memory (``same_epoch`` is false
    then), this client was away for too long, or the stream was emptied or shortened.
    """

    held: list[Heard]
    same_epoch: bool


class Missed(NamedTuple):
    """So many news (``number``) were not taken in time, and are forgotten."""

    number: int


News = Heard | StartedOver | Missed


class LogReplica(Replica):
    """The pushes of one key in the room's order; made by :meth:`.session.Session.log`.

    Within an epoch their sequence numbers ascend, and none is missing since the last
    :class:`StartedOver`. Any number of own pushes may be under way; they arrive in their order,
    each once (those that the server had no time for, ``rate`` and ``unavailable``, may come
    behind later ones).

    ``keep``: remember in :attr:`entries` what the stream holds, which is right for a key that is
    only appended to (a push doesn't say whether its value was kept). ``stamps``: hear who wrote
    each value and when. Of the news that nobody takes the newest 10,000 are remembered.
    """

    def __init__(self, session: Session, key: str, *, keep: bool, stamps: bool = False) -> None:
        super().__init__(session, key)
        self.stamps = stamps
        self.entries: list[Heard] = []
        self._keep = keep
        self._news: deque[Heard | StartedOver] = deque()
        self._missed = 0
        self._under_way: dict[int, Receipt[int | None]] = {}

    @property
    def settled(self) -> bool:
        """Whether every own push was acknowledged."""
        return not self._under_way

    def push(
        self, value: bytes, *, keep: bool, max_length: int | None = None
    ) -> Receipt[int | None]:
        """Append (``keep``) or relay a value; the receipt brings its sequence number.

        ``max_length``: how many values an append leaves in the stream.

        Raises :class:`~driftdb_jupyter.protocol.errors.TooLarge`, and
        :class:`~driftdb_jupyter.protocol.errors.QueueFull`.
        """
        return self.push_all([value], keep=keep, max_length=max_length)

    def push_all(
        self, values: Sequence[bytes], *, keep: bool, max_length: int | None = None
    ) -> Receipt[int | None]:
        """Append or relay several values in one message, all or none.

        The receipt brings the last one's sequence number. Raises as :meth:`push` does.
        """
        self._session.check_size(self.key, *values)
        self._session.check_queue(self.key, *values)
        return self._push(
            *values, action="append" if keep else "relay", max_length=max_length if keep else None
        )

    def batches(self, values: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
        """Cut values into what each fits into one message, if any of them does."""
        return self._session.batches(self.key, values)

    def compact(self, value: bytes, *, seq: int) -> Receipt[int | None]:
        """Put a value in the place of all that the stream holds up to a sequence number.

        Nobody hears of it (protocol, "Model"). Raises as :meth:`push` does.
        """
        self._session.check_size(self.key, value)
        self._session.check_queue(self.key, value)
        return self._push(value, action="compact", seq=seq)

    def take(self) -> list[News]:
        """Return what came since the last call, in order, and forget it."""
        news: list[News] = [*self._news]
        if self._missed:
            news.insert(0, Missed(self._missed))
        self._news.clear()
        self._missed = 0
        return news

    # What the session calls.

    def acknowledged(self, push_id: int, seq: int | None) -> None:
        """The room took an own push."""
        fulfil([self._under_way.pop(push_id)], seq)

    def refused(self, push_id: int, error: Refusal) -> None:
        """The room didn't take an own push."""
        fail([self._under_way.pop(push_id)], error)

    def abandoned(self, error: DriftDBError) -> None:
        """Drop the pushes under way, and fail their receipts."""
        under_way, self._under_way = self._under_way, {}
        fail(under_way.values(), error)

    def _push(
        self,
        *values: bytes,
        action: frames.Action,
        seq: int | None = None,
        max_length: int | None = None,
    ) -> Receipt[int | None]:
        push_id = self._session.push(self, *values, action=action, seq=seq, max_length=max_length)
        receipt = self._under_way[push_id] = Receipt()
        return receipt

    def _started_over(self, values: list[Value], *, same_epoch: bool) -> None:
        held = [_heard(value) for value in values]
        if self._keep:
            self.entries = held[:]
        self._tell(StartedOver(held, same_epoch))

    def _heard(self, value: Value) -> None:
        heard = _heard(value)
        if self._keep:
            self.entries.append(heard)
        self._tell(heard)

    def _emptied(self) -> None:
        self._started_over([], same_epoch=True)

    def _tell(self, news: Heard | StartedOver) -> None:
        self._news.append(news)
        if len(self._news) > _NEWS_LIMIT:
            self._news.popleft()
            self._missed += 1
        self._session.touched(self)


def _heard(value: Value) -> Heard:
    stamp = None
    if value.time is not None:
        stamp = Stamp(value.time, value.client, bytes(value.user) or None)
    return Heard(bytes(value.value), value.seq, stamp)
