"""A channel: who hears what is said under one key."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..protocol.codec import Codec
from ..protocol.entry import Entry
from ..protocol.frame import frame
from .outbox import Flusher, Outbox

__all__ = ["Channel"]

_Audience = tuple[
    Codec,
    bool,  # with stamps
    Callable[[bytes, Entry], bytes],  # makes a push of its start and an entry
    bytes,  # that start
    dict[int, Outbox],  # by their identity
]


class Channel:
    """The subscribers of one key, apart by what their pushes look like."""

    __slots__ = ("_audiences", "_flusher", "_key", "_with_client")

    def __init__(self, key: str, flusher: Flusher) -> None:
        self._key = key
        self._flusher = flusher
        self._audiences: list[_Audience] = []
        self._with_client: set[int] = set()

    def __bool__(self) -> bool:
        return bool(self._audiences)

    def add(
        self, outbox: Outbox, codec: Codec, *, stamps: bool = False, with_client: bool = False
    ) -> None:
        """Send the broadcasts to an outbox too; once, however often it is added.

        ``stamps``: with who wrote and when, from now on. ``with_client``: deletions, too.
        """
        self._flusher.settle()
        for _, stamped, _, _, outboxes in self._audiences:
            if id(outbox) in outboxes:
                if stamped or not stamps:
                    return
                self.remove(outbox)
                break
        if with_client:
            self._with_client.add(id(outbox))
        for known, stamped, _, _, outboxes in self._audiences:
            if known is codec and stamped is stamps:
                outboxes[id(outbox)] = outbox
                return
        encode = codec.stamped_push_frame if stamps else codec.push_frame
        start = codec.push_start(self._key)
        self._audiences.append((codec, stamps, encode, start, {id(outbox): outbox}))

    def remove(self, outbox: Outbox) -> None:
        """Send no more broadcasts to that outbox."""
        self._flusher.settle()
        self._with_client.discard(id(outbox))
        for audience in self._audiences:
            outboxes = audience[4]
            if outboxes.pop(id(outbox), None) is not None:
                if not outboxes:
                    self._audiences.remove(audience)
                return

    def broadcast(self, entries: Sequence[Entry]) -> None:
        """Encode entries once for each audience, and put them into all outboxes."""
        flusher = self._flusher
        for _, _, encode, start, outboxes in self._audiences:
            for entry in entries:
                if flusher.audience is outboxes:
                    flusher.run.append(encode(start, entry))
                else:
                    flusher.fan_out(encode(start, entry), outboxes)

    def delete(self, seq: int) -> None:
        """Tell those who know the word that the stream was deleted."""
        for codec, _, _, _, outboxes in list(self._audiences):
            message = frame(codec.opcode, codec.delete(self._key, seq))
            for number, outbox in list(outboxes.items()):  # one that overflows leaves
                if number in self._with_client:
                    outbox.put(message)

    def say(self, encode: Callable[[Codec], bytes]) -> None:
        """Put any message into all outboxes, encoded once for each encoding."""
        for codec, _, _, _, outboxes in self._audiences:
            self._flusher.fan_out(frame(codec.opcode, encode(codec)), outboxes)
