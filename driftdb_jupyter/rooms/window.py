"""The recovery window: a room's newest broadcasts, for clients that come back.

Protocol, "Missing nothing".
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import TypeAlias

from msgspec import Struct

from ..protocol.entry import Entry
from .memory_budget import MemoryBudget
from .memory_cost import (
    AUTHOR_COST_BYTES,
    BROADCAST_COST_BYTES,
    FORGOTTEN_COST_BYTES,
    VALUE_COST_BYTES,
    cost_of_text,
)

__all__ = ["Broadcast", "ForgottenSeqs", "Window", "WindowLimits"]

_FORGOTTEN_KEYS = 10_000
# Of a broadcast, beside its key and its value's bytes, even if nothing else holds its parts.
_FLAT_COST = BROADCAST_COST_BYTES + VALUE_COST_BYTES + AUTHOR_COST_BYTES

_seq = attrgetter("entry.seq")
_time = attrgetter("entry.time")


@dataclass(frozen=True, kw_only=True)
class WindowLimits:
    """The bounds of a recovery window; past any of them the oldest broadcasts are forgotten.

    ``count``: broadcasts of a room. ``cost_bytes``: of memory that they take. ``seconds``: since
    they came.
    """

    count: int = 1_000
    cost_bytes: int = 1024 * 1024
    seconds: float = 300.0


ForgottenSeqs: TypeAlias = tuple[int, dict[str, int]]
"""The newest number that was forgotten of keys in general, and of single keys."""


class Forgotten:
    """For each key the newest sequence number that was forgotten.

    So that a quiet key recovers in a busy room. If there are too many keys, or they are too long
    (``limit_bytes``), one number is kept for all.
    """

    __slots__ = ("_by_key", "_floor", "_limit_bytes", "cost_bytes")

    def __init__(self, floor: int, *, limit_bytes: int) -> None:
        self.cost_bytes = 0
        self._by_key: dict[str, int] = {}
        self._floor = floor
        self._limit_bytes = limit_bytes

    def __getitem__(self, key: str) -> int:
        return self._by_key.get(key, self._floor)

    def seqs(self) -> ForgottenSeqs:
        return self._floor, dict(self._by_key)

    def restore(self, seqs: ForgottenSeqs) -> None:
        self._floor, by_key = seqs
        self._by_key.clear()
        self.cost_bytes = 0
        self.update(by_key)

    def update(self, newest: Mapping[str, int]) -> None:
        for key, seq in newest.items():
            if seq > self[key]:
                if key not in self._by_key:
                    self.cost_bytes += FORGOTTEN_COST_BYTES + cost_of_text(key)
                self._by_key[key] = seq
        if len(self._by_key) > _FORGOTTEN_KEYS or self.cost_bytes > self._limit_bytes:
            self._floor = max(self._floor, *self._by_key.values())
            self._by_key.clear()
            self.cost_bytes = 0


class Broadcast(Struct, gc=False):
    """One of them; ``kept``: the key's stream holds it, or did."""

    key: str
    entry: Entry
    kept: bool


class Window:
    """The newest broadcasts of one room, and for each key what is no longer among them.

    ``forgotten``: the room's newest sequence number that was broadcast before this window was made;
    ``forgotten_relay``: the newest of those that no stream held, or that was a deletion's.
    ``memory``: the budget that is charged with what the window costs. While nothing of it is free
    the window keeps less and less.
    """

    __slots__ = (
        "_broadcasts",
        "_broadcasts_cost",
        "_forgotten",
        "_forgotten_relays",
        "_limit_bytes",
        "_limit_count",
        "_memory",
        "_seconds",
    )

    def __init__(
        self,
        limits: WindowLimits,
        *,
        forgotten: int = 0,
        forgotten_relay: int = 0,
        memory: MemoryBudget | None = None,
    ) -> None:
        self._limit_count, self._limit_bytes = limits.count, limits.cost_bytes
        self._seconds = limits.seconds
        self._memory = memory or MemoryBudget()
        self._broadcasts: list[Broadcast] = []
        self._broadcasts_cost = 0
        self._forgotten = Forgotten(forgotten, limit_bytes=limits.cost_bytes)
        self._forgotten_relays = Forgotten(forgotten_relay, limit_bytes=limits.cost_bytes)

    def __len__(self) -> int:
        return len(self._broadcasts)

    @property
    def broadcasts(self) -> Sequence[Broadcast]:
        """The broadcasts that it remembers, ascending; not to be changed."""
        return self._broadcasts

    @property
    def forgotten(self) -> ForgottenSeqs:
        """The newest numbers that it forgot of all broadcasts."""
        return self._forgotten.seqs()

    @property
    def forgotten_relays(self) -> ForgottenSeqs:
        """The newest numbers that it forgot of those that no stream held."""
        return self._forgotten_relays.seqs()

    def forget(self, forgotten: ForgottenSeqs, *, relays: ForgottenSeqs) -> None:
        """Forget what another window did, whose broadcasts are added to this one."""
        before = self.cost_bytes
        self._forgotten.restore(forgotten)
        self._forgotten_relays.restore(relays)
        self._memory.charge(self.cost_bytes - before)

    @property
    def cost_bytes(self) -> int:
        """The bytes of memory that it takes."""
        forgotten = self._forgotten.cost_bytes + self._forgotten_relays.cost_bytes
        return self._broadcasts_cost + forgotten

    def charge(self, memory: MemoryBudget) -> None:
        """Charge another budget from now on."""
        self._memory.free_bytes += self.cost_bytes
        self._memory = memory
        memory.free_bytes -= self.cost_bytes

    def add(self, key: str, entries: Sequence[Entry], *, kept: bool) -> None:
        """Note what was broadcast; ``kept``: the key's stream holds it."""
        broadcasts = self._broadcasts
        cost_bytes = len(entries) * (_FLAT_COST + key.__sizeof__())
        for entry in entries:
            broadcasts.append(Broadcast(key, entry, kept))
            cost_bytes += entry.value.byte_count
        memory = self._memory
        memory.free_bytes -= cost_bytes
        self._broadcasts_cost += cost_bytes
        if (
            self._broadcasts_cost > self._limit_bytes
            or len(broadcasts) > self._limit_count
            or memory.free_bytes < 0
        ):
            self._shrink()

    def deleted(self, key: str, seq: int) -> None:
        """Note that a stream was deleted: no values tell that to a client that missed it."""
        before = self.cost_bytes
        self._forgotten.update({key: seq})
        self._forgotten_relays.update({key: seq})
        self._memory.charge(self.cost_bytes - before)

    def above(self, key: str, seq: int) -> list[Entry] | None:
        """Every broadcast on a key above a sequence number; ``None`` where one was forgotten."""
        if seq < self._forgotten[key]:
            return None
        return [b.entry for b in self._above(seq) if b.key == key]

    def relays_above(self, key: str, seq: int) -> list[Entry] | None:
        """Those of them that no stream held; ``None`` where one was forgotten."""
        if seq < self._forgotten_relays[key]:
            return None
        return [b.entry for b in self._above(seq) if b.key == key and not b.kept]

    def expire(self, *, now: float) -> None:
        """Forget what is too old (``now`` by the clock of the entries' times)."""
        before = now - self._seconds
        broadcasts = self._broadcasts
        if broadcasts and broadcasts[0].entry.time < before:
            count = bisect_left(broadcasts, before, key=_time)
            self._forget(count, sum([_cost(broadcast) for broadcast in broadcasts[:count]]))

    def _above(self, seq: int) -> list[Broadcast]:
        return self._broadcasts[bisect_right(self._broadcasts, seq, key=_seq) :]

    def _shrink(self) -> None:
        # To the half, so that it needn't be done for every push.
        limit_bytes = self._limit_bytes // 2
        if self._memory.free_bytes < 0:
            limit_bytes = min(limit_bytes, self._broadcasts_cost // 2)
        excess = len(self._broadcasts) - self._limit_count // 2
        excess_bytes = self._broadcasts_cost - limit_bytes
        count = cost_bytes = 0
        for broadcast in self._broadcasts:
            if count >= excess and cost_bytes >= excess_bytes:
                break
            count += 1
            cost_bytes += _cost(broadcast)
        self._forget(count, cost_bytes)

    def _forget(self, count: int, cost_bytes: int) -> None:
        """Forget the oldest, that many, and what they cost."""
        before = self.cost_bytes
        oldest = self._broadcasts[:count]
        del self._broadcasts[:count]
        self._broadcasts_cost -= cost_bytes
        # Ascending, so that the newest of each key stays.
        self._forgotten.update({b.key: b.entry.seq for b in oldest})
        self._forgotten_relays.update({b.key: b.entry.seq for b in oldest if not b.kept})
        self._memory.charge(self.cost_bytes - before)


def _cost(broadcast: Broadcast) -> int:
    return _FLAT_COST + broadcast.key.__sizeof__() + broadcast.entry.value.byte_count
