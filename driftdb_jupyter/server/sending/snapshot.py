"""A snapshot: the entries that an answer will give, as they were when it was asked for."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ...protocol.entry import Entry
from ...rooms.stream import CHUNK_LENGTH
from .backlog import Backlog

__all__ = ["Listed", "Snapshot", "Snapshots"]

_ENTRY_BYTES = 256
_OWN_BYTES = 16384
# Segments are short, so that encoding one never takes long, and few encoded bytes wait.
_SEGMENT_BYTES = 65536
_REFERENCE_BYTES = 8
# Of the lists of some 1,000 entries that were removed, how many are looked at in one piece.
_PARTS_A_TURN = 16


class Snapshots:
    """The snapshots of one stream that are being read.

    While the room keeps the entries, they cost no more than their references. A stream loses its
    oldest entries first: what was removed up to a number is charged to the backlog, once for all
    snapshots, until none of them has yet to give it. That takes a look at each entry, so it is done
    a part at a time.
    """

    def __init__(self, backlog: Backlog, *, ended: Callable[[], object] = lambda: None) -> None:
        """Call ``ended`` when the last snapshot has ended; then another one is to be made."""
        self._backlog = backlog
        self._ended = ended
        self._snapshots: dict[Snapshot, None] = {}
        self._removed_to = 0
        self._charged_to = 0
        self._charged: deque[tuple[int, int]] = deque()  # the newest number of a part, its bytes
        self._charging: asyncio.Handle | None = None

    def open(self, lists: Sequence[list[Entry]], passing: Sequence[Entry] = ()) -> Snapshot:
        """Return a snapshot of these entries (see :class:`~..rooms.room.Found`)."""
        snapshot = Snapshot(lists, self._backlog, passing=passing, moved=self._moved)
        self._snapshots[snapshot] = None
        return snapshot

    def removed(self, seq: int) -> None:
        """Note that the stream has let go of its entries up to and including a sequence number."""
        self._removed_to = max(self._removed_to, seq)
        if self._charging is None and self._charged_to < self._removed_to:
            self._charge()

    def _charge(self) -> None:
        """Charge some of what was removed, and the rest in later turns of the loop."""
        self._charging = None
        left = _PARTS_A_TURN
        while (snapshot := self._first_above(self._charged_to)) is not None:
            # All that the stream held from there on to the snapshot's end is in it.
            while part := snapshot.part_above(self._charged_to):
                self._charge_part(part)
                if self._charged_to == self._removed_to:
                    return
                left -= 1
                if not left:
                    self._charging = asyncio.get_running_loop().call_soon(self._charge)
                    return
        self._charged_to = self._removed_to

    def _first_above(self, seq: int) -> Snapshot | None:
        """Return the snapshot that gives the first removed entry above a number, if any."""
        first, first_seq = None, self._removed_to + 1
        for snapshot in self._snapshots:
            part = snapshot.part_above(seq)
            if part and part[0].seq < first_seq:
                first, first_seq = snapshot, part[0].seq
        return first

    def _charge_part(self, part: Sequence[Entry]) -> None:
        after, self._charged_to = self._charged_to, min(part[-1].seq, self._removed_to)
        removed = [entry for entry in part if after < entry.seq <= self._charged_to]
        for segment in _segments(removed) if removed else ():
            byte_count = sum([_ENTRY_BYTES + entry.value.byte_count for entry in segment])
            self._charged.append((segment[-1].seq, byte_count))
            self._backlog.add(byte_count)

    def _moved(self, snapshot: Snapshot, before: int) -> None:
        """Note that a snapshot has given another part, or has ended.

        It had given all up to ``before``.
        """
        if snapshot.is_closed:
            del self._snapshots[snapshot]
            if not self._snapshots:
                self._ended()
        charged = self._charged
        if not charged or charged[0][0] <= before:
            return
        given = min([each.given for each in self._snapshots], default=self._charged_to)
        while charged and charged[0][0] <= given:
            self._backlog.add(-charged.popleft()[1])


class Snapshot:
    """References to entries, in segments that are let go of as they are given.

    ``given``: the newest number that was given. ``is_closed``: it will give no more.
    """

    def __init__(
        self,
        lists: Sequence[list[Entry]],
        backlog: Backlog,
        *,
        passing: Sequence[Entry] = (),
        moved: Callable[[Snapshot, int], None] = lambda snapshot, before: None,
    ) -> None:
        """Leave ``lists`` as they are; of them ``passing`` are charged from the beginning.

        ``moved`` is called when something was given, with what was ``given`` before.
        """
        self.count = sum(map(len, lists))
        self.given = 0
        self.is_closed = False
        self._backlog = backlog
        self._moved = moved
        self._lists = list(lists)
        self._place = 0  # the first that was not begun
        self._segments: deque[list[Entry]] = deque()  # of what was the first list
        self._passing = deque(passing)
        # All lists but the first and the last are the stream's own, and those with passing entries.
        copied = min(self.count, len(passing) * CHUNK_LENGTH)
        self._cost_bytes = _OWN_BYTES + _REFERENCE_BYTES * (len(lists) + copied)
        backlog.add(self._cost_bytes)
        for entry in passing:
            backlog.hold(entry, _ENTRY_BYTES + entry.value.byte_count)

    def __iter__(self) -> Iterator[Sequence[Entry]]:
        yield from self._segments
        for entries in self._lists[self._place :]:
            yield from _segments(entries)

    def part_above(self, seq: int) -> Sequence[Entry] | None:
        """Return the first part of what is yet to be given that goes beyond a sequence number."""
        for segment in self._segments:
            if segment[-1].seq > seq:
                return segment
        place = bisect_right(self._lists, seq, lo=self._place, key=_newest)
        return self._lists[place] if place < len(self._lists) else None

    def next(self) -> Sequence[Entry] | None:
        """Let go of the first segment, and return it; ``None`` where that was the last."""
        if not self._segments:
            if self._place == len(self._lists):
                return None
            self._segments.extend(_segments(self._lists[self._place]))
            self._lists[self._place] = []
            self._place += 1
        segment = self._segments.popleft()
        before, self.given = self.given, segment[-1].seq
        while self._passing and self._passing[0].seq <= self.given:
            self._release(self._passing.popleft())
        self._moved(self, before)
        return segment

    def close(self) -> None:
        """Let go of all that is left."""
        if self.is_closed:
            return
        self.is_closed = True
        self._segments.clear()
        self._lists, self._place = [], 0
        while self._passing:
            self._release(self._passing.popleft())
        self._backlog.add(-self._cost_bytes)
        self._moved(self, self.given)

    def _release(self, entry: Entry) -> None:
        self._backlog.release(entry, _ENTRY_BYTES + entry.value.byte_count)


class Listed:
    """Other items of an answer; ``cost`` is how many bytes one of them takes while it waits.

    ``cost_bytes`` is that of all of them.
    """

    def __init__(self, items: Sequence[Any], backlog: Backlog, cost: Callable[[Any], int]) -> None:
        self.count = len(items)
        self.cost_bytes = 0
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
            self.cost_bytes += cost(item)
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

    def take(self) -> list[Any]:
        """Let go of all items, and return them."""
        items = [item for segment in self._segments for item in segment]
        self.close()
        return items

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


def _newest(entries: Sequence[Entry]) -> int:
    return entries[-1].seq
