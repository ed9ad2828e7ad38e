"""The broker of one process that keeps its rooms in memory, as long as it runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from ..protocol.errors import BadMessage, QuotaExceeded, Refusal
from ..protocol.messages import Push
from ..protocol.name import new_id
from ..protocol.value import Value
from ..rooms.memory_budget import MemoryBudget
from ..rooms.producer import Producers
from ..rooms.quota import Quota
from ..rooms.room import Room
from ..rooms.window import WindowLimits
from .broker import Audience, Pusher, RoomSummary

__all__ = ["MemoryBroker"]


class MemorySequencer:
    """Applies a push at once."""

    __slots__ = ("_audience", "_clock", "_memory", "room")

    def __init__(
        self, room: Room, audience: Audience, memory: MemoryBudget, clock: Callable[[], float]
    ) -> None:
        self.room = room
        self._memory = memory
        self._audience = audience
        self._clock = clock

    @property
    def producers(self) -> Producers:
        """Which pushes of which clients were applied."""
        return self.room.producers

    def push(self, push: Push, values: Sequence[Value], pusher: Pusher) -> bool:
        """Apply, broadcast, answer."""
        try:
            applied = self.room.apply(
                push,
                values,
                client=pusher.client,
                author=pusher.author,
                now=self._clock(),
                free_bytes=self._memory.free_bytes,
            )
        except Refusal as refusal:
            pusher.answer(push, refusal)
            return False
        self._audience.broadcast(applied)
        if push.id is not None or applied.value_count > 1 or pusher.hears_all:
            pusher.answer(push, applied)
        return False


class MemoryBroker:
    """Rooms in memory.

    ``room_limit``: how many rooms there may be at once. ``quota``, ``window_limits``: of each room.
    ``memory``: of all of them (``None``: no bound).
    ``clock``: seconds since 1970. ``trouble``: why rooms are not kept where they should be.
    """

    journal = None

    def __init__(
        self,
        *,
        room_limit: int = 100_000,
        quota: Quota | None = None,
        window_limits: WindowLimits | None = None,
        memory: MemoryBudget | None = None,
        clock: Callable[[], float] = time.time,
        trouble: str | None = None,
    ) -> None:
        self.memory = memory or MemoryBudget()
        self.trouble = trouble
        self._rooms: dict[str, Room] = {}
        self._used_at: dict[str, float] = {}
        self._in_use: set[str] = set()
        self._room_limit = room_limit
        self._quota = quota
        self._window_limits = window_limits
        self._clock = clock

    async def has(self, name: str) -> bool:
        """Whether there is a room of that name."""
        return name in self._rooms

    async def create(self, name: str) -> None:
        """Make an empty room of that name, unless there is one (see :class:`.broker.Broker`)."""
        if name in self._rooms:
            return
        if len(self._rooms) >= self._room_limit:
            raise QuotaExceeded(f"expected at most {self._room_limit} rooms, got one more")
        room = Room(epoch=new_id(), quota=self._quota, window_limits=self._window_limits)
        room.charge(self.memory)
        self._rooms[name] = room
        self._used_at[name] = self._clock()

    async def open(self, name: str, audience: Audience) -> MemorySequencer | None:
        """Take part in a room; ``None`` where there is no room of that name."""
        room = self._rooms.get(name)
        if room is None:
            return None
        self._in_use.add(name)
        return MemorySequencer(room, audience, self.memory, self._clock)

    async def leave(self, name: str) -> None:
        """Take part no more; the room stays in memory."""
        self._in_use.discard(name)
        self._used_at[name] = self._clock()

    async def restore(self, name: str, room: Room) -> None:
        """Take a whole room, under a name that no other has (see :class:`.broker.Broker`)."""
        if name in self._rooms:
            raise BadMessage(f"expected the name of no room, got {name!r}")
        await self.create(name)
        try:
            room.charge(self.memory)
        except QuotaExceeded:
            await self.delete(name)
            raise
        self._rooms[name].release()
        self._rooms[name] = room

    async def delete(self, name: str) -> bool:
        """Forget a room, and tell whether there was one (see :class:`.broker.Broker`)."""
        self._in_use.discard(name)
        self._used_at.pop(name, None)
        room = self._rooms.pop(name, None)
        if room is not None:
            room.release()
        return room is not None

    async def expire(self, *, before: float) -> list[str]:
        """Delete the rooms in which nobody takes part nor did since then; returns their names."""
        names = [
            name
            for name, used_at in self._used_at.items()
            if used_at < before and name not in self._in_use
        ]
        for name in names:
            await self.delete(name)
        return names

    async def summaries(self) -> list[RoomSummary]:
        """All rooms, by name."""
        now = self._clock()
        return [
            RoomSummary(
                name,
                room.seq,
                len(room.keys),
                room.byte_count,
                now if name in self._in_use else self._used_at[name],
            )
            for name, room in sorted(self._rooms.items())
        ]

    async def vacuum(self) -> int:
        """Do nothing: no disk is used."""
        return 0

    async def check(self) -> list[str]:
        """Find nothing: no disk is used."""
        return []

    async def backup(self, target: str, *, progress: Callable[[int, int], None]) -> int:
        """Refuse: nothing is kept."""
        raise BadMessage("expected rooms that are kept in a file, got some that are in memory")

    async def close(self) -> None:
        """Forget everything."""
        for room in self._rooms.values():
            room.release()
        self._rooms.clear()
