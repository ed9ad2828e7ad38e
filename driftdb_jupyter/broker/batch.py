"""A batch: the rows that one commit writes, of all rooms together."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from operator import attrgetter
from typing import TypeAlias

from msgspec import Struct, field

from ..protocol.entry import Entry
from ..rooms.room import Applied

__all__ = ["Batch", "Change", "Draft", "Row"]

Row: TypeAlias = "tuple[object, ...]"

# More than ids are remembered of a client.
_MOST_RUNS = 4096

_seq = attrgetter("seq")


class Batch(Struct):
    """Rows by what is to be done with them, in this order.

    ``removed``: (room, key, seq): what the stream holds up to that number goes.
    ``rooms``, ``authors``, ``entries``, ``producers``, ``ids``: rows of these tables, which take
    the place of what has the same key. ``left``: (producer,): the clients that are forgotten.
    ``forgotten``: (producer, id): older ids go.
    """

    rooms: list[Row] = field(default_factory=list)
    removed: list[Row] = field(default_factory=list)
    authors: list[Row] = field(default_factory=list)
    entries: list[Row] = field(default_factory=list)
    left: list[Row] = field(default_factory=list)
    producers: list[Row] = field(default_factory=list)
    forgotten: list[Row] = field(default_factory=list)
    ids: list[Row] = field(default_factory=list)


class Change:
    """What became of one stream: all up to ``removed`` is gone, and ``kept`` is new, ascending."""

    __slots__ = ("kept", "removed")

    def __init__(self, kept: Sequence[Entry], removed: int = 0) -> None:
        self.removed = removed
        self.kept = list(kept)

    def follow(self, applied: Applied) -> None:
        """Another push changed the stream."""
        kept, removed = self.kept, applied.removed
        if removed:
            self.removed = max(self.removed, removed)
            if kept and kept[-1].seq <= removed:
                kept.clear()  # as a replace does
            elif kept and kept[0].seq <= removed:
                del kept[: bisect_right(kept, removed, key=_seq)]
        if kept and applied.kept and applied.kept[0].seq < kept[0].seq:
            kept[:0] = applied.kept  # a compact
        else:
            kept.extend(applied.kept)


class Draft:
    """What happened in one room since it was last written.

    ``changes`` by key; ``ids``: runs of ``[id, seq, count]`` by client.
    """

    __slots__ = ("changes", "ids")

    def __init__(self) -> None:
        self.changes: dict[str, Change] = {}
        self.ids: dict[str, list[list[int]]] = {}

    def note(self, applied: Applied) -> None:
        """Take down what a push changed."""
        change = self.changes.get(applied.key)
        if change is None:
            self.changes[applied.key] = Change(applied.kept, applied.removed)
        else:
            change.follow(applied)

    def note_id(self, client: str, push_id: int, seq: int) -> int:
        """A client's push was applied; returns how many runs wait to be written for it."""
        runs = self.ids.setdefault(client, [])
        if runs:
            run = runs[-1]
            if push_id == run[0] + run[2] and seq == run[1] + run[2]:
                run[2] += 1
                return len(runs)
        runs.append([push_id, seq, 1])
        if len(runs) > _MOST_RUNS:  # as where nothing can be written for long
            del runs[: _MOST_RUNS // 2]
        return len(runs)
