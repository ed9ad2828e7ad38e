"""A room as this process hosts it: the broker's sequencer, and the audience on the sockets."""

from __future__ import annotations

from collections.abc import Callable

from ..broker.broker import Sequencer
from ..broker.presence import PresenceManager
from ..protocol.codec import Codec
from ..protocol.entry import Author
from ..protocol.frame import frame
from ..protocol.value import Value
from ..rooms.room import Applied
from .channel import Channel
from .close_codes import CLOSE_FAULT, CLOSE_GONE, CLOSE_RESET
from .outbox import Flusher, Outbox
from .pressure import Pressure

__all__ = ["HostedRoom"]


class HostedRoom:
    """The audience of one room: hears what the broker says, and forwards it to the subscribers.

    ``sequencer`` is where pushes go; the hub sets it when the broker has opened the room, and
    ``presence``, which knows who is there.
    ``users`` counts the connections and requests that are in the room now: the hub's to keep.
    ``ended`` is called with the close code and reason for all connections when the broker has ended
    the room, and ``has_ended`` is true then.
    """

    __slots__ = (
        "_channels",
        "_ended",
        "_flusher",
        "_presence_channels",
        "_watchers",
        "has_ended",
        "name",
        "presence",
        "pressure",
        "sequencer",
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
    ) -> None:
        self.name = name
        self.has_ended = False
        self._ended = ended
        self.pressure = Pressure()
        self.users = 0
        self._flusher = flusher
        self._channels: dict[str, Channel] = {}
        self._presence_channels: dict[str, Channel] = {}
        self._watchers: dict[int, tuple[Outbox, Codec]] = {}

    def subscribe(
        self,
        key: str,
        outbox: Outbox,
        codec: Codec,
        *,
        stamps: bool = False,
        with_client: bool = False,
    ) -> None:
        """Let an outbox hear the pushes of a key (see :meth:`.channel.Channel.add`)."""
        channel = self._channels.get(key)
        if channel is None:
            channel = self._channels[key] = Channel(key, self._flusher)
        channel.add(outbox, codec, stamps=stamps, with_client=with_client)

    def subscribe_presence(self, key: str, outbox: Outbox, codec: Codec) -> None:
        """Let an outbox hear who comes and goes under a key."""
        channel = self._presence_channels.get(key)
        if channel is None:
            channel = self._presence_channels[key] = Channel(key, self._flusher)
        channel.add(outbox, codec)

    def unsubscribe(self, key: str, outbox: Outbox) -> None:
        """End what :meth:`subscribe` and :meth:`subscribe_presence` began."""
        for channels in (self._channels, self._presence_channels):
            channel = channels.get(key)
            if channel is not None:
                channel.remove(outbox)
                if not channel:
                    del channels[key]

    def watch(self, outbox: Outbox, codec: Codec) -> None:
        """Let an outbox hear all that happens (protocol, ``?debug=true``)."""
        room = self.sequencer.room
        for key in room.keys:
            outbox.put_init(frame(codec.opcode, codec.init(key, room.read(key))))
        self._watchers[id(outbox)] = outbox, codec

    def unwatch(self, outbox: Outbox) -> None:
        """End what :meth:`watch` began."""
        self._watchers.pop(id(outbox), None)

    def broadcast(self, applied: Applied) -> None:
        """Send a push that was applied to everybody who is to hear of it."""
        channel = self._channels.get(applied.key)
        if channel is not None:
            channel.broadcast(applied.broadcast)
            if applied.deleted:
                assert applied.seq is not None
                channel.delete(applied.seq)
        if self._watchers:
            self._show(applied)

    def deleted(self) -> None:
        """The room was deleted."""
        self._end(CLOSE_GONE, "the room was deleted")

    def reset(self) -> None:
        """Another room has taken the place of this one: whoever comes back finds that."""
        self._end(CLOSE_RESET, "the room was replaced")

    def out_of_service(self) -> None:
        """The room can't be kept, because of a fault."""
        self._end(CLOSE_FAULT, "the server failed to keep the room; its log says why")

    def set_presence(self, key: str, author: Author, value: Value | None) -> None:
        """Show a client under a key with a value, or no more (``None``).

        Raises :class:`~..protocol.errors.QuotaExceeded`.
        """
        if value is None:
            self.presence.withdraw(key, author.client)
        else:
            self.presence.set(key, author, value)

    def presence_changed(self, key: str, author: Author, value: Value | None) -> None:
        """Tell that a client is there with a value, or no more (``None``)."""
        channel = self._presence_channels.get(key)
        if channel is not None:
            channel.say(lambda codec: codec.presence(key, author, value))

    def _end(self, code: int, reason: str) -> None:
        self.has_ended = True
        self._ended(self, code, reason)

    def _show(self, applied: Applied) -> None:
        for outbox, codec in self._watchers.values():
            if applied.changed:
                entries = self.sequencer.room.read(applied.key)
                outbox.put(frame(codec.opcode, codec.init(applied.key, entries)))
                continue
            for entry in applied.broadcast:
                outbox.put(codec.push_frame(codec.push_start(applied.key), entry))
