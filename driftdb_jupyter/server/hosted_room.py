"""A room as this process hosts it: the broker's sequencer, and the audience on the sockets."""

from __future__ import annotations

from ..broker.broker import Sequencer
from ..protocol.codec import Codec
from ..protocol.frame import frame
from ..rooms.room import Applied
from .channel import Channel
from .outbox import Flusher, Outbox

__all__ = ["HostedRoom"]


class HostedRoom:
    """The audience of one room: it hears what the broker says, and sends it to who subscribed.

    ``sequencer`` is where pushes go; the hub sets it when the broker has opened the room.
    """

    __slots__ = ("_channels", "_flusher", "_watchers", "name", "sequencer")

    sequencer: Sequencer

    def __init__(self, name: str, flusher: Flusher) -> None:
        self.name = name
        self._flusher = flusher
        self._channels: dict[str, Channel] = {}
        self._watchers: dict[int, tuple[Outbox, Codec]] = {}

    def subscribe(self, key: str, outbox: Outbox, codec: Codec) -> None:
        """Let an outbox hear the pushes of a key."""
        channel = self._channels.get(key)
        if channel is None:
            channel = self._channels[key] = Channel(key, self._flusher)
        channel.add(outbox, codec)

    def unsubscribe(self, key: str, outbox: Outbox) -> None:
        """End what :meth:`subscribe` began."""
        channel = self._channels.get(key)
        if channel is not None:
            channel.remove(outbox)
            if not channel:
                del self._channels[key]

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
            for entry in applied.broadcast:
                channel.broadcast(entry)
        if self._watchers:
            self._show(applied)

    def _show(self, applied: Applied) -> None:
        for outbox, codec in self._watchers.values():
            if applied.changed:
                entries = self.sequencer.room.read(applied.key)
                outbox.put(frame(codec.opcode, codec.init(applied.key, entries)))
                continue
            for entry in applied.broadcast:
                outbox.put(codec.push_frame(codec.push_start(applied.key), entry))
