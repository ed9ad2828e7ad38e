"""The rooms that are open in this process."""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable, Iterator
from itertools import takewhile

from ...access.room_access import NO_CHANGE, Change, RoomAccess
from ...broker.broker import Broker
from ...rooms.memory_budget import MemoryBudget
from ...rooms.memory_cost import HOSTED_ROOM_COST_BYTES
from ..limits.callers import Caller
from ..process.event_log import EventLog
from ..sending.turns import Turns
from .hosted_room import HostedRoom

__all__ = ["OpenRooms"]


class OpenRooms:
    """Opens rooms at the broker when they are first asked for, and leaves those that are unused.

    A room is opened once however many ask for it at the same time, and whoever asks for one that is
    being left or deleted waits for the end of that. ``host`` makes the audience of a room of that
    name. ``idle_seconds``: how long a room stays open that nobody is in. ``turns``: those in which
    unused rooms are left, for there may be thousands.
    """

    def __init__(
        self,
        broker: Broker,
        *,
        host: Callable[[str], HostedRoom],
        events: EventLog,
        idle_seconds: float,
        turns: Turns,
    ) -> None:
        self._broker = broker
        self._host = host
        self._events = events
        self._idle_seconds = idle_seconds
        self._turns = turns
        self._memory: MemoryBudget = broker.memory
        self._rooms: dict[str, HostedRoom] = {}
        self._creating: dict[str, asyncio.Task[bool]] = {}
        self._opening: dict[str, asyncio.Task[bool]] = {}
        self._leaving: dict[str, asyncio.Task[bool]] = {}  # or deleting
        # Since when nobody uses them, the longest first.
        self._idle: dict[HostedRoom, float] = {}
        self._unused: deque[HostedRoom] = deque()  # which are being left, one after the other
        self._absent: set[HostedRoom] = set()  # where clients left, and are still shown
        self._left_seqs = 0

    def __len__(self) -> int:
        """Return the number of open rooms."""
        return len(self._rooms)

    def __iter__(self) -> Iterator[HostedRoom]:
        """Iterate over the open rooms."""
        return iter(self._rooms.values())

    @property
    def newest(self) -> int:
        """A number that grows with every push."""
        return self._left_seqs + sum(hosted.sequencer.room.seq for hosted in self)

    async def create(self, name: str, *, maker: Caller | None = None) -> bool:
        """Make a room of that name unless it exists; returns whether this call made it.

        Of several calls at the same time one makes it, and it counts as a room of its ``maker``.
        Raises :class:`~..protocol.errors.QuotaExceeded` if no more rooms are allowed, of the maker
        or at all, and :class:`~..protocol.errors.Unavailable` if none can be made at the moment.
        """
        while (creating := self._creating.get(name)) is not None:
            await asyncio.wait([creating])
            if creating.exception() is None:
                return False
        creating = self._creating[name] = asyncio.create_task(self._create(name, maker))
        return await asyncio.shield(creating)

    async def has(self, name: str) -> bool:
        """Return whether there is a room of that name, without opening it.

        Raises :class:`~..protocol.errors.Unavailable` if that can't be read at the moment.
        """
        while task := self._leaving.get(name):
            await asyncio.wait([task])
        return name in self._rooms or await self._broker.has(name)

    async def access(self, name: str) -> RoomAccess | None:
        """Return who may do what in a room, ``None`` where there is none; doesn't open it.

        Raises :class:`~..protocol.errors.Unavailable` if that can't be read at the moment.
        """
        while task := self._leaving.get(name):
            await asyncio.wait([task])
        return await self._broker.access(name)

    async def change_access(
        self, name: str, change: Change, *, expected: Change = NO_CHANGE
    ) -> bool:
        """Change who may do what in a room; returns whether it exists.

        When this returns, the change is kept, and holds for all who are in the room. Raises as
        :meth:`~..broker.broker.Broker.change_access`.
        """
        while task := self._leaving.get(name):
            await asyncio.wait([task])
        return await self._broker.change_access(name, change, expected=expected)

    def find(self, name: str) -> HostedRoom | None:
        """Return the room of that name if it is open; doesn't open it."""
        return self._rooms.get(name)

    async def open(self, name: str) -> HostedRoom | None:
        """Open the room of that name; returns ``None`` if it does not exist.

        It stays open at least until the caller awaits something else; :meth:`enter` it to keep it.
        Raises :class:`~..protocol.errors.Unavailable` if it can't be read at the moment.
        """
        while (hosted := self._rooms.get(name)) is None or name in self._leaving:
            opening = self._opening.get(name)
            if opening is None:
                opening = self._opening[name] = asyncio.create_task(self._open(name))
            if not await asyncio.shield(opening):
                return None
        return hosted

    async def delete(self, name: str) -> bool:
        """Delete a room and close its peers with 4404; returns whether it existed.

        Raises :class:`~..protocol.errors.Unavailable` if it can't be deleted at the moment: the
        room and its peers stay as they are.
        """
        while task := self._opening.get(name) or self._leaving.get(name):
            await asyncio.wait([task])
        deleting = self._leaving[name] = asyncio.create_task(self._delete(name))
        return await asyncio.shield(deleting)

    def enter(self, hosted: HostedRoom) -> None:
        """Keep a room open for a connection or request, until :meth:`exit`."""
        hosted.users += 1
        self._idle.pop(hosted, None)

    def exit(self, hosted: HostedRoom) -> None:
        """End what :meth:`enter` began."""
        hosted.users -= 1
        if not hosted.users and self._rooms.get(hosted.name) is hosted:
            self._idle[hosted] = time.monotonic()

    def keep_presences(self, hosted: HostedRoom) -> None:
        """Keep a room open as long as clients that left are still shown in it."""
        if hosted.presence.leaving:
            self._absent.add(hosted)

    def tidy(self) -> None:
        """Forget the clients that left and did not come back, and leave unused rooms."""
        for hosted in list(self._absent):
            hosted.presence.expire()
            if not hosted.presence.leaving:
                self._absent.remove(hosted)
        if not self._unused:
            self._unused.extend(takewhile(self._is_unused, self._idle))
            self._leave_next()

    def relieve_memory(self) -> None:
        """Leave idle rooms that are kept elsewhere, the longest unused first, until enough is free.

        Enough is when the budget of memory is no longer tight.
        """
        if not self._broker.keeps:
            return
        expected = self._memory.used_bytes
        for hosted in list(self._idle):
            if not self._memory.is_tight_at(expected):
                break
            if self._leave_idle(hosted):
                expected -= hosted.sequencer.room.cost_bytes

    async def settle(self) -> None:
        """Wait until the rooms that are being made, opened, left or deleted are so."""
        tasks = [*self._creating.values(), *self._opening.values(), *self._leaving.values()]
        await asyncio.gather(*tasks, return_exceptions=True)

    def put_away(self, hosted: HostedRoom) -> None:
        """Let go of a room that the broker has ended."""
        if self._rooms.get(hosted.name) is hosted:
            self._put_away(hosted)

    def _is_unused(self, hosted: HostedRoom) -> bool:
        return self._idle.get(hosted, math.inf) <= time.monotonic() - self._idle_seconds

    def _leave_next(self) -> None:
        if not self._unused:
            return
        hosted = self._unused.popleft()
        if self._unused:
            self._turns.wait(self._leave_next)
        if self._is_unused(hosted) and self._leave_idle(hosted):
            self._turns.end()  # the room is left after this turn

    def _leave_idle(self, hosted: HostedRoom) -> bool:
        if hosted in self._absent or hosted.name in self._leaving:
            return False
        self._put_away(hosted)
        self._leaving[hosted.name] = asyncio.create_task(self._leave(hosted.name))
        return True

    async def _open(self, name: str) -> bool:
        try:
            while name in self._leaving:
                await asyncio.wait([self._leaving[name]])
            if name in self._rooms:  # it was not deleted after all
                return True
            return await self._begin_hosting(self._host(name))
        finally:
            del self._opening[name]

    async def _begin_hosting(self, hosted: HostedRoom) -> bool:
        is_hosted = False
        try:
            sequencer = await self._broker.open(hosted.name, hosted)
            if sequencer is None:
                return False
            if not hosted.has_ended:  # else it did so at once, and is asked for again
                is_hosted = True
                hosted.sequencer = sequencer
                self._rooms[hosted.name] = hosted
                self._memory.charge(HOSTED_ROOM_COST_BYTES)
                self._idle[hosted] = time.monotonic()
                self._left_seqs -= sequencer.room.seq
            return True
        finally:
            if not is_hosted:
                hosted.presence.close()

    def _put_away(self, hosted: HostedRoom) -> None:
        del self._rooms[hosted.name]
        self._memory.release(HOSTED_ROOM_COST_BYTES)
        hosted.presence.close()
        self._idle.pop(hosted, None)
        self._absent.discard(hosted)
        self._left_seqs += hosted.sequencer.room.seq

    async def _create(self, name: str, maker: Caller | None) -> bool:
        try:
            if await self._broker.has(name):
                return False
            if maker is not None:
                maker.count_room()
            try:
                await self._broker.create(name)
            except BaseException:
                if maker is not None:
                    maker.uncount_room()
                raise
            return True
        finally:
            del self._creating[name]

    async def _leave(self, name: str) -> bool:
        try:
            await self._broker.leave(name)
            return True
        finally:
            del self._leaving[name]

    async def _delete(self, name: str) -> bool:
        try:
            there = await self._broker.delete(name)
            if there:
                self._events.deleted(name)
            return there
        finally:
            del self._leaving[name]
