"""A key as a sequence of pushes: what streams, channels and reducers are made of."""

from __future__ import annotations

import contextlib
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from ...protocol.errors import Conflict, DriftDBError, Refusal, Uncertain
from . import messages
from .messages import Value
from .notices import Notices
from .pushes import Pushes
from .receipt import Receipt, fail, fulfil
from .replica import LOST_MEMORY, Replica

__all__ = ["Follower", "Heard", "LogReplica", "Missed", "News", "Stamp", "StartedOver"]


# The protocol tells nobody of a compact. This relay does, so that the others read anew.
_SHORTENED = b'{"$compacted":%d}'
_SHORTENED_START = _SHORTENED.partition(b"%")[0]


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

    @classmethod
    def of(cls, value: Value) -> Heard:
        """What came over the wire."""
        stamp = None
        if value.time is not None:
            stamp = Stamp(value.time, value.client, bytes(value.user) or None)
        return cls(bytes(value.value), value.seq, stamp)


class StartedOver(NamedTuple):
    """The stream holds just these; what came between is not known.

    That is how it begins; later only where the server lost its memory (``same_epoch`` is false
    then), this client was away for too long, or the stream was emptied or shortened.
    """

    held: list[Heard]
    same_epoch: bool
    epoch: str | None = None


class Missed(NamedTuple):
    """So many news (``number``) were not taken in time, and are forgotten."""

    number: int


News = Heard | StartedOver | Missed


class Follower:
    """Hears each push of a log, once it was given to :meth:`LogReplica.add`.

    Of the news that are not taken the newest ``limit`` are remembered. ``wake`` is called when
    there are news where there were none. News are told on one thread and may be taken on another.
    """

    def __init__(self, *, limit: int = 10_000, wake: Callable[[], object] | None = None) -> None:
        self._limit = limit
        self._missed = 0  # in all; only who tells counts here
        self._missed_taken = 0  # only who takes counts here
        self._news: deque[Heard | StartedOver] = deque()
        self._wake = wake

    def __bool__(self) -> bool:
        """Whether there are news."""
        return bool(self._news)

    def tell(self, news: Heard | StartedOver) -> None:
        """Remember news."""
        first = not self._news
        if isinstance(news, StartedOver):
            self._news.clear()
        self._news.append(news)
        if len(self._news) > self._limit:
            try:
                self._news.popleft()
            except IndexError:  # they were taken in this very moment
                pass
            else:
                self._missed += 1
        if first and self._wake is not None:
            self._wake()

    def take(self) -> list[News]:
        """Return what came since the last call, in order, and forget it."""
        news: list[News] = []
        missed = self._missed - self._missed_taken
        if missed:
            self._missed_taken += missed
            news.append(Missed(missed))
        for _ in range(len(self._news)):
            with contextlib.suppress(IndexError):
                news.append(self._news.popleft())
        return news


class LogReplica(Replica):
    """The pushes of one key in the room's order; made by :meth:`.session.Session.log`.

    Within an epoch their sequence numbers ascend, and none is missing since the last
    :class:`StartedOver`. Any number of own pushes may be under way; they arrive in their order,
    each once (those that the server had no time for, ``rate`` and ``unavailable``, may come
    behind later ones).

    ``keep``: remember in :attr:`entries` what the stream holds, which is right for a key that is
    only appended to (a push doesn't say whether its value was kept). ``stamps``: hear who wrote
    each value and when. ``max_length``: remember the newest so many. Whoever wants to hear each
    push has to :meth:`follow`.
    """

    def __init__(
        self, key: str, pushes: Pushes, notices: Notices, *, keep: bool, stamps: bool = False
    ) -> None:
        super().__init__(key, pushes, notices)
        self.stamps = stamps
        self.entries: list[Heard] = []
        self.keep = keep
        self.max_length: int | None = None
        self._followers: list[weakref.ref[Follower]] = []
        self._under_way: dict[int, Receipt[int | None]] = {}
        self._dated: set[int] = set()  # of those under way
        self._offer_id: int | None = None
        self._offered = False

    @property
    def settled(self) -> bool:
        """Whether every own push was acknowledged."""
        return not self._under_way and self._offer_id is None

    def push(
        self, value: bytes, *, keep: bool, max_length: int | None = None, dated: bool = False
    ) -> Receipt[int | None]:
        """Append (``keep``) or relay a value; the receipt brings its sequence number.

        ``max_length``: how many values an append leaves in the stream. ``dated``: what was sent
        before the room lost its memory is not sent again (``Uncertain``).

        Raises :class:`~driftdb_jupyter.protocol.errors.TooLarge`, and
        :class:`~driftdb_jupyter.protocol.errors.QueueFull`.
        """
        return self.push_all([value], keep=keep, max_length=max_length, dated=dated)

    def push_all(
        self,
        values: Sequence[bytes],
        *,
        keep: bool,
        max_length: int | None = None,
        dated: bool = False,
    ) -> Receipt[int | None]:
        """Append or relay several values in one message, all or none.

        The receipt brings the last one's sequence number. Raises as :meth:`push` does.
        """
        self._pushes.check_size(self.key, *values)
        self._pushes.check_queue(self.key, *values)
        receipt: Receipt[int | None] = Receipt()
        self.enqueue(values, receipt, keep=keep, max_length=max_length, dated=dated)
        return receipt

    def enqueue(
        self,
        values: Sequence[bytes],
        receipt: Receipt[int | None],
        *,
        keep: bool,
        max_length: int | None = None,
        dated: bool = False,
    ) -> None:
        """Do what :meth:`push_all` does, for values whose size and number were checked."""
        self._push(
            *values,
            receipt=receipt,
            action="append" if keep else "relay",
            max_length=max_length if keep else None,
            dated=dated,
        )

    def batches(self, values: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
        """Cut values into what each fits into one message, if any of them does."""
        return self._pushes.batches(self.key, values)

    def compact(
        self, value: bytes, *, seq: int, epoch: str | None, tell: bool = False
    ) -> Receipt[int | None]:
        """Put a value in the place of all that the stream holds up to a number of an epoch.

        ``tell``: have all replicas read it anew, this one too. Raises as :meth:`push` does.
        """
        self._pushes.check_size(self.key, value)
        self._pushes.check_queue(self.key, value)
        receipt: Receipt[int | None] = Receipt()
        self.enqueue_compact(value, receipt, seq=seq, epoch=epoch, tell=tell)
        return receipt

    def enqueue_compact(
        self,
        value: bytes,
        receipt: Receipt[int | None],
        *,
        seq: int,
        epoch: str | None,
        tell: bool = False,
    ) -> None:
        """Do what :meth:`compact` does, for a value whose size was checked."""
        self._push(value, receipt=receipt, action="compact", seq=seq, epoch=epoch)
        if tell:
            self._push(_SHORTENED % seq, receipt=Receipt(), action="relay")

    def offer(self, value: bytes) -> None:
        """Append a value if the stream is still empty, once over each connection.

        Nobody is told if it isn't, or if the room doesn't take it.

        Raises :class:`~driftdb_jupyter.protocol.errors.TooLarge`.
        """
        self._pushes.check_size(self.key, value)
        if self.current and not self._offered:
            self._offered = True
            self._offer_id = self._pushes.push(self, value, action="append", if_seq=0, offer=True)

    def fold(self, value: bytes, *, seq: int) -> None:
        """Remember a value in the place of all up to a sequence number, as a compact does there."""
        later = [entry for entry in self.entries if entry.seq > seq]
        self.entries = [Heard(value, seq), *later]

    def follow(self, *, limit: int = 10_000, wake: Callable[[], object] | None = None) -> Follower:
        """Return who hears each push, as long as somebody holds it (see :class:`Follower`).

        It begins with a :class:`StartedOver`: now, or once the room has answered.
        """
        follower = Follower(limit=limit, wake=wake)
        self.add(follower)
        return follower

    def add(self, follower: Follower) -> None:
        """Have a follower hear each push from now on (see :meth:`follow`)."""
        if self.ready:
            follower.tell(StartedOver(self.entries[:], same_epoch=False, epoch=self.epoch))
        self._followers = [ref for ref in self._followers if ref() is not None]
        self._followers.append(weakref.ref(follower))

    # What the session calls.

    def acknowledged(self, push_id: int, seq: int | None) -> None:
        """The room took an own push."""
        if push_id == self._offer_id:
            self._offer_id = None
        else:
            fulfil([self._under_way.pop(push_id)], seq)
        self._dated.discard(push_id)

    def refused(self, push_id: int, error: Refusal) -> None:
        """The room didn't take an own push."""
        if push_id == self._offer_id:
            self._offer_id = None
        elif isinstance(error, Conflict) and push_id in self._dated:
            fail([self._under_way.pop(push_id)], Uncertain(LOST_MEMORY))
        else:
            fail([self._under_way.pop(push_id)], error)
        self._dated.discard(push_id)

    def disconnected(self) -> None:
        """The connection is gone, and an offer with it."""
        super().disconnected()
        self._offer_id, self._offered = None, False

    def abandoned(self, error: DriftDBError) -> None:
        """Drop the pushes under way, and fail their receipts."""
        under_way, self._under_way, self._offer_id = self._under_way, {}, None
        fail(under_way.values(), error)

    def _push(
        self,
        *values: bytes,
        receipt: Receipt[int | None],
        action: messages.Action,
        seq: int | None = None,
        max_length: int | None = None,
        dated: bool = False,
        epoch: str | None = None,
    ) -> None:
        push_id = self._pushes.push(
            self,
            *values,
            action=action,
            epoch=epoch,
            seq=seq,
            max_length=max_length,
            dated=dated,
            writes=receipt.writes,
        )
        self._under_way[push_id] = receipt
        if dated:
            self._dated.add(push_id)

    def _started_over(self, values: list[Value], *, same_epoch: bool) -> None:
        held = [Heard.of(value) for value in values]
        if self.keep:
            self.entries = held[-(self.max_length or 0) :]
        self._tell(StartedOver(held, same_epoch, self.epoch))

    def _heard(self, value: Value) -> None:
        heard = Heard.of(value)
        if heard.value.startswith(_SHORTENED_START):
            self.read_anew()
            return
        if self.keep:
            self.entries.append(heard)
            if self.max_length is not None:
                del self.entries[: -self.max_length]
        self._tell(heard)

    def _emptied(self) -> None:
        self._started_over([], same_epoch=True)

    def _tell(self, news: Heard | StartedOver) -> None:
        for ref in self._followers:
            if (follower := ref()) is not None:
                follower.tell(news)
        self._notices.touched(self.key)
