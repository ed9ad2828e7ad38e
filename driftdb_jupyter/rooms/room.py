"""A room: its streams, and the rules by which a push changes them.

No clock, no loop, no I/O: :meth:`Room.apply` decides and says what follows from it
(protocol, "Model"); who calls it carries that out.
"""

from __future__ import annotations

from msgspec import Struct

from ..protocol.entry import Entry
from ..protocol.errors import BadMessage, BadSequence, Conflict
from ..protocol.messages import Compact, Push, Relay, Replace
from ..protocol.value import Value
from .producer import Producers
from .stream import Stream

__all__ = ["Applied", "Room"]


class Applied(Struct, gc=False):
    """What follows from a push that was taken.

    ``entry`` is to be broadcast, ``None`` where nothing is. ``seq`` goes into the ack (``None``:
    applied too long ago to know). ``changed`` tells whether the key's stream is another now, and
    ``size`` how many values it holds then.
    """

    key: str
    entry: Entry | None
    seq: int | None
    changed: bool = False
    size: int = 0


class Room:
    """The streams of a room and its newest sequence number.

    Deterministic: the same pushes in the same order make the same room everywhere.
    """

    __slots__ = ("_streams", "producers", "seq")

    def __init__(self) -> None:
        self.seq = 0
        self.producers = Producers()
        self._streams: dict[str, Stream] = {}

    @property
    def keys(self) -> list[str]:
        """The keys whose streams hold something."""
        return list(self._streams)

    def read(self, key: str, *, above: int = 0) -> list[Entry]:
        """The entries of a key's stream above a sequence number, ascending."""
        stream = self._streams.get(key)
        return stream.above(above) if stream is not None else []

    def apply(self, push: Push, value: Value, *, client: str | None = None) -> Applied:
        """Apply a push of a client (its secret, ``None`` where it has none).

        Raises :class:`BadMessage` for an id without a client, :class:`BadSequence` for a compact
        above the room's newest sequence number and :class:`Conflict` where ``if_seq`` isn't met;
        then nothing has changed.
        """
        if push.id is not None:
            return self._apply_once(push, value, client)
        return self._apply(push, value)

    def _apply_once(self, push: Push, value: Value, client: str | None) -> Applied:
        assert push.id is not None
        if client is None:
            raise BadMessage("expected an id only from a client that connected with ?client=…")
        producer = self.producers.get(client)
        if producer.knows(push.id):
            return Applied(push.key, None, producer.seq(push.id))
        applied = self._apply(push, value)
        assert applied.seq is not None
        producer.applied(push.id, applied.seq)
        return applied

    def _apply(self, push: Push, value: Value) -> Applied:
        key, action = push.key, push.action
        if push.if_seq is not None:
            self._check(key, push.if_seq)
        if isinstance(action, Compact):
            return self._compact(key, action.seq, value)
        self.seq = seq = self.seq + 1
        entry = Entry(seq, value)
        if isinstance(action, Relay):
            return Applied(key, entry, seq)
        stream = self._stream(key)
        if isinstance(action, Replace):
            stream.entries = [entry]
        else:
            stream.entries.append(entry)
        return Applied(key, entry, seq, True, len(stream.entries))

    def _check(self, key: str, expected: int) -> None:
        stream = self._streams.get(key)
        newest = stream.newest if stream is not None else 0
        if newest != expected:
            raise Conflict(
                f"expected the newest seq to be {expected}, got {newest}", key=key, seq=newest
            )

    def _compact(self, key: str, seq: int, value: Value) -> Applied:
        if seq > self.seq:
            raise BadSequence(f"expected a seq up to the room's newest, {self.seq}, got {seq}")
        stream = self._stream(key)
        changed = stream.compact(seq, value)
        return Applied(key, None, seq, changed, len(stream.entries))

    def _stream(self, key: str) -> Stream:
        stream = self._streams.get(key)
        if stream is None:
            stream = self._streams[key] = Stream()
        return stream
