"""A channel: who hears the pushes of one key."""

from __future__ import annotations

from ..protocol.codec import Codec
from ..protocol.entry import Entry
from .outbox import Flusher, Outbox

__all__ = ["Channel"]


class Channel:
    """The subscribers of one key, apart by the encoding that they want."""

    __slots__ = ("_audiences", "_flusher", "_key")

    def __init__(self, key: str, flusher: Flusher) -> None:
        self._key = key
        self._flusher = flusher
        # codec, what each of its broadcasts begins with, outboxes by their identity
        self._audiences: list[tuple[Codec, bytes, dict[int, Outbox]]] = []

    def __bool__(self) -> bool:
        return bool(self._audiences)

    def add(self, outbox: Outbox, codec: Codec) -> None:
        """Send the broadcasts to an outbox too; once, however often it is added."""
        self._flusher.settle()
        for known, _, outboxes in self._audiences:
            if known is codec:
                outboxes[id(outbox)] = outbox
                return
        self._audiences.append((codec, codec.push_start(self._key), {id(outbox): outbox}))

    def remove(self, outbox: Outbox) -> None:
        """Send no more broadcasts to that outbox."""
        self._flusher.settle()
        for audience in self._audiences:
            outboxes = audience[2]
            if outboxes.pop(id(outbox), None) is not None:
                if not outboxes:
                    self._audiences.remove(audience)
                return

    def broadcast(self, entry: Entry) -> None:
        """Encode an entry once for each encoding, and put it into all outboxes."""
        for codec, start, outboxes in self._audiences:
            self._flusher.fan_out(codec.push_frame(start, entry), outboxes)
