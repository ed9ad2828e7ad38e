"""A key as a sequence of pushes: what streams, channels and reducers are made of."""

from __future__ import annotations

import contextlib
import weakref
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from operator import attrgetter
from typing import NamedTuple

from msgspec import Struct

from ...protocol.errors import Conflict, DriftDBError, Refusal, Uncertain
from ...protocol.limits import Limits
from . import messages
from .kind import Kind, is_snapshot
from .messages import Value
from .notices import Notices
from .outcome import Outcome, fail, fulfil
from .pushes import Pushes
from .replica import LOST_MEMORY, Replica
from .stored import meant

__all__ = [
    "Compacted",
    "Follower",
    "Heard",
    "LogReplica",
    "Missed",
    "News",
    "Stamp",
    "StartedOver",
]

_seq = attrgetter("seq")


class Stamp(NamedTuple):
    """The time at which the server took a value (milliseconds since 1970), and who wrote it.

    ``client`` is a public id, ``user`` an object as JSON text; ``None`` where nobody knows.
    """

    time: int
    client: str | None
    user: bytes | None


# Without the garbage collector, for which a long stream is a long walk: nothing in it can hold it.
class Heard(Struct, frozen=True, gc=False):
    """A value of the room, as JSON text, with its sequence number."""

    value: bytes
    seq: int
    stamp: Stamp | None = None

    @classmethod
    def of(cls, value: Value) -> Heard:
        """Make one of a value that came over the wire."""
        if value.time is None:
            return cls(b"".join((value.value,)), value.seq)  # as bytes(), but for a third less
        stamp = Stamp(value.time, value.client, bytes(value.user) or None)
        return cls(bytes(value.value), value.seq, stamp)

    def of_state(self) -> Heard:
        """Return the same with the value that a state meant (:func:`.stored.meant`)."""
        return Heard(meant(self.value), self.seq, self.stamp)


class StartedOver(NamedTuple):
    """The stream holds just these; what came between is not known.

    That is how it begins; later only where the server lost its memory (``same_epoch`` is false
    then), this client was away for too long, or the stream was emptied or shortened.
    """

    held: list[Heard]
    same_epoch: bool
    epoch: str | None = None


class Compacted(NamedTuple):
    """A value was put in the place of all that the stream held up to its number."""

    by: Heard


class Missed(NamedTuple):
    """The ``number`` of news that were not taken in time, and are forgotten."""

    number: int


News = Heard | StartedOver | Compacted | Missed


class Follower:
    """A receiver of each push of a log, once it was given to :meth:`LogReplica.add`.

    Of the news that are not taken the newest ``limit`` are remembered. ``wake`` is called when
    there are news where there were none. News are told on one thread and may be taken on another.

    ``restore`` is that of who gives a room back what it has forgotten: it is called (on any
    thread) in a new epoch, and dated pushes wait until it has offered that, or has nothing to
    offer (:meth:`LogReplica.decide`).
    """

    def __init__(
        self,
        *,
        limit: int = 10_000,
        wake: Callable[[], object] | None = None,
        restore: Callable[[], object] | None = None,
    ) -> None:
        self.restore = restore
        self._limit = limit
        self._missed = 0  # in all; only who tells counts here
        self._missed_taken = 0  # only who takes counts here
        self._news: deque[Heard | StartedOver | Compacted] = deque()
        self._wake = wake

    def __bool__(self) -> bool:
        """Return True if there are news."""
        return bool(self._news)

    def hear(self, *news: Heard | StartedOver | Compacted) -> None:
        """Remember news, one at least."""
        first = not self._news
        self._news.extend(news)
        while len(self._news) > self._limit:
            try:
                self._news.popleft()
            except IndexError:  # they were taken in this very moment
                break
            self._missed += 1
        if first and self._wake is not None:
            self._wake()

    def take(self) -> list[News]:
        """Return what came since the last call, in order, and forget it."""
        news: deque[News] = deque()
        self.move_to(news)
        return list(news)

    def move_to(self, news: deque[News]) -> None:
        """Append what came since the last call, in order, and forget it; no interrupt loses any."""
        at = len(news)
        with contextlib.suppress(IndexError):  # the oldest was forgotten in this very moment
            # In C alone, so that no interrupt comes in the middle.
            news.extend(islice(iter(self._news.popleft, None), len(self._news)))
        # Only now: what was forgotten until here came before all of these.
        missed = self._missed - self._missed_taken
        if missed:
            news.insert(at, Missed(missed))
            self._missed_taken += missed


class LogReplica(Replica):
    """The pushes of one key in the room's order; made by :meth:`.session.Session.log`.

    Within an epoch their sequence numbers ascend, and none is missing since the last
    :class:`StartedOver`. Any number of own pushes may be under way; they arrive in their order,
    each once (those that the server had no time for, ``rate`` and ``unavailable``, may come
    behind later ones).

    ``keep``: remember in :attr:`entries` what the stream holds. ``held``: ask the server what that
    is (protocol, "What a stream holds"); without an answer each push counts as kept. ``stamps``:
    hear who wrote each value and when. Whoever wants to hear each push has to :meth:`follow`.
    """

    def __init__(
        self,
        key: str,
        pushes: Pushes,
        notices: Notices,
        *,
        kind: Kind | None = None,
        keep: bool,
        held: bool = False,
        stamps: bool = False,
    ) -> None:
        super().__init__(key, pushes, notices, kind=kind)
        self.stamps = stamps
        self.held = held
        self.entries: list[Heard] = []
        self.keep = keep
        self._first = 0  # the number of the oldest value in the stream
        self._followers: list[weakref.ref[Follower]] = []
        self._under_way: dict[int, Outcome[int | None]] = {}
        self._dated: set[int] = set()  # of those under way
        self._offer: tuple[int, Outcome[int | None]] | None = None
        self._offered_at: int | None = None  # what number was offered to on this connection
        self._offers_refused = False  # on this connection
        self._undecided: list[weakref.ref[Follower]] = []  # they may have something to restore

    def want(self, *, keep: bool, held: bool, stamps: bool) -> None:
        """Keep and ask for that much from now on, besides what was wanted before."""
        known = (self.keep, self.held, self.stamps)
        self.keep, self.held = keep or self.keep, held or self.held
        self.stamps = stamps or self.stamps
        if not self.current or (self.keep, self.held, self.stamps) == known:
            return
        if self.keep or not self.stamps:
            self.read_anew()
        else:  # there is nothing to read: what is relayed meanwhile would be in no answer
            self._notices.ask(messages.get(self.key, above=None, stamps=True, held=self.held))

    @property
    def settled(self) -> bool:
        """Whether every own push was acknowledged."""
        return not self._under_way and self._offer is None

    @property
    def restored(self) -> bool:
        """Whether this connection knows what the room holds, and was offered what it forgot."""
        if not self.current:
            return False
        undecided = any(ref() is not None for ref in self._undecided)
        return not undecided or self._offers_refused or self.is_another

    @property
    def limits(self) -> Limits:
        """The bounds of a message."""
        return self._pushes.limits

    def push(
        self, value: bytes, *, keep: bool, max_length: int | None = None, dated: bool = False
    ) -> Outcome[int | None]:
        """Append (``keep``) or relay a value; the outcome brings its sequence number.

        ``max_length``: how many values an append leaves in the stream. ``dated``: what was sent
        before the room lost its memory is not sent again (``Uncertain``).

        Raises :class:`~driftdb_jupyter.protocol.errors.TooLarge`,
        :class:`~driftdb_jupyter.protocol.errors.QueueFull` and
        :class:`~driftdb_jupyter.protocol.errors.WrongKind`.
        """
        return self.push_all([value], keep=keep, max_length=max_length, dated=dated)

    def push_all(
        self,
        values: Sequence[bytes],
        *,
        keep: bool,
        max_length: int | None = None,
        dated: bool = False,
    ) -> Outcome[int | None]:
        """Append or relay several values in one message, all or none.

        The outcome brings the last one's sequence number. Raises as :meth:`push` does.
        """
        self.check_kind()
        self._pushes.check_size(self.key, *values)
        self._pushes.check_queue(self.key, *values)
        outcome: Outcome[int | None] = Outcome()
        self.enqueue(values, outcome, keep=keep, max_length=max_length, dated=dated)
        return outcome

    def enqueue(
        self,
        values: Sequence[bytes],
        outcome: Outcome[int | None],
        *,
        keep: bool,
        max_length: int | None = None,
        dated: bool = False,
        epoch: str | None = None,
        quiet: bool = False,
    ) -> None:
        """Do what :meth:`push_all` does, for values whose size and number were checked.

        ``epoch``: in which they count. ``quiet``: the outcome alone tells of a refusal.
        """
        self.meta = self.meta or self.kind  # by this write, if by nothing else
        self._push(
            *values,
            outcome=outcome,
            action="append" if keep else "relay",
            max_length=max_length if keep else None,
            dated=dated,
            epoch=epoch,
            quiet=quiet,
        )

    def batches(self, values: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
        """Cut values into what each fits into one message, if any of them does."""
        return self._pushes.batches(self.key, values)

    def compact(self, value: bytes, *, seq: int, epoch: str | None) -> Outcome[int | None]:
        """Put a value in the place of all that the stream holds up to a number of an epoch.

        Raises as :meth:`push` does.
        """
        self.check_kind()
        self._pushes.check_size(self.key, value)
        self._pushes.check_queue(self.key, value)
        outcome: Outcome[int | None] = Outcome()
        self.enqueue_compact(value, outcome, seq=seq, epoch=epoch)
        return outcome

    def enqueue_compact(
        self,
        value: bytes,
        outcome: Outcome[int | None],
        *,
        seq: int,
        epoch: str | None,
        quiet: bool = False,
    ) -> None:
        """Do what :meth:`compact` does, for a value whose size was checked.

        ``quiet``: the outcome alone tells of a refusal.
        """
        self._push(value, outcome=outcome, action="compact", seq=seq, epoch=epoch, quiet=quiet)

    def may_offer(self, seq: int) -> bool:
        """Return True if nothing was offered yet to the stream as it is, on this connection.

        Nor was anything refused, unless somebody else was faster.
        """
        was_offered = self._offer is not None or self._offered_at == seq or self._offers_refused
        return self.current and not was_offered and not self.is_another

    def offer(self, value: bytes, outcome: Outcome[int | None], *, seq: int) -> None:
        """Append a value if the stream's newest number is still this one (0: it is empty).

        It is not sent again over another connection. The outcome alone tells of a refusal.
        """
        self._offered_at, self._offers_refused = seq, False
        push_id = self._pushes.push(
            self, value, action="append", if_seq=seq, offer=True, quiet=True
        )
        self._offer = (push_id, outcome)

    def decide(self, follower: Follower, epoch: str | None) -> None:
        """Note that a follower has nothing (more) to offer to the room as it began in an epoch."""
        if epoch == self.epoch:
            self._undecided = [ref for ref in self._undecided if ref() not in (None, follower)]

    def follow(
        self,
        *,
        limit: int = 10_000,
        wake: Callable[[], object] | None = None,
        restore: Callable[[], object] | None = None,
    ) -> Follower:
        """Return a new follower, which hears each push as long as somebody holds it.

        It begins with a :class:`StartedOver`: now, or once the room has answered.
        """
        follower = Follower(limit=limit, wake=wake, restore=restore)
        self.add(follower)
        return follower

    def add(self, follower: Follower) -> None:
        """Have a follower hear each push from now on (see :meth:`follow`)."""
        if self.held and not self.keep:
            if self.current:  # what the stream holds is not kept here for who comes later
                self.read_anew()
        elif self.ready:
            follower.hear(StartedOver(self.entries[:], same_epoch=False, epoch=self.epoch))
        self._followers = [ref for ref in self._followers if ref() is not None]
        self._followers.append(weakref.ref(follower))

    # What the session calls.

    def acknowledged(self, push_id: int, seq: int | None) -> None:
        """Note that the room took an own push."""
        fulfil([self._answered(push_id)], seq)

    def refused(self, push_id: int, error: Refusal) -> None:
        """Note that the room refused an own push."""
        is_conflict = isinstance(error, Conflict)
        if self._offer is not None and self._offer[0] == push_id and not is_conflict:
            self._offers_refused = True  # as long as the connection lasts, whatever comes
        is_lost = is_conflict and push_id in self._dated
        fail([self._answered(push_id)], Uncertain(LOST_MEMORY) if is_lost else error)

    def disconnected(self) -> None:
        """Note that the connection is gone, and an offer with it."""
        super().disconnected()
        offer, self._offer, self._offered_at = self._offer, None, None
        self._offers_refused = False
        if offer is not None:
            fail([offer[1]], Uncertain(LOST_MEMORY))

    def abandoned(self, error: DriftDBError) -> None:
        """Drop the pushes under way, and fail their outcomes."""
        under_way, self._under_way, self._offer = self._under_way, {}, None
        fail(under_way.values(), error)

    def _answered(self, push_id: int) -> Outcome[int | None]:
        """Take out an own push that the room has answered."""
        self._dated.discard(push_id)
        if self._offer is not None and self._offer[0] == push_id:
            (_, outcome), self._offer = self._offer, None
            self._notices.touched(self.key)  # where somebody was faster it may be offered again
            self._restore()
            return outcome
        return self._under_way.pop(push_id)

    def _push(
        self,
        *values: bytes,
        outcome: Outcome[int | None],
        action: messages.Action,
        seq: int | None = None,
        max_length: int | None = None,
        dated: bool = False,
        epoch: str | None = None,
        quiet: bool = False,
    ) -> None:
        push_id = self._pushes.push(
            self,
            *values,
            action=action,
            epoch=epoch,
            seq=seq,
            max_length=max_length,
            dated=dated,
            writes=outcome.writes,
            quiet=quiet,
        )
        self._under_way[push_id] = outcome
        if dated:
            self._dated.add(push_id)

    def compacted(self, value: Value) -> None:
        """Note that a value was put in the place of all up to its number."""
        if not self.current:
            return
        heard = Heard.of(value)
        self._first = heard.seq
        if self.keep:
            self.entries[: bisect_right(self.entries, heard.seq, key=_seq)] = [heard]
        self._tell(Compacted(heard))

    def _started_over(self, values: list[Value], *, same_epoch: bool) -> None:
        held = [Heard.of(value) for value in values]
        self._first = held[0].seq if held else 0
        self._newest = held[-1].value if held else None
        self._several = len(held) > 1
        if self.keep:
            self.entries = held[:]
        if not same_epoch:
            followers = ((ref, ref()) for ref in self._followers)
            self._undecided = [
                ref for ref, each in followers if each is not None and each.restore is not None
            ]
        self._tell(StartedOver(held, same_epoch, self.epoch))

    def pushed_all(self, values: Sequence[Value]) -> None:
        """Take pushes that arrived together, and tell of them together."""
        news: list[Heard] = []
        try:
            for value in values:
                if self.current and value.seq > self.seq:
                    self.seq = value.seq
                    news.append(self._take(value))
        finally:
            if news:
                self._tell(*news)

    def _heard(self, value: Value) -> None:
        self._tell(self._take(value))

    def _take(self, value: Value) -> Heard:
        """Take the next push, and return what is to be told of it."""
        heard = Heard.of(value)
        first, before = value.first, self._first
        kept = first is not None or not self.tells_held
        if kept:
            self._newest, self._several = heard.value, bool(before)
        if kept and self.keep:
            self.entries.append(heard)
        if first is not None:
            self._first = first
            self._several = first != heard.seq
            if self.entries and self.entries[0].seq < first:
                del self.entries[: bisect_left(self.entries, first, key=_seq)]
        if not self.keep and 0 < before < self._first:
            self.read_anew()  # what was taken away may count with those who come later
        return heard

    def _holds(self, first: int, size: int, oldest: Value | None) -> None:
        if self.keep:
            entries = self.entries
            del entries[: bisect_left(entries, first, key=_seq) if size else None]
            if oldest is not None:
                entries[: bisect_right(entries, first, key=_seq)] = [Heard.of(oldest)]
            right = len(entries) == size
        else:
            right = first == self._first or (
                oldest is not None and is_snapshot(bytes(oldest.value))
            )
        self._first = first
        if not right:
            self.read_anew()

    def _emptied(self) -> None:
        self._offered_at = None
        self._started_over([], same_epoch=True)
        self.meta = None

    def _tell(self, *news: Heard | StartedOver | Compacted) -> None:
        for ref in self._followers:
            if (follower := ref()) is not None:
                follower.hear(*news)
        self._notices.touched(self.key)
        if self._undecided:
            self._restore()

    def _restore(self) -> None:
        """Have those look at the news, and offer, for whom dated pushes wait."""
        for ref in self._undecided:
            if (follower := ref()) is not None and follower.restore is not None:
                self._notices.restore(follower.restore)
