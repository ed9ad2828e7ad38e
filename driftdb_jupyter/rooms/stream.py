"""A stream: what a room keeps under one key."""

from __future__ import annotations

from bisect import bisect_right
from operator import attrgetter

from ..protocol.entry import Entry
from ..protocol.value import Value

__all__ = ["Stream"]

_seq = attrgetter("seq")


class Stream:
    """The kept values of a key, in ascending order of their sequence numbers."""

    __slots__ = ("entries",)

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    @property
    def newest(self) -> int:
        """The newest sequence number in the stream, 0 where it is empty."""
        return self.entries[-1].seq if self.entries else 0

    def above(self, seq: int) -> list[Entry]:
        """The entries whose sequence numbers are above ``seq``."""
        if seq == 0:
            return self.entries[:]
        return self.entries[bisect_right(self.entries, seq, key=_seq) :]

    def compact(self, seq: int, value: Value) -> bool:
        """Put ``value`` in the place of all entries up to and including ``seq``, with that number.

        Returns whether it did: a compact that finds nothing there comes too late and is ignored,
        except on an empty stream (protocol, "Model").
        """
        replaced = bisect_right(self.entries, seq, key=_seq)
        if self.entries and not replaced:
            return False
        self.entries[:replaced] = [Entry(seq, value)]
        return True
