"""A draft: what happened in a room since it was last written."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from operator import attrgetter
from typing import TypeAlias

from ...protocol.entry import Entry
from ...rooms.room import Applied

__all__ = ["Change", "Draft", "Runs"]

Runs: TypeAlias = "list[list[int]]"
"""Runs of ``[id, seq, count]``: that many ids from ``id`` on got the numbers from ``seq`` on."""

# What gathers where nothing can be written for long; a run takes some 200 bytes.
_MOST_RUNS = 4096

_seq = attrgetter("seq")


class Change:
    """The change of one stream: all up to ``removed`` is gone, and ``kept`` is new, ascending."""

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
    """The part of a room that is to be written.

    ``changes`` by key; ``ids``: of pushes that are written with them, by client; ``relay_ids``: of
    relays, which go along. ``whole``: the clients all of whose ids are to be written instead, for
    their runs were too many to be kept here. ``forgotten``: the clients of whom nothing is
    remembered any more. ``touched``: the room's row is to be written in any case; ``ending``: and
    all that a clean end needs.

    All but the first two are facts that no failing commit takes back: :meth:`facts` keeps them.
    """

    __slots__ = (
        "_run_count",
        "changes",
        "ending",
        "forgotten",
        "ids",
        "relay_ids",
        "touched",
        "whole",
    )

    def __init__(self) -> None:
        self.changes: dict[str, Change] = {}
        self.ids: dict[str, Runs] = {}
        self.relay_ids: dict[str, Runs] = {}
        self.whole: set[str] = set()
        self.forgotten: set[str] = set()
        self.touched = False
        self.ending = False
        self._run_count = 0

    def __bool__(self) -> bool:
        return self.has_pushes or bool(self.forgotten or self.touched)

    @property
    def has_pushes(self) -> bool:
        """Whether pushes are to be written, or ids of pushes."""
        return bool(self.changes or self.ids or self.relay_ids or self.whole)

    def note(self, applied: Applied) -> None:
        """Take down what a push changed."""
        change = self.changes.get(applied.key)
        if change is None:
            self.changes[applied.key] = Change(applied.kept, applied.removed)
        else:
            change.follow(applied)

    def hold(self, key: str, entries: Sequence[Entry]) -> None:
        """Take down all that a stream holds which was never written."""
        self.changes[key] = Change(entries)

    def note_id(self, client: str, push_id: int, seq: int, *, relay: bool) -> int:
        """Take down that a push was applied; returns how many runs of that client wait."""
        ids = self.relay_ids if relay else self.ids
        runs = ids.get(client)
        if runs is None:
            if client in self.whole:
                return 0
            runs = ids[client] = []
        else:
            run = runs[-1]
            if push_id == run[0] + run[2] and seq == run[1] + run[2]:
                run[2] += 1
                return len(runs)
        runs.append([push_id, seq, 1])
        self._run_count += 1
        if self._run_count > _MOST_RUNS:
            self.whole.update(self.ids, self.relay_ids)
            self.ids, self.relay_ids, self._run_count = {}, {}, 0
        return len(runs)

    def facts(self, later: Draft) -> Draft:
        """Return what has to be written even if the pushes of both drafts never were."""
        facts = Draft()
        for draft in (self, later):
            # All that is left of these clients' ids are those of relays, and of what was written.
            facts.whole.update(draft.whole, draft.relay_ids)
            facts.forgotten |= draft.forgotten
            facts.touched |= draft.touched
            facts.ending |= draft.ending
        return facts
