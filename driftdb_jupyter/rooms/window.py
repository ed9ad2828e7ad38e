"""The recovery window: a room's newest broadcasts, for clients that come back.

Protocol, "Missing nothing".
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from ..protocol.entry import Entry

__all__ = ["NOTHING", "Window", "WindowLimits"]

_FORGOTTEN_KEYS = 10_000


@dataclass(frozen=True, kw_only=True)
class WindowLimits:
    """How much of the past is kept; what passes any of the bounds is forgotten, the oldest first.

    ``count``: broadcasts of a room. ``bytes``: of their values. ``seconds``: since they came.
    """

    count: int = 1_000
    bytes: int = 1024 * 1024
    seconds: float = 300.0


NOTHING = WindowLimits(count=0, bytes=0)


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

    def add(self, key: str, seq: int) -> None:
        self._by_key[key] = seq
        if len(self._by_key) > _FORGOTTEN_KEYS:
            self._floor = max(self._floor, *self._by_key.values())
            self._by_key.clear()


class Window:
    """The newest broadcasts of one room, and for each key what is no longer among them.

    ``forgotten``: the room's newest sequence number that was broadcast before this window was made;
    ``forgotten_relay``: the newest of those that was a relay's.
    """

    __slots__ = ("_broadcasts", "_bytes", "_forgotten", "_forgotten_relays", "_limits")

    def __init__(
        self, limits: WindowLimits, *, forgotten: int = 0, forgotten_relay: int = 0
    ) -> None:
        self._limits = limits
        self._broadcasts: deque[tuple[str, Entry, bool]] = deque()
        self._bytes = 0
        self._forgotten = Forgotten(forgotten)
        self._forgotten_relays = Forgotten(forgotten_relay)

    def __len__(self) -> int:
        return len(self._broadcasts)

    def add(self, key: str, entry: Entry, kept: bool) -> None:
        """Note a broadcast; ``kept``: the key's stream holds it."""
        self._broadcasts.append((key, entry, kept))
        self._bytes += entry.size
        if len(self._broadcasts) > self._limits.count or self._bytes > self._limits.bytes:
            self._shrink()

    def deleted(self, key: str, seq: int) -> None:
        """Note that a stream was deleted: no list of values tells that to who missed it."""
        self._forgotten.add(key, seq)

    def above(self, key: str, seq: int) -> list[Entry] | None:
        """Every broadcast on a key above a sequence number; ``None`` where one was forgotten."""
        if seq < self._forgotten[key]:
            return None
        return [e for k, e, _ in self._broadcasts if k == key and e.seq > seq]

    def relays_above(self, key: str, seq: int) -> list[Entry] | None:
        """Those of them that no stream held; ``None`` where one was forgotten."""
        if seq < self._forgotten_relays[key]:
            return None
        return [e for k, e, kept in self._broadcasts if k == key and e.seq > seq and not kept]

    def expire(self, *, now: float) -> None:
        """Forget what is too old (``now`` by the clock of the entries' times)."""
        before = now - self._limits.seconds
        while self._broadcasts and self._broadcasts[0][1].time < before:
            self._forget_oldest()

    def _shrink(self) -> None:
        # More than must be, so that it needn't be done for every push.
        count, size = self._limits.count * 3 // 4, self._limits.bytes * 3 // 4
        while self._broadcasts and (len(self._broadcasts) > count or self._bytes > size):
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        key, entry, kept = self._broadcasts.popleft()
        self._bytes -= entry.size
        self._forgotten.add(key, max(entry.seq, self._forgotten[key]))
        if not kept:
            self._forgotten_relays.add(key, entry.seq)
