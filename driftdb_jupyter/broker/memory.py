"""The broker of one process that keeps its rooms in memory, as long as it runs."""

from __future__ import annotations

import time
from collections.abc import Sequence

from ..protocol.errors import QuotaExceeded, Refusal
from ..protocol.messages import Push
from ..protocol.name import new_id
from ..protocol.value import Value
from ..rooms.quota import Quota
from ..rooms.room import Room
from ..rooms.window import WindowLimits
from .broker import Audience, Pusher

__all__ = ["MemoryBroker"]


class MemorySequencer:
    """Applies a push at once."""

    __slots__ = ("_audience", "room")

    def __init__(self, room: Room, audience: Audience) -> None:
        self.room = room
        self._audience = audience

    def push(self, push: Push, values: Sequence[Value], pusher: Pusher) -> None:
        """Apply, broadcast, answer."""
        try:
            applied = self.room.apply(
                push, values, client=pusher.client, author=pusher.author, now=time.time()
            )
        except Refusal as refusal:
            pusher.answer(push, refusal)
            return
        self._audience.broadcast(applied)
        pusher.answer(push, applied)


class MemoryBroker:
    """Rooms in memory.

    ``room_limit``: how many rooms there may be at once. ``quota``, ``window_limits``: of each room.
    """

    def __init__(
        self,
        *,
        room_limit: int = 100_000,
        quota: Quota | None = None,
        window_limits: WindowLimits | None = None,
    ) -> None:
        self._rooms: dict[str, Room] = {}
        self._room_limit = room_limit
        self._quota = quota
        self._window_limits = window_limits

    async def create(self, name: str) -> None:
        """Make an empty room of that name, unless there is one (see :class:`.broker.Broker`)."""
        if name in self._rooms:
            return
        if len(self._rooms) >= self._room_limit:
            raise QuotaExceeded(f"expected at most {self._room_limit} rooms, got one more")
        self._rooms[name] = Room(
            epoch=new_id(), quota=self._quota, window_limits=self._window_limits
        )

    async def open(self, name: str, audience: Audience) -> MemorySequencer | None:
        """Take part in a room; ``None`` where there is no room of that name."""
        room = self._rooms.get(name)
        return MemorySequencer(room, audience) if room is not None else None

    async def close(self) -> None:
        """Forget everything."""
        self._rooms.clear()
