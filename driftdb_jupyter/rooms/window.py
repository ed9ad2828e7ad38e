"""The recovery window: a room's newest broadcasts, for clients that come back.

Protocol, "Missing nothing".
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from msgspec import Struct

from ..protocol.entry import Entry

__all__ = ["Window", "WindowLimits"]

_FORGOTTEN_KEYS = 10_000


@dataclass(frozen=True, kw_only=True)
class WindowLimits:
    """How much of the past is kept; what passes any of the bounds is forgotten, the oldest first.

    ``count``: broadcasts of a room. ``bytes``: of their values. ``seconds``: since they came.
    """

    count: int = 1_000
    bytes: int = 1024 * 1024
    seconds: float = 300.0


class Forgotten:
    """For each key the newest sequence number that was forgotten.

    So that a quiet key recovers in a busy room. Of too many keys one number is kept for all.
    """

    __slots__ = ("_by_key", "_floor")

    def __init__(self, floor: int) -> None:
        self._by_key: dict[str, int] = {}
        self._floor = floor

    def __getitem__(self, key: str) -> int:
        return self._by_key.get(key, self._floor)

    def update(self, newest: Mapping[str, int]) -> None:
        for key, seq in newest.items():
            if seq > self[key]:
                self._by_key[key] = seq
        if len(self._by_key) > _FORGOTTEN_KEYS:
            self._floor = max(self._floor, *self._by_key.values())
            self._by_key.clear()


class Broadcast(Struct, gc=False):
    """One of them; ``kept``: the key's stream holds it, or did."""

    key: str
    entry: Entry
    kept: bool


class Window:
    """The newest broadcasts of one room, and for each key what is no longer among them.

    ``forgotten``: the room's newest sequence number that was broadcast before this window was made;
    ``forgotten_relay``: the newest of those that no stream held, or that was a deletion's.
    """

    __slots__ = ("_broadcasts", "_bytes", "_forgotten", "_forgotten_relays", "_limits")

    def __init__(
        self, limits: WindowLimits, *, forgotten: int = 0, forgotten_relay: int = 0
    ) -> None:
        self._limits = limits
        self._broadcasts: list[Broadcast] = []
        self._bytes = 0
        self._forgotten = Forgotten(forgotten)
        self._forgotten_relays = Forgotten(forgotten_relay)

    def __len__(self) -> int:
        return len(self._broadcasts)

    def add(self, key: str, entries: Sequence[Entry], *, kept: bool) -> None:
        """Note what was broadcast; ``kept``: the key's stream holds it."""
        for entry in entries:
            self._broadcasts.append(Broadcast(key, entry, kept))
            self._bytes += entry.value.size
        if self._bytes > self._limits.bytes or len(self._broadcasts) > self._limits.count:
            self._shrink()

    def deleted(self, key: str, seq: int) -> None:
        """Note that a stream was deleted: no list of values tells that to who missed it."""
        self._forgotten.update({key: seq})
        self._forgotten_relays.update({key: seq})

    def above(self, key: str, seq: int) -> list[Entry] | None:
        """Every broadcast on a key above a sequence number; ``None`` where one was forgotten."""
        if seq < self._forgotten[key]:
            return None
        return [b.entry for b in self._broadcasts if b.key == key and b.entry.seq > seq]

    def relays_above(self, key: str, seq: int) -> list[Entry] | None:
        """Those of them that no stream held; ``None`` where one was forgotten."""
        if seq < self._forgotten_relays[key]:
            return None
        return [
            b.entry for b in self._broadcasts if b.key == key and b.entry.seq > seq and not b.kept
        ]

    def expire(self, *, now: float) -> None:
        """Forget what is too old (``now`` by the clock of the entries' times)."""
        before = now - self._limits.seconds
        if self._broadcasts and self._broadcasts[0].entry.time < before:
            times = [b.entry.time for b in self._broadcasts]
            self._forget(bisect_left(times, before))

    def _shrink(self) -> None:
        # To the half, so that it needn't be done for every push.
        size, keep = 0, 0
        for broadcast in reversed(self._broadcasts):
            size += broadcast.entry.value.size
            if size > self._limits.bytes // 2 or keep == self._limits.count // 2:
                break
            keep += 1
        self._forget(len(self._broadcasts) - keep)

    def _forget(self, count: int) -> None:
        oldest = self._broadcasts[:count]
        del self._broadcasts[:count]
        self._bytes -= sum([b.entry.value.size for b in oldest])
        # Ascending, so that the newest of each key stays.
        self._forgotten.update({b.key: b.entry.seq for b in oldest})
        self._forgotten_relays.update({b.key: b.entry.seq for b in oldest if not b.kept})
