"""A stream: what a room keeps under one key."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from operator import attrgetter

from ..protocol.entry import Entry

__all__ = ["Stream"]

_seq = attrgetter("seq")


class Stream:
    """The kept values of a key, in ascending order of their sequence numbers.

    ``bytes`` is what they take as they came.
    """

    __slots__ = ("bytes", "entries")

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.bytes = 0

    @property
    def newest(self) -> int:
        """The newest sequence number in the stream, 0 where it is empty."""
        return self.entries[-1].seq if self.entries else 0

    def above(self, seq: int) -> list[Entry]:
        """The entries whose sequence numbers are above ``seq``."""
        if seq == 0:
            return self.entries[:]
        return self.entries[self.count_to(seq) :]

    def count_to(self, seq: int) -> int:
        """How many entries have sequence numbers up to and including ``seq``."""
        return bisect_right(self.entries, seq, key=_seq)

    def covers(self, seq: int) -> bool:
        """Whether every value that was ever kept here above ``seq`` still is."""
        return bool(self.entries) and self.entries[0].seq <= seq

    def append(self, entries: Sequence[Entry]) -> None:
        """Put entries behind the others."""
        self.entries.extend(entries)
        self.bytes += _bytes(entries)

    def put_front(self, entry: Entry, *, replacing: int) -> None:
        """Put an entry in the place of so many others, the oldest."""
        self.bytes += entry.value.size - self.front_bytes(replacing)
        self.entries[:replacing] = [entry]

    def drop_front(self, count: int) -> None:
        """Remove so many entries, the oldest."""
        if count:
            self.bytes -= self.front_bytes(count)
            del self.entries[:count]

    def front_bytes(self, count: int) -> int:
        """What so many of the oldest entries take."""
        if count == len(self.entries):
            return self.bytes
        return _bytes(self.entries[:count]) if count else 0


def _bytes(entries: Sequence[Entry]) -> int:
    if len(entries) == 1:  # in nearly all pushes
        return entries[0].value.size
    return sum([entry.value.size for entry in entries])
