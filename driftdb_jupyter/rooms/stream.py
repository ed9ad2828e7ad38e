"""A stream: what a room keeps under one key."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from operator import attrgetter

from msgspec import Struct

from ..protocol.entry import Entry
from ..protocol.parts import names_parts
from .memory_cost import VALUE_COST_BYTES, cost_of_author, cost_of_entries

__all__ = ["CHUNK_LENGTH", "Chunk", "Front", "Stream"]

# No list of a stream is longer. So a push that drops the oldest value moves at most this many
# places, a page of a long stream copies about as many, and what is removed can be freed in pieces.
CHUNK_LENGTH = 1024

_seq = attrgetter("seq")


class Front(Struct, frozen=True, gc=False):
    """The oldest entries of a stream: how many, what they take, and their newest number."""

    value_count: int
    byte_count: int
    cost_bytes: int
    newest: int


class Chunk:
    """Entries of a stream that follow each other, and what they take together.

    ``byte_count``: as they came. ``cost_bytes``: of memory; the author of several in a row is one
    object, and counted once. ``is_lent``: a reader has the list (:meth:`Stream.lend`), so that
    another takes its place where entries are removed.
    """

    __slots__ = ("byte_count", "cost_bytes", "entries", "is_lent")

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.byte_count = 0
        self.cost_bytes = 0
        self.is_lent = False

    def copy(self) -> Chunk:
        """Another chunk of the same entries."""
        copy = Chunk()
        copy.entries = self.entries[:]
        copy.byte_count, copy.cost_bytes = self.byte_count, self.cost_bytes
        return copy

    def drop(self, count: int, byte_count: int, cost_bytes: int) -> int:
        """Remove the oldest ``count`` entries; one at least, and one stays.

        They take ``byte_count``, and ``cost_bytes`` alone. Returns what of that stays.
        """
        entries = self.entries
        author = entries[count - 1].author
        if self.is_lent:
            entries = self.entries = entries[count:]
            self.is_lent = False
        else:
            del entries[:count]
        stays = 0
        if author is entries[0].author:  # counted for the dropped ones until now
            stays = cost_of_author(author)
        self.byte_count -= byte_count
        self.cost_bytes -= cost_bytes - stays
        return stays


class Stream:
    """The kept values of a key, in ascending order of their sequence numbers.

    ``value_count``: how many. ``byte_count``: what they take as they came. ``cost_bytes``: what
    they cost of memory.
    """

    __slots__ = ("_chunks", "byte_count", "cost_bytes", "value_count")

    def __init__(self) -> None:
        self._chunks = [Chunk()]  # none is empty but that of an empty stream
        self.value_count = 0
        self.byte_count = 0
        self.cost_bytes = 0

    def __iter__(self) -> Iterator[Entry]:
        for chunk in self._chunks:
            yield from chunk.entries

    @property
    def newest(self) -> int:
        """The newest sequence number in the stream, 0 where it is empty."""
        return self._chunks[-1].entries[-1].seq if self.value_count else 0

    @property
    def is_in_parts(self) -> bool:
        """Whether it begins with a snapshot in parts, which is no use to a client without epochs.

        (protocol, "Snapshots in parts")
        """
        return self.value_count > 0 and names_parts(self._chunks[0].entries[0].value)

    @property
    def oldest(self) -> Entry | None:
        """The oldest entry in the stream, ``None`` where it is empty."""
        return self._chunks[0].entries[0] if self.value_count else None

    def copy(self) -> Stream:
        """Another stream of the same entries."""
        copy = Stream()
        copy._chunks = [chunk.copy() for chunk in self._chunks]
        copy.value_count, copy.byte_count = self.value_count, self.byte_count
        copy.cost_bytes = self.cost_bytes
        return copy

    def above(self, seq: int, *, limit: int | None = None) -> list[Entry]:
        """Return the entries whose sequence numbers are above ``seq``.

        At most ``limit``, the oldest.
        """
        chunks = self._chunks
        found: list[Entry] = []
        if not self.value_count:
            return found
        first = bisect_right(chunks, seq, key=_newest)
        for number in range(first, len(chunks)):
            entries = chunks[number].entries
            if number == first:
                entries = entries[bisect_right(entries, seq, key=_seq) :]
            found += entries
            if limit is not None and len(found) >= limit:
                del found[limit:]
                break
        return found

    def lend(self, seq: int, *, limit: int | None = None) -> list[list[Entry]]:
        """Return the entries with sequence numbers above ``seq``, in lists that stay as they are.

        Most of them are the stream's own, so that this costs little: they are not to be changed,
        and none is empty. ``limit``: at most that many entries, the oldest.
        """
        chunks = self._chunks
        if not self.value_count:
            return []
        first = bisect_right(chunks, seq, key=_newest)
        lists = []
        count = 0
        for number in range(first, len(chunks)):
            chunk = chunks[number]
            entries = chunk.entries
            if number == first:
                entries = entries[bisect_right(entries, seq, key=_seq) :]
            if number == len(chunks) - 1:
                entries = entries[:limit]  # others will be appended
            elif entries is chunk.entries:
                chunk.is_lent = True
            lists.append(entries)
            count += len(entries)
            if limit is not None and count >= limit:
                lists[-1] = entries[: len(entries) - (count - limit)]
                break
        return lists

    def count_to(self, seq: int) -> int:
        """Return the number of entries with sequence numbers up to and including ``seq``."""
        chunks = self._chunks
        if not self.value_count:
            return 0
        whole = bisect_right(chunks, seq, key=_newest)
        count = sum([len(chunk.entries) for chunk in chunks[:whole]])
        if whole < len(chunks):
            count += bisect_right(chunks[whole].entries, seq, key=_seq)
        return count

    def covers(self, seq: int) -> bool:
        """Return True if every value that was ever kept here above ``seq`` still is."""
        return self.value_count > 0 and self._chunks[0].entries[0].seq <= seq

    def front(self, count: int) -> Front:
        """Describe the oldest ``count`` entries, one at least."""
        if count == self.value_count:
            return Front(count, self.byte_count, self.cost_bytes, self.newest)
        if count == 1:  # as a push with a ``max_length`` drops
            entry = self._chunks[0].entries[0]
            byte_count = entry.value.byte_count
            cost_bytes = VALUE_COST_BYTES + byte_count + cost_of_author(entry.author)
            return Front(1, byte_count, cost_bytes, entry.seq)
        left = count
        byte_count = cost_bytes = 0
        for chunk in self._chunks:
            entries = chunk.entries
            if left <= len(entries):
                part = entries[:left]
                byte_count += sum([entry.value.byte_count for entry in part])
                return Front(count, byte_count, cost_bytes + cost_of_entries(part), part[-1].seq)
            left -= len(entries)
            byte_count += chunk.byte_count
            cost_bytes += chunk.cost_bytes
        raise ValueError("expected no more entries than there are")

    def append(self, entries: Sequence[Entry]) -> None:
        """Put entries behind the others."""
        chunks = self._chunks
        chunk = chunks[-1]
        for entry in entries:
            newest = chunk.entries
            if len(newest) >= CHUNK_LENGTH:
                chunk = Chunk()
                newest = chunk.entries
                chunks.append(chunk)
            byte_count = entry.value.byte_count
            cost_bytes = VALUE_COST_BYTES + byte_count
            if not newest or newest[-1].author is not entry.author:
                cost_bytes += cost_of_author(entry.author)
            newest.append(entry)
            chunk.byte_count += byte_count
            chunk.cost_bytes += cost_bytes
            self.byte_count += byte_count
            self.cost_bytes += cost_bytes
        self.value_count += len(entries)

    def put_front(self, entry: Entry) -> None:
        """Put an entry before the others."""
        front = Stream()
        front.append((entry,))
        if self.value_count:
            front._chunks += self._chunks
        self._chunks = front._chunks
        self.value_count += front.value_count
        self.byte_count += front.byte_count
        self.cost_bytes += front.cost_bytes

    @property
    def chunks(self) -> Sequence[Chunk]:
        """The chunks that it consists of."""
        return self._chunks

    def drop(self, front: Front | Stream) -> list[Chunk]:
        """Remove what :meth:`front` has found, or all (the stream itself).

        Returns the chunks that have gone whole, but for one alone.
        """
        chunks, count = self._chunks, front.value_count
        if count == self.value_count:
            self.value_count = self.byte_count = self.cost_bytes = 0
            if len(chunks) > 1:
                self._chunks = [Chunk()]
                return chunks
            only = chunks[0]  # as a replace does, and the next value comes at once
            if only.is_lent:
                self._chunks = [Chunk()]
                return []
            only.entries.clear()
            only.byte_count = only.cost_bytes = 0
            return []
        byte_count, cost_bytes = front.byte_count, front.cost_bytes
        self.value_count -= count
        self.byte_count -= byte_count
        self.cost_bytes -= cost_bytes
        dropped: list[Chunk] = []
        while count >= len(chunks[len(dropped)].entries):
            chunk = chunks[len(dropped)]
            count -= len(chunk.entries)
            byte_count -= chunk.byte_count
            cost_bytes -= chunk.cost_bytes
            dropped.append(chunk)
        if dropped:
            del chunks[: len(dropped)]
        if count:
            self.cost_bytes += chunks[0].drop(count, byte_count, cost_bytes)
        return dropped


def _newest(chunk: Chunk) -> int:
    return chunk.entries[-1].seq
