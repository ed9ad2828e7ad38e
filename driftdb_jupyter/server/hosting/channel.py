"""A channel: the subscribers of one key."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from ...protocol.codec import Codec
from ...protocol.entry import Entry
from ...protocol.frame import frame
from ...rooms.stream import Stream
from ..sending.outbox import Flusher, Outbox, Recipients

__all__ = ["Channel"]


class Channel:
    """The subscribers of one key, grouped by what their pushes look like.

    ``broadcast`` sends entries to all of them. ``stream`` returns what the room holds of a key.
    """

    __slots__ = ("_flusher", "_groups", "_key", "_stream", "_with_client", "broadcast")

    broadcast: Callable[[Sequence[Entry]], None]

    def __init__(
        self,
        key: str,
        flusher: Flusher,
        *,
        stream: Callable[[str], Stream] = lambda key: Stream(),
    ) -> None:
        self._key = key
        self._stream = stream
        self._flusher = flusher
        self._groups: list[Recipients] = []  # none of them empty
        self._with_client: set[int] = set()
        self._choose_broadcast()

    def __bool__(self) -> bool:
        return bool(self._groups)

    def add(
        self,
        outbox: Outbox,
        codec: Codec,
        *,
        stamps: bool = False,
        held: bool = False,
        with_client: bool = False,
    ) -> None:
        """Send the broadcasts to an outbox too; once, however often it is added.

        ``stamps``: with who wrote and when, from now on. ``held``: with what the stream holds, and
        compacts, too. ``with_client``: deletions, too.
        """
        self._flusher.settle()
        for group in self._groups:
            if id(outbox) in group.outboxes:
                stamps, held = stamps or group.stamps, held or group.held
                if group.stamps is stamps and group.held is held:
                    return
                with_client = with_client or id(outbox) in self._with_client
                self.remove(outbox)
                break
        if with_client:
            self._with_client.add(id(outbox))
        for group in self._groups:
            if group.codec is codec and group.stamps is stamps and group.held is held:
                group.outboxes[id(outbox)] = outbox
                return
        group = Recipients(
            self._key, codec, self._flusher, stamps=stamps, held=held, stream=self._stream
        )
        group.outboxes[id(outbox)] = outbox
        self._groups.append(group)
        self._choose_broadcast()

    def remove(self, outbox: Outbox) -> None:
        """Send no more broadcasts to that outbox."""
        self._flusher.settle()
        self._with_client.discard(id(outbox))
        for group in self._groups:
            if group.outboxes.pop(id(outbox), None) is not None:
                if not group.outboxes:
                    self._groups.remove(group)
                    self._choose_broadcast()
                return

    def is_heard_in(self, codec: Codec) -> bool:
        """Return True if one of the subscribers reads that encoding."""
        return any(group.codec is codec for group in self._groups)

    def compact(self, entry: Entry) -> None:
        """Tell the subscribers who asked for it that a value stands for all up to its number."""
        for group in list(self._groups):
            if group.held:
                group.say(partial(_compact, key=self._key, entry=entry, stamps=group.stamps))

    def delete(self, seq: int) -> None:
        """Tell the subscribers that came with ``?client`` that the stream was deleted."""
        for group in list(self._groups):
            message = frame(group.codec.opcode, group.codec.delete(self._key, seq))
            for number, outbox in list(group.outboxes.items()):  # one that overflows leaves
                if number in self._with_client:
                    outbox.put(message)

    def fail(self) -> None:
        """Close all subscribers: they missed something, and come back to be told."""
        for group in list(self._groups):
            group.fail()

    def say(self, encode: Callable[[Codec], bytes]) -> None:
        """Send any message to all subscribers, encoded once for each encoding."""
        for group in list(self._groups):  # one that fails leaves
            group.say(encode)

    def _choose_broadcast(self) -> None:
        # Most channels have one group: a call less for each push. One that is left by all holds no
        # method of its own, because then only a collection would free it.
        groups = self._groups
        if len(groups) == 1:
            self.broadcast = groups[0].broadcast
        else:
            self.broadcast = self._broadcast_to_groups if groups else _broadcast_to_nobody

    def _broadcast_to_groups(self, entries: Sequence[Entry]) -> None:
        for group in list(self._groups):  # one that fails leaves
            group.broadcast(entries)


def _broadcast_to_nobody(entries: Sequence[Entry]) -> None:
    """Do nothing."""


def _compact(codec: Codec, *, key: str, entry: Entry, stamps: bool) -> bytes:
    return codec.compact(key, entry, stamps=stamps)
