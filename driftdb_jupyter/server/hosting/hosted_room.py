"""A room as this process hosts it: the broker's sequencer, and the subscribers on the sockets."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence

from ...access.grants import Grants
from ...broker.broker import Sequencer
from ...broker.presence import PresenceManager
from ...protocol.cbor_codec import CBOR
from ...protocol.codec import Codec, KeyInfo, Listing
from ...protocol.entry import Author, Entry
from ...protocol.frame import frame
from ...protocol.json_codec import JSON
from ...protocol.messages import Keys
from ...protocol.steps import Steps
from ...protocol.value import Value, prepare
from ...rooms.room import Applied, Found
from ...rooms.stream import Stream
from ..sending.answer import Answer
from ..sending.backlog import Backlog
from ..sending.close_codes import CLOSE_FAULT, CLOSE_GONE, CLOSE_RESET
from ..sending.outbox import Flusher, Outbox
from ..sending.snapshot import Listed, Snapshots
from ..sending.turns import Turns
from .answers import answer_to_keys
from .channel import Channel
from .pressure import Pressure
from .subscriptions import Subscriptions, cost_of_channel
from .watchers import Pace, Watchers

__all__ = ["HostedRoom", "short_list"]

_log = logging.getLogger("driftdb_jupyter")


# An answer up to these bounds is made at once, one beyond them as the connection takes it.
_SHORT_COUNT = 64
_SHORT_BYTES = 4096
# What encoding an entry costs at least, as bytes.
_ENTRY_BYTES = 64
# What a key costs while it waits to be listed.
_KEY_BYTES = 200


class HostedRoom:
    """The audience of one room: hears what the broker says, and forwards it to the subscribers.

    ``sequencer`` is where pushes go; the hub sets it when the broker has opened the room, and
    ``presence``, which knows who is there.
    ``users`` counts the connections and requests that are in the room now: the hub's to keep.
    ``ended`` is called with the close code and reason for all connections when the broker has ended
    the room, and ``has_ended`` is true then; ``access_changed`` when others may do other things.
    ``mute`` is set while some may have lost a right and were not told yet: it lets no more of a key
    through to those of them who have.
    ``backlog`` is charged with what answers that wait keep alive, ``pace`` bounds what watchers
    cost, ``subscriptions`` what is to be remembered of who hears what.
    """

    __slots__ = (
        "_access_changed",
        "_backlog",
        "_channels",
        "_ended",
        "_flusher",
        "_pace",
        "_presence_channels",
        "_snapshots",
        "_watchers",
        "has_ended",
        "mute",
        "name",
        "presence",
        "pressure",
        "sequencer",
        "subscriptions",
        "users",
    )

    presence: PresenceManager
    sequencer: Sequencer

    def __init__(
        self,
        name: str,
        flusher: Flusher,
        *,
        ended: Callable[[HostedRoom, int, str], object] = lambda hosted, code, reason: None,
        access_changed: Callable[[HostedRoom], object] = lambda hosted: None,
        backlog: Backlog | None = None,
        pace: Pace | None = None,
        subscriptions: Subscriptions | None = None,
    ) -> None:
        self.name = name
        self.has_ended = False
        self.mute: Callable[[str], object] | None = None
        self._ended = ended
        self._access_changed = access_changed
        self.pressure = Pressure()
        self.users = 0
        self._backlog = backlog or Backlog()
        self._flusher = flusher
        self._channels: dict[str, Channel] = {}
        self._presence_channels: dict[str, Channel] = {}
        self._snapshots: dict[str, Snapshots] = {}  # by key
        self._pace = pace or Pace()
        self.subscriptions = subscriptions or Subscriptions(self._backlog.memory)
        self._watchers: Watchers | None = None  # where there are any

    def check_subscription(self, key: str, cost_bytes: int) -> None:
        """Refuse a subscription that would cost that much, beside what the key costs if it is new.

        Raises :class:`~..protocol.errors.QuotaExceeded`.
        """
        new = 0 if key in self._channels else cost_of_channel(key)
        self.subscriptions.check(cost_bytes + new)

    def subscribe(
        self,
        key: str,
        outbox: Outbox,
        codec: Codec,
        *,
        stamps: bool = False,
        held: bool = False,
        with_client: bool = False,
    ) -> None:
        """Send the pushes of a key to an outbox, too (see :meth:`.channel.Channel.add`)."""
        channel = self._channels.get(key)
        if channel is None:
            channel = self._channels[key] = Channel(key, self._flusher, stream=self._stream)
            self.subscriptions.add(cost_of_channel(key))
        channel.add(outbox, codec, stamps=stamps, held=held, with_client=with_client)

    def subscribe_presence(self, key: str, outbox: Outbox, codec: Codec) -> None:
        """Send the changes of presence under a key to an outbox, too."""
        channel = self._presence_channels.get(key)
        if channel is None:
            channel = self._presence_channels[key] = Channel(key, self._flusher)
            self.subscriptions.add(cost_of_channel(key))
        channel.add(outbox, codec)

    def unsubscribe(self, key: str, outbox: Outbox) -> None:
        """End what :meth:`subscribe` and :meth:`subscribe_presence` began."""
        for channels in (self._channels, self._presence_channels):
            channel = channels.get(key)
            if channel is not None:
                channel.remove(outbox)
                if not channel:
                    del channels[key]
                    self.subscriptions.add(-cost_of_channel(key))

    def watch(self, outbox: Outbox, codec: Codec, may_read: Callable[[str], bool]) -> None:
        """Show an outbox all that happens under keys that may be read (``?debug=true``)."""
        if self._watchers is None:
            self._watchers = Watchers(self._show, self._pace)
        self._watchers.add(outbox, codec, self.sequencer.room.keys, may_read)

    def unwatch(self, outbox: Outbox) -> None:
        """End what :meth:`watch` began."""
        if self._watchers is not None:
            self._watchers.remove(outbox)
            if not self._watchers:
                self._watchers = None

    @property
    def turns(self) -> Turns:
        """Of all that takes long on this loop."""
        return self._backlog.turns

    def prepare(self, key: str, values: Sequence[Value]) -> Steps[None]:
        """Convert values for those who hear of a key in the other encoding, in steps."""
        channels = (self._channels.get(key), self._presence_channels.get(key))
        codec = JSON if values and values[0].came_as_cbor else CBOR
        is_heard = self._watchers is not None or any(
            channel is not None and channel.is_heard_in(codec) for channel in channels
        )
        return prepare(values if is_heard else ())

    def broadcast(self, applied: Applied) -> None:
        """Send a push that was applied to the subscribers.

        Whoever may miss it because of an error is closed (1011), and resumes when it comes back.
        """
        if self.mute is not None:
            self.mute(applied.key)
        entries = applied.broadcast
        channel = self._channels.get(applied.key)
        try:
            if channel is not None:
                if entries:
                    broadcast = channel.broadcast  # in two steps: see :mod:`.outbox`
                    broadcast(entries)
                elif applied.deleted:
                    assert applied.seq is not None
                    channel.delete(applied.seq)
                elif applied.kept:
                    channel.compact(applied.kept[0])
            if self._snapshots and applied.removed:
                snapshots = self._snapshots.get(applied.key)
                if snapshots is not None:
                    snapshots.removed(applied.removed)
        except Exception:
            _log.exception("A broadcast failed; the subscribers of its key are closed")
            if channel is not None:
                channel.fail()
        if self._watchers is not None:
            self._watchers.note(applied)

    def init(self, codec: Codec, key: str, listing: Listing, found: Found) -> Answer:
        """Return an ``init`` of what was found under a key, which may go on changing meanwhile."""
        snapshots = self._snapshots.get(key)
        if snapshots is None:
            snapshots = self._snapshots[key] = Snapshots(
                self._backlog, ended=lambda: self._snapshots.pop(key)
            )
        return Answer(codec.opcode, listing, snapshots.open(found.lists, found.passing))

    def put_init(
        self, outbox: Outbox, codec: Codec, key: str, listing: Listing, found: Found
    ) -> Awaitable[None] | None:
        """Send an ``init`` (see :meth:`init`); returns what to wait for before more is read."""
        short = short_list(found)
        if short is not None:
            return outbox.put_short_answer(frame(codec.opcode, listing.whole(short)))
        return outbox.put_answer(self.init(codec, key, listing, found))

    def put_presence_state(
        self, outbox: Outbox, codec: Codec, key: str, own: str
    ) -> Awaitable[None] | None:
        """Tell who is there under a key (see :meth:`put_init`)."""
        return _put(outbox, codec, *self._presence_state(codec, key, own))

    def presence_state(self, codec: Codec, key: str, own: str) -> Answer:
        """Return who is present under a key; ``own`` is the asker's public id."""
        return Answer(codec.opcode, *self._presence_state(codec, key, own))

    def _presence_state(self, codec: Codec, key: str, own: str) -> tuple[Listing, Listed]:
        there = self.presence.there(key)
        listing = codec.presence_state(key, own, len(there))
        return listing, Listed(there, self._backlog, _cost_of_presence)

    def put_keys(
        self, outbox: Outbox, codec: Codec, message: Keys, grants: Grants
    ) -> Awaitable[None] | None:
        """Tell which keys there are that may be read (see :meth:`put_init`)."""
        return _put(outbox, codec, *self._keys(codec, message, grants))

    def keys(self, codec: Codec, message: Keys, grants: Grants) -> Answer:
        """Which keys there are that may be read."""
        return Answer(codec.opcode, *self._keys(codec, message, grants))

    def _keys(self, codec: Codec, message: Keys, grants: Grants) -> tuple[Listing, Listed]:
        listing, infos = answer_to_keys(codec, self.sequencer.room, message, grants)
        return listing, Listed(infos, self._backlog, _cost_of_key)

    def access_changed(self) -> None:
        """Others may do other things in the room now."""
        self._access_changed(self)

    def deleted(self) -> None:
        """Note that the room was deleted."""
        self._end(CLOSE_GONE, "the room was deleted")

    def reset(self) -> None:
        """Another room has taken the place of this one: whoever comes back finds that."""
        self._end(CLOSE_RESET, "the room was replaced")

    def out_of_service(self) -> None:
        """Note that the room can't be kept, because of a fault."""
        self._end(CLOSE_FAULT, "the server failed to keep the room; its log says why")

    def _stream(self, key: str) -> Stream:
        return self.sequencer.room.stream(key)

    def set_presence(self, key: str, author: Author, value: Value | None) -> None:
        """Set the presence of a client, or withdraw it (``None``), and tell the subscribers.

        Raises :class:`~..protocol.errors.QuotaExceeded`.
        """
        if value is None:
            self.presence.withdraw(key, author.client)
        else:
            self.presence.set(key, author, value)

    def presence_changed(self, key: str, author: Author, value: Value | None) -> None:
        """Tell that a client is there with a value, or no more (``None``)."""
        if self.mute is not None:
            self.mute(key)
        channel = self._presence_channels.get(key)
        if channel is not None:
            channel.say(lambda codec: codec.presence(key, author, value))

    def _end(self, code: int, reason: str) -> None:
        self.has_ended = True
        self._ended(self, code, reason)

    def _show(self, key: str, outbox: Outbox, codec: Codec) -> tuple[Awaitable[None] | None, int]:
        stream = self.sequencer.room.stream(key)
        listing, found = codec.init(key, stream.value_count), Found(stream.lend(0), False)
        taken = self.put_init(outbox, codec, key, listing, found)
        if short_list(found) is not None:
            return taken, 0
        return taken, stream.byte_count + stream.value_count * _ENTRY_BYTES


def short_list(found: Found) -> list[Entry] | None:
    """Return what was found, if an ``init`` of it is short enough to be made at once.

    Else ``None``.
    """
    lists = found.lists
    if not lists:
        return []
    entries = lists[0]
    if len(lists) > 1 or len(entries) > _SHORT_COUNT:
        return None
    return entries if sum([e.value.byte_count for e in entries]) <= _SHORT_BYTES else None


def _put(outbox: Outbox, codec: Codec, listing: Listing, items: Listed) -> Awaitable[None] | None:
    """Send an answer as a whole if it is short, otherwise as the connection takes it."""
    if items.cost_bytes > _SHORT_BYTES:
        return outbox.put_answer(Answer(codec.opcode, listing, items))
    whole = frame(codec.opcode, listing.whole(items.take()))
    return outbox.put_short_answer(whole)


def _cost_of_presence(presence: tuple[Author, Value]) -> int:
    return _KEY_BYTES + presence[1].byte_count


def _cost_of_key(key: tuple[str, KeyInfo]) -> int:
    return _KEY_BYTES
