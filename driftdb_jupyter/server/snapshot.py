"""A snapshot: the entries that an answer will give, as they were when it was asked for."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ..protocol.entry import Entry
from .backlog import Backlog

__all__ = ["Listed", "Snapshot"]

_ENTRY_BYTES = 256
_OWN_BYTES = 16384
# Segments are short, so that encoding one never takes long, and few encoded bytes wait.
_SEGMENT_BYTES = 65536
_REFERENCE_BYTES = 8


class Snapshot:
    """References to entries, in segments that are let go of as they are given.

    While the room keeps the entries, they cost no more than their references. What it lets go of
    meanwhile is charged to the backlog, once for all snapshots, until it was given.
    """

    def __init__(
        self,
        lists: Sequence[list[Entry]],
        backlog: Backlog,
        *,
        ended: Callable[[], None] = lambda: None,
    ) -> None:
        """``lists`` stay as they are; ``ended`` is called when nothing is left of them."""
        self.count = sum(map(len, lists))
        self._backlog = backlog
        self._ended = ended
        self._chunks = deque(lists)
        self._segments: deque[list[Entry]] = deque()  # of what was the first chunk
        self._pinned: deque[Entry] = deque()
        # All lists but the first and the last are the stream's own.
        self._cost_bytes = _OWN_BYTES + _REFERENCE_BYTES * len(lists)
        backlog.add(self._cost_bytes)

    def __iter__(self) -> Iterator[Sequence[Entry]]:
        yield from self._segments
        for chunk in self._chunks:
            yield from _segments(chunk)

    def next(self) -> Sequence[Entry] | None:
        """Let go of the first segment, and return it; ``None`` where that was the last."""
        if not self._segments:
            if not self._chunks:
                return None
            self._segments.extend(_segments(self._chunks.popleft()))
        segment = self._segments.popleft()
        newest = segment[-1].seq
        while self._pinned and self._pinned[0].seq <= newest:
            self._release(self._pinned.popleft())
        return segment

    def removed(self, seq: int) -> None:
        """The room has let go of the entries up to and including that sequence number."""
        after = self._pinned[-1].seq if self._pinned else 0
        for part in (*self._segments, *self._chunks):
            if part[0].seq > seq:
                return
            if part[-1].seq > after:
                for entry in part:
                    if after < entry.seq <= seq:
                        self._backlog.hold(entry, _ENTRY_BYTES + entry.value.byte_count)
                        self._pinned.append(entry)

    def close(self) -> None:
        """Let go of all that is left."""
        while self.next() is not None:
            pass
        self._backlog.add(-self._cost_bytes)
        self._cost_bytes = 0
        self._ended()

    def _release(self, entry: Entry) -> None:
        self._backlog.release(entry, _ENTRY_BYTES + entry.value.byte_count)


class Listed:
    """Other items of an answer; ``cost`` is how many bytes one of them takes while it waits."""

    def __init__(self, items: Sequence[Any], backlog: Backlog, cost: Callable[[Any], int]) -> None:
        self.count = len(items)
        self._backlog = backlog
        self._cost = cost
        self._segments: deque[list[Any]] = deque()
        byte_count = 0
        for item in items:
            backlog.hold(item, cost(item))
            if not byte_count:
                self._segments.append([])
            self._segments[-1].append(item)
            byte_count += cost(item)
            if byte_count >= _SEGMENT_BYTES:
                byte_count = 0

    def __iter__(self) -> Iterator[Sequence[Any]]:
        return iter(self._segments)

    def next(self) -> Sequence[Any] | None:
        """Let go of the first segment, and return it; ``None`` where that was the last."""
        if not self._segments:
            return None
        segment = self._segments.popleft()
        for item in segment:
            self._backlog.release(item, self._cost(item))
        return segment

    def close(self) -> None:
        """Let go of all that is left."""
        while self.next() is not None:
            pass


def _segments(chunk: list[Entry]) -> Iterator[list[Entry]]:
    start = byte_count = 0
    for number, entry in enumerate(chunk):
        byte_count += entry.value.byte_count
        if byte_count > _SEGMENT_BYTES and number > start:
            yield chunk[start:number]
            start, byte_count = number, entry.value.byte_count
    yield chunk[start:]
