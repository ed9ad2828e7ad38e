"""A room: its streams, and the rules by which a push changes them.

No clock, no loop, no I/O: :meth:`Room.apply` decides and says what follows from it
(protocol, "Model"); who calls it carries that out.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from ..protocol.entry import Author, Entry
from ..protocol.errors import BadMessage, BadSequence, Conflict, QuotaExceeded
from ..protocol.messages import Append, Compact, Delete, Push, Relay, Replace
from ..protocol.value import Value
from .producer import Producers
from .quota import Quota
from .stream import Stream
from .window import Window, WindowLimits

__all__ = ["Applied", "Room"]


class Applied(Struct, gc=False):
    """What follows from a push that was taken.

    ``seq`` goes into the ack (``None``: applied too long ago to know). ``broadcast``: the entries
    to broadcast, ascending. ``kept``: those that the key's stream holds now. ``removed``: what the
    stream held up to and including this sequence number is gone (0: nothing is), but for ``kept``.
    ``size``: how many values the stream holds now, 0 where it hasn't changed. ``deleted``: the
    subscribers are to hear of a deletion.
    """

    key: str
    seq: int | None
    broadcast: Sequence[Entry] = ()
    kept: Sequence[Entry] = ()
    removed: int = 0
    size: int = 0
    deleted: bool = False

    @property
    def changed(self) -> bool:
        """Whether the key's stream is another now."""
        return bool(self.kept or self.removed)


class Room:
    """The streams of a room, its newest sequence number, and what clients may have missed.

    Deterministic: the same pushes in the same order make the same room everywhere.
    ``epoch``: a random string for the time in which no number is given twice. ``seq``: the newest
    number, ``newest_relay`` the newest that a relay or a deletion took: none that a stream holds.
    ``bytes``: what all streams hold.
    ``window``: the newest broadcasts, ``None`` until somebody asks for what was missed: before that
    nobody knows the epoch, and could.
    """

    __slots__ = (
        "_quota",
        "_streams",
        "_window_limits",
        "bytes",
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
    ) -> None:
        self.epoch = epoch
        self.seq = 0
        self.bytes = 0
        self.producers = Producers()
        self.newest_relay = 0
        self.window: Window | None = None
        self._window_limits = window_limits or WindowLimits()
        self._quota = quota or Quota()
        self._streams: dict[str, Stream] = {}

    @property
    def keys(self) -> list[str]:
        """The keys whose streams hold something."""
        return list(self._streams)

    @property
    def key_count(self) -> int:
        """How many streams hold something."""
        return len(self._streams)

    def stream(self, key: str) -> Stream:
        """The stream of a key, an empty one where it holds nothing; not to be changed."""
        return self._streams.get(key) or Stream()

    def read(self, key: str, *, above: int = 0) -> list[Entry]:
        """The entries of a key's stream above a sequence number, ascending."""
        stream = self._streams.get(key)
        return stream.above(above) if stream is not None else []

    def recover(
        self, key: str, *, epoch: str | None, above: int, begun: int = 0
    ) -> tuple[list[Entry], bool]:
        """What a client missed that knew all up to a sequence number of an epoch.

        Returns every broadcast above it, and true; or the whole stream, and false, where that is
        not known any more (protocol, "Missing nothing"). ``begun``: what was the newest number
        when this client was given the beginning of the whole stream, up to ``above``; relays of
        before then are no matter to it.
        """
        window = self.window
        if window is None:
            window = self.window = Window(
                self._window_limits, forgotten=self.seq, forgotten_relay=self.newest_relay
            )
        if epoch == self.epoch and above <= self.seq:
            missed = window.above(key, above)
            if missed is not None:
                return missed, True
            stream = self.stream(key)
            relays = window.relays_above(key, max(above, begun))
            if relays is not None and stream.covers(above):
                kept = stream.above(above)
                if relays:  # of a long stream each page costs this
                    kept = sorted([*kept, *relays], key=lambda entry: entry.seq)
                return kept, True
        return self.read(key), False

    def restore(self, key: str, entries: Sequence[Entry]) -> None:
        """Put entries behind those of a key's stream, as they were before; within the quota."""
        added_bytes = sum([entry.value.size for entry in entries])
        self._check_quota(key, self.stream(key), len(entries), added_bytes)
        self.hold(key, entries)

    def hold(self, key: str, entries: Sequence[Entry]) -> None:
        """Put entries behind those of a key's stream; they were within the quota when they came."""
        stream = self._streams.setdefault(key, Stream())
        before = stream.bytes
        stream.append(entries)
        self.bytes += stream.bytes - before

    def copy(self) -> Room:
        """Another room with the same streams, and the same producers; its window knows nothing."""
        copy = Room(epoch=self.epoch, quota=self._quota)
        copy.seq, copy.newest_relay = self.seq, self.newest_relay
        copy.producers = self.producers
        for key, stream in self._streams.items():
            copy.hold(key, stream.entries)
        return copy

    def apply(
        self,
        push: Push,
        values: Sequence[Value],
        *,
        client: str | None = None,
        author: Author | None = None,
        now: float = 0.0,
    ) -> Applied:
        """Apply a push of a client (the digest of its secret, ``None`` where it has none).

        ``values`` are the push's own, whole; ``now`` in seconds since 1970.

        Raises :class:`BadMessage` for an id without a client, :class:`BadSequence` for a compact
        above the room's newest sequence number, :class:`Conflict` where ``if_seq`` or ``epoch``
        isn't met, and :class:`QuotaExceeded` where the room would hold too much; then nothing has
        changed.
        """
        key, action = push.key, push.action
        producer = None
        if push.id is not None:
            if client is None:
                raise BadMessage("expected an id only from a client that connected with ?client=…")
            producer = self.producers.get(client)
            if producer.knows(push.id):
                return Applied(key, producer.seq(push.id))
        if push.if_seq is not None or push.epoch is not None:
            self._check(push)
        if isinstance(action, Relay):
            if len(values) == 1:  # nearly all, and without another call
                self.seq = seq = self.seq + 1
                entries = [Entry(seq, values[0], now, author)]
            else:
                entries = self._number(values, author, now)
                seq = self.seq
            self.newest_relay = seq
            if self.window is not None:
                self.window.add(key, entries, kept=False)
            applied = Applied(key, seq, entries)
        else:
            applied = self._change(key, action, values, author, now)
        if producer is not None:
            assert push.id is not None
            assert applied.seq is not None
            producer.applied(push.id, applied.seq)
        return applied

    def _change(
        self,
        key: str,
        action: Append | Replace | Compact | Delete,
        values: Sequence[Value],
        author: Author | None,
        now: float,
    ) -> Applied:
        if isinstance(action, Compact):
            return self._compact(key, action.seq, values[0], author, now)
        if isinstance(action, Delete):
            return self._delete(key)
        stream = self._streams.get(key) or Stream()
        keep, drop = len(values), 0
        if isinstance(action, Replace):
            drop = len(stream.entries)
        elif action.max_length is not None:
            keep = min(keep, action.max_length)
            drop = max(0, len(stream.entries) + keep - action.max_length)
        if keep == 1:  # in nearly all pushes
            added_bytes = values[-1].size
        else:
            added_bytes = sum([value.size for value in values[-keep:]])
        more_bytes = added_bytes - stream.front_bytes(drop)
        self._check_quota(key, stream, keep - drop, more_bytes)
        removed = stream.entries[drop - 1].seq if drop else 0
        entries = self._number(values, author, now)
        kept = entries[-keep:]
        stream.drop_front(drop)
        stream.append(kept)
        self.bytes += more_bytes
        self._streams[key] = stream
        if self.window is not None:
            self.window.add(key, entries, kept=True)
        return Applied(key, self.seq, entries, kept, removed, len(stream.entries))

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

    def _check_quota(self, key: str, stream: Stream, more: int, more_bytes: int) -> None:
        """Refuse what would pass a bound; less than before is always welcome."""
        quota = self._quota
        if not stream.entries and key not in self._streams and len(self._streams) >= quota.keys:
            raise QuotaExceeded(f"expected at most {quota.keys} keys in the room, got one more")
        length, size = len(stream.entries) + more, stream.bytes + more_bytes
        if more > 0 and length > quota.stream_length:
            raise QuotaExceeded(
                f"expected at most {quota.stream_length} values in a stream, got {length}"
            )
        if more_bytes > 0 and size > quota.stream_bytes:
            raise QuotaExceeded(
                f"expected at most {quota.stream_bytes} bytes in a stream, got {size}"
            )
        if more_bytes > 0 and self.bytes + more_bytes > quota.room_bytes:
            raise QuotaExceeded(
                f"expected at most {quota.room_bytes} bytes in a room, "
                f"got {self.bytes + more_bytes}"
            )

    def _compact(
        self, key: str, seq: int, value: Value, author: Author | None, now: float
    ) -> Applied:
        if seq > self.seq:
            raise BadSequence(f"expected a seq up to the room's newest, {self.seq}, got {seq}")
        stream = self._streams.get(key) or Stream()
        replaced = stream.count_to(seq)
        if stream.entries and not replaced:
            return Applied(key, seq)  # it comes too late
        more_bytes = value.size - stream.front_bytes(replaced)
        self._check_quota(key, stream, 1 - replaced, more_bytes)
        entry = Entry(seq, value, now, author)
        stream.put_front(entry, replacing=replaced)
        self.bytes += more_bytes
        self._streams[key] = stream
        return Applied(key, seq, (), (entry,), seq, len(stream.entries))

    def _delete(self, key: str) -> Applied:
        self.seq += 1
        stream = self._streams.pop(key, None)
        removed = 0
        if stream is not None:
            self.bytes -= stream.bytes
            removed = stream.newest
        self.newest_relay = self.seq  # as little is left of it in any stream
        if self.window is not None:
            self.window.deleted(key, self.seq)
        return Applied(key, self.seq, removed=removed, deleted=True)

    def _number(self, values: Sequence[Value], author: Author | None, now: float) -> list[Entry]:
        first = self.seq + 1
        self.seq += len(values)
        return [Entry(seq, value, now, author) for seq, value in enumerate(values, first)]
