"""A room: its streams, and the rules by which a push changes them.

No clock, no loop, no I/O: :meth:`Room.apply` decides and says what follows from it
(protocol, "Model"); who calls it carries that out.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from operator import attrgetter

from msgspec import Struct

from ..access.room_access import Change, RoomAccess
from ..protocol.entry import Author, Entry
from ..protocol.errors import BadMessage, BadSequence, Conflict, QuotaExceeded
from ..protocol.messages import Action, Append, Compact, Delete, Push, Relay, Replace
from ..protocol.parts import names_parts
from ..protocol.value import Value
from .memory_budget import MemoryBudget
from .memory_cost import (
    KEY_COST_BYTES,
    ROOM_COST_BYTES,
    VALUE_COST_BYTES,
    cost_of_entries,
    cost_of_text,
)
from .producer import Producers
from .quota import Quota
from .stream import Front, Stream
from .window import Window, WindowLimits

__all__ = ["Applied", "Found", "Room"]

_UNLIMITED = 2**62

_seq = attrgetter("seq")


class Applied(Struct, gc=False):
    """The effects of a push that was taken.

    ``seq`` goes into the ack (``None``: applied too long ago to know). ``broadcast``: the entries
    to broadcast, ascending. ``kept``: those that the key's stream holds now. ``removed``: what the
    stream held up to and including this sequence number is gone (0: nothing is), but for ``kept``.
    ``value_count``: how many values the stream holds now, 0 where it hasn't changed, or where the
    pusher is not to compact it. ``deleted``: the subscribers are to hear of a deletion.
    """

    key: str
    seq: int | None
    broadcast: Sequence[Entry] = ()
    kept: Sequence[Entry] = ()
    removed: int = 0
    value_count: int = 0
    deleted: bool = False

    @property
    def changed(self) -> bool:
        """Whether the key's stream is another now."""
        return bool(self.kept or self.removed)


class Found(Struct, gc=False):
    """The entries that make a client know all of a key.

    ``lists``: entries, ascending, in lists that stay as they are (:meth:`.Stream.lend`).
    ``recovered``: they are what the client missed; otherwise they are the whole stream.
    ``passing``: those of them that no stream has to hold, so that they may soon be held by nothing
    else.
    """

    lists: list[list[Entry]]
    recovered: bool
    passing: Sequence[Entry] = ()


class Room:
    """The streams of a room, its newest sequence number, and what clients may have missed.

    Deterministic: the same pushes in the same order make the same room everywhere.
    ``access``: who may do what in it; that is no concern of :meth:`apply`.
    ``epoch``: a random string for the time in which no number is given twice. ``seq``: the newest
    number, ``newest_relay`` the newest that a relay or a deletion took: none that a stream holds.
    ``byte_count``: what the values of all streams take as they came. ``cost_bytes``: what the
    streams cost of memory, which ``memory``, the budget, is charged with, as with what the window
    and the producers cost; until :meth:`release`.
    ``window``: the newest broadcasts, ``None`` until the first ``get`` with an epoch: before that
    no client knows the epoch, so none could recover.
    """

    __slots__ = (
        "_has_parts",
        "_memory",
        "_quota",
        "_streams",
        "_window_limits",
        "access",
        "byte_count",
        "cost_bytes",
        "epoch",
        "newest_relay",
        "producers",
        "seq",
        "window",
    )

    def __init__(
        self,
        *,
        epoch: str,
        quota: Quota | None = None,
        window_limits: WindowLimits | None = None,
        memory: MemoryBudget | None = None,
    ) -> None:
        self.access = RoomAccess("")
        self.epoch = epoch
        self.seq = 0
        self.byte_count = 0
        self.cost_bytes = ROOM_COST_BYTES
        self.producers = Producers()
        self.newest_relay = 0
        self.window: Window | None = None
        self._window_limits = window_limits or WindowLimits()
        self._quota = quota or Quota()
        self._memory = memory or MemoryBudget()
        self._memory.free_bytes -= self.cost_bytes
        self._streams: dict[str, Stream] = {}
        self._has_parts = False  # whether any of them has begun with a snapshot in parts

    @property
    def quota(self) -> Quota:
        """The bounds of what it may hold."""
        return self._quota

    @quota.setter
    def quota(self, quota: Quota) -> None:
        self._quota = quota

    @property
    def keys(self) -> list[str]:
        """The keys whose streams hold something."""
        return list(self._streams)

    @property
    def key_count(self) -> int:
        """The number of streams that hold something."""
        return len(self._streams)

    def stream(self, key: str) -> Stream:
        """Return the stream of a key, an empty one where it holds nothing; not to be changed."""
        return self._streams.get(key) or Stream()

    def change_access(self, change: Change) -> None:
        """Change who may do what.

        Raises :class:`BadMessage` for a policy that can't be read, and :class:`QuotaExceeded`,
        also where it costs more than is free of the memory budget; then nothing has changed.
        """
        more_cost = self.access.check(change, limit_bytes=self._quota.access_bytes)
        if more_cost > 0 and more_cost > self._memory.free_bytes:
            raise MemoryBudget.refusal()
        self.note_access(change)

    def note_access(self, change: Change) -> None:
        """Change who may do what, after :meth:`.RoomAccess.check` has allowed it."""
        more_cost = -self.access.cost_bytes
        self.access.apply(change)
        more_cost += self.access.cost_bytes
        self.cost_bytes += more_cost
        self._memory.charge(more_cost)

    def take_access(self, access: RoomAccess) -> None:
        """Have what was kept of who may do what; to be called once, before the room is used."""
        self.access = access
        self.cost_bytes += access.cost_bytes
        self._memory.charge(access.cost_bytes)

    def charge(self, memory: MemoryBudget) -> None:
        """Charge another budget from now on.

        Raises :class:`QuotaExceeded` where the room doesn't fit; then nothing has changed.
        """
        if memory is self._memory:
            return
        memory.take(self.cost_bytes)
        self._memory.free_bytes += self.cost_bytes
        self._memory = memory
        self.producers.charge(memory)
        if self.window is not None:
            self.window.charge(memory)

    def release(self) -> None:
        """Give back to the budget what the room costs, and free what it holds.

        It is not to be used any more.
        """
        memory, streams = self._memory, self._streams
        self.charge(MemoryBudget())
        self._streams = {}
        memory.discard([chunk for stream in streams.values() for chunk in stream.chunks])

    def read(self, key: str, *, above: int = 0, limit: int | None = None) -> list[Entry]:
        """Return the entries of a key's stream above a sequence number, ascending.

        ``limit``: at most that many, the oldest.
        """
        stream = self._streams.get(key)
        return stream.above(above, limit=limit) if stream is not None else []

    def recover(
        self,
        key: str,
        *,
        epoch: str | None,
        above: int,
        begun: int = 0,
        limit: int | None = None,
    ) -> Found:
        """Return what a client missed that knew all up to a sequence number of an epoch.

        That is every broadcast above it, or the whole stream where that is not known any more
        (protocol, "Missing nothing"). ``begun``: what was the newest number when this client was
        given the beginning of the whole stream, up to ``above``; relays of before then are no
        matter to it. ``limit``: at most that many entries, the oldest.
        """
        window = self.remember()
        if epoch == self.epoch and above <= self.seq:
            missed = window.above(key, above)
            if missed is not None:
                missed = missed[:limit]
                return Found([missed] if missed else [], True, missed)
            stream = self.stream(key)
            relays = window.relays_above(key, max(above, begun))
            if relays is not None and stream.covers(above):
                lists = _merge(stream.lend(above), relays) if relays else stream.lend(above)
                return Found(_cut(lists, limit), True, relays)
        return Found(self.stream(key).lend(0, limit=limit), False)

    def remember(self) -> Window:
        """Return the window, which remembers broadcasts from now on if it didn't before."""
        window = self.window
        if window is None:
            window = self.window = Window(
                self._window_limits,
                forgotten=self.seq,
                forgotten_relay=self.newest_relay,
                memory=self._memory,
            )
        return window

    def restore(self, key: str, entries: Sequence[Entry]) -> None:
        """Put entries behind those of a key's stream, as they were before.

        Raises :class:`QuotaExceeded` where the room would hold too much, or more than is free of
        its memory budget.
        """
        added_bytes = sum([entry.value.byte_count for entry in entries])
        more_cost = cost_of_entries(entries) + (0 if key in self._streams else _cost_of_key(key))
        self._check_quota(
            key,
            self.stream(key),
            len(entries),
            added_bytes,
            more_cost,
            free_bytes=self._memory.free_bytes,
        )
        self.hold(key, entries)

    def hold(self, key: str, entries: Sequence[Entry]) -> None:
        """Put entries behind those of a key's stream; they were within the quota when they came."""
        if not entries:
            return
        stream = self._streams.get(key)
        if stream is None:
            stream = self._begin(key)
        byte_count, cost_bytes = stream.byte_count, stream.cost_bytes
        stream.append(entries)
        self._has_parts = self._has_parts or stream.is_in_parts
        self._grow(stream.byte_count - byte_count, stream.cost_bytes - cost_bytes)

    def copy(self) -> Room:
        """Another room with the same entries, and the same producers; its window knows nothing.

        It charges no budget: the entries are this room's.
        """
        copy = Room(epoch=self.epoch, quota=self._quota)
        copy.seq, copy.newest_relay = self.seq, self.newest_relay
        copy.producers = self.producers
        copy.byte_count, copy.cost_bytes = self.byte_count, self.cost_bytes
        copy._has_parts = self._has_parts
        copy._streams = {key: stream.copy() for key, stream in self._streams.items()}
        return copy

    def succeed(self, other: Room) -> None:
        """Take the place of another room, in another epoch.

        No number that it gave is given again. A push that either of them applied is not applied
        once more: its client may not have heard of that yet.
        """
        self.seq = max(self.seq, other.seq)
        self.producers.learn(other.producers)

    def apply(
        self,
        push: Push,
        values: Sequence[Value],
        client: str | None = None,
        author: Author | None = None,
        now: float = 0.0,
        free_bytes: int | None = None,
        decided: Applied | None = None,
    ) -> Applied:
        """Apply a push of a client (the digest of its secret, ``None`` where it has none).

        ``values`` are the push's own, whole; ``now`` in seconds since 1970. ``free_bytes``: how
        much more the room may cost of memory afterwards, where that is not what is free of its
        budget. ``decided``: what a copy of this room made of the same push, for which there was
        memory then; it keeps the very same entries, so that they are in memory once.

        On the way of every push the arguments are positional, and none is keyword-only, because
        such calls take CPython 0.1 µs longer.

        Raises :class:`BadMessage` for an id without a client, :class:`BadSequence` for a compact
        above the room's newest sequence number, :class:`Conflict` where ``if_seq`` or ``epoch``
        isn't met, and :class:`QuotaExceeded` where the room would hold too much; then nothing has
        changed.
        """
        key, action = push.key, push.action
        if push.id is not None:
            if client is None:
                raise BadMessage(
                    "expected an id only from a client that said its secret when it connected"
                )
            producer = self.producers.find(client)
            if producer is not None and producer.knows(push.id):
                return Applied(key, producer.seq(push.id))
        if push.if_seq is not None or push.epoch is not None:
            self._check(push)
        if type(action) is Relay:  # isinstance() takes 0.1 µs longer where it says no
            if len(values) == 1 and decided is None:  # nearly all, and without another call
                self.seq = seq = self.seq + 1
                entries: Sequence[Entry] = (Entry(seq, values[0], now, author),)
            else:
                entries = self._number(values, author, now, decided)
                seq = self.seq
            self.newest_relay = seq
            if self.window is not None:
                self.window.add(key, entries, kept=False)
            applied = Applied(key, seq, entries)
        else:
            if decided is not None:
                free_bytes = _UNLIMITED
            elif free_bytes is None:
                free_bytes = self._memory.free_bytes
            applied = self._change(push, action, values, author, now, free_bytes, decided)
        if push.id is not None:
            assert client is not None
            assert applied.seq is not None
            self.producers.applied(client, push.id, applied.seq)
        return applied

    def _change(
        self,
        push: Push,
        action: Action,
        values: Sequence[Value],
        author: Author | None,
        now: float,
        free_bytes: int,
        decided: Applied | None,
    ) -> Applied:
        key = push.key
        if type(action) is Compact:
            if push.epoch is None:
                self._check_whole(key, action.seq)
            return self._compact(key, action.seq, values[0], author, now, free_bytes, decided)
        if type(action) is Delete:
            return self._delete(key)
        stream = self._streams.get(key)
        held = 0 if stream is None else stream.value_count
        keep, drop = len(values), 0
        if type(action) is Replace:
            drop = held
        elif type(action) is Append and action.max_length is not None:
            keep = min(keep, action.max_length)
            drop = max(0, held + keep - action.max_length)
        if keep == 1:  # in nearly all pushes
            more_bytes = values[-1].byte_count
        else:
            more_bytes = sum([value.byte_count for value in values[-keep:]])
        more_cost = keep * VALUE_COST_BYTES + more_bytes
        removed = 0
        front: Front | Stream | None = None
        if stream is None:
            more_cost += _cost_of_key(key)
        elif drop:
            front = stream if drop == held else stream.front(drop)
            more_bytes -= front.byte_count
            more_cost -= front.cost_bytes
            removed = front.newest
        quota = self._quota
        if (
            stream is None
            or more_cost > free_bytes
            or self.byte_count + more_bytes > quota.room_bytes
            or stream.byte_count + more_bytes > quota.stream_bytes
            or held + keep - drop > quota.stream_length
        ):  # else there is nothing to refuse
            self._check_quota(key, stream, keep - drop, more_bytes, more_cost, free_bytes)
        if stream is None:
            stream = self._begin(key)
            self._has_parts = self._has_parts or names_parts(values[0])
        entries: Sequence[Entry]
        kept: Sequence[Entry]
        if len(values) == 1 and decided is None:  # without another call
            self.seq = seq = self.seq + 1
            kept = entries = (Entry(seq, values[0], now, author),)
        else:
            entries = self._number(values, author, now, decided)
            kept = entries[-keep:]
        cost_bytes = stream.cost_bytes
        if front is not None:
            dropped = stream.drop(front)
            if dropped:
                self._memory.discard(dropped)
        stream.append(kept)
        # As :meth:`_grow` does, without a call.
        more_cost = stream.cost_bytes - cost_bytes
        self.byte_count += more_bytes
        self.cost_bytes += more_cost
        self._memory.free_bytes -= more_cost
        if self.window is not None:
            self.window.add(key, entries, kept=True)
        value_count = stream.value_count
        if self._has_parts and push.id is None and stream.is_in_parts:
            value_count = 0  # by it DriftDB's clients compact, which is no more theirs to do
        return Applied(key, self.seq, entries, kept, removed, value_count)

    def _check(self, push: Push) -> None:
        newest = self.stream(push.key).newest
        if push.epoch is not None and push.epoch != self.epoch:
            raise Conflict("expected the room's epoch, got another", key=push.key, seq=newest)
        if push.if_seq is not None and push.if_seq != newest:
            raise Conflict(
                f"expected the newest seq to be {push.if_seq}, got {newest}",
                key=push.key,
                seq=newest,
            )
        if push.epoch is not None and isinstance(push.action, Compact) and not newest:
            # It would bring back what was deleted meanwhile.
            raise Conflict("expected a stream with values to compact", key=push.key, seq=0)

    def _check_whole(self, key: str, seq: int) -> None:
        """Refuse to compact a snapshot in parts for a client without epochs and parts."""
        stream = self._streams.get(key)
        if stream is not None and stream.is_in_parts and stream.count_to(seq):
            raise Conflict(
                "expected an epoch, because the stream begins with a snapshot in parts",
                key=key,
                seq=stream.newest,
            )

    def _check_quota(
        self,
        key: str,
        stream: Stream | None,
        more: int,
        more_bytes: int,
        more_cost: int,
        free_bytes: int,
    ) -> None:
        """Refuse what would pass a bound; less than before is always welcome."""
        quota = self._quota
        length, byte_count = more, more_bytes
        if stream is not None:
            length += stream.value_count
            byte_count += stream.byte_count
        elif len(self._streams) >= quota.keys:
            raise QuotaExceeded(f"expected at most {quota.keys} keys in the room, got one more")
        if more > 0 and length > quota.stream_length:
            raise QuotaExceeded(
                f"expected at most {quota.stream_length} values in a stream, got {length}"
            )
        if more_bytes > 0 and byte_count > quota.stream_bytes:
            raise QuotaExceeded(
                f"expected at most {quota.stream_bytes} bytes in a stream, got {byte_count}"
            )
        if more_bytes > 0 and self.byte_count + more_bytes > quota.room_bytes:
            raise QuotaExceeded(
                f"expected at most {quota.room_bytes} bytes in a room, "
                f"got {self.byte_count + more_bytes}"
            )
        if more_cost > 0 and more_cost > free_bytes:
            raise MemoryBudget.refusal()

    def _compact(
        self,
        key: str,
        seq: int,
        value: Value,
        author: Author | None,
        now: float,
        free_bytes: int,
        decided: Applied | None,
    ) -> Applied:
        if seq > self.seq:
            raise BadSequence(f"expected a seq up to the room's newest, {self.seq}, got {seq}")
        stream = self._streams.get(key)
        front, more_bytes = None, value.byte_count
        more_cost = VALUE_COST_BYTES + more_bytes
        if stream is None:
            more_cost += _cost_of_key(key)
        else:
            replaced = stream.count_to(seq)
            if not replaced:
                return Applied(key, seq)  # it comes too late
            front = stream.front(replaced)
            more_bytes -= front.byte_count
            more_cost -= front.cost_bytes
        replaced = 0 if front is None else front.value_count
        self._check_quota(key, stream, 1 - replaced, more_bytes, more_cost, free_bytes)
        if stream is None:
            stream = self._begin(key)
        entry = Entry(seq, value, now, author) if decided is None else decided.kept[0]
        cost_bytes = stream.cost_bytes
        if front is not None:
            self._memory.discard(stream.drop(front))
        stream.put_front(entry)
        self._has_parts = self._has_parts or names_parts(value)
        self._grow(more_bytes, stream.cost_bytes - cost_bytes)
        return Applied(key, seq, (), (entry,), seq, stream.value_count)

    def _delete(self, key: str) -> Applied:
        self.seq += 1
        stream = self._streams.pop(key, None)
        removed = 0
        if stream is not None:
            removed = stream.newest
            self._grow(-stream.byte_count, -stream.cost_bytes - _cost_of_key(key))
            self._memory.discard(stream.drop(stream))
        self.newest_relay = self.seq  # as little is left of it in any stream
        if self.window is not None:
            self.window.deleted(key, self.seq)
        return Applied(key, self.seq, removed=removed, deleted=True)

    def _begin(self, key: str) -> Stream:
        stream = self._streams[key] = Stream()
        self._grow(0, _cost_of_key(key))
        return stream

    def _grow(self, more_bytes: int, more_cost: int) -> None:
        self.byte_count += more_bytes
        self.cost_bytes += more_cost
        self._memory.free_bytes -= more_cost

    def _number(
        self, values: Sequence[Value], author: Author | None, now: float, decided: Applied | None
    ) -> Sequence[Entry]:
        first = self.seq + 1
        self.seq += len(values)
        if decided is not None:
            assert decided.broadcast[0].seq == first
            return decided.broadcast
        return [Entry(seq, value, now, author) for seq, value in enumerate(values, first)]


def _cost_of_key(key: str) -> int:
    return KEY_COST_BYTES + cost_of_text(key)


def _merge(lists: list[list[Entry]], relays: list[Entry]) -> list[list[Entry]]:
    """Merge entries into the lists of entries around them; lists without any stay the same."""
    merged = []
    place = 0
    for entries in lists:
        before = bisect_left(relays, entries[-1].seq, lo=place, key=_seq)
        merged.append(
            sorted([*entries, *relays[place:before]], key=_seq) if before > place else entries
        )
        place = before
    return [*merged, relays[place:]] if place < len(relays) else merged


def _cut(lists: list[list[Entry]], limit: int | None) -> list[list[Entry]]:
    """Return the first ``limit`` entries of such lists."""
    if limit is None:
        return lists
    cut = []
    for entries in lists:
        if limit <= 0:
            break
        cut.append(entries[:limit])
        limit -= len(entries)
    return cut
