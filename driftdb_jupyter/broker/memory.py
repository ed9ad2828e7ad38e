"""The broker of one process that keeps its rooms in memory, as long as it runs."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence

from ..access.room_access import NO_CHANGE, Change, RoomAccess, changes_rights
from ..protocol.errors import BadMessage, QuotaExceeded, Refusal
from ..protocol.messages import Push
from ..protocol.name import new_id
from ..protocol.value import Value
from ..rooms.memory_budget import MemoryBudget
from ..rooms.presence import Presence, PresenceLimits
from ..rooms.quota import Quota
from ..rooms.room import Room
from ..rooms.window import WindowLimits
from .broker import NOBODY, Audience, Commits, Pusher, RoomSummary
from .clients import Clients
from .memory_presence import MemoryPresence
from .presence import PresenceAudience
from .served_time import ServedTime

__all__ = ["MemoryBroker", "MemorySequencer"]

_log = logging.getLogger("driftdb_jupyter")


class MemorySequencer:
    """Applies a push at once.

    ``audience`` is :data:`~.broker.NOBODY` while nobody takes part; ``used_at``: when somebody last
    did.
    """

    __slots__ = ("_clock", "audience", "clients", "room", "used_at")

    reads_wait = False

    def __init__(self, room: Room, clock: Callable[[], float], *, producer_limit: int) -> None:
        self.room = room
        self.clients = Clients(room.producers, limit=producer_limit)
        self.audience: Audience = NOBODY
        self.used_at = clock()
        self._clock = clock

    def behind(self, epoch: str, seq: int) -> None:
        """Wait for nothing: nobody knows more than what is here."""

    def push(self, push: Push, values: Sequence[Value], pusher: Pusher) -> bool:
        """Apply, broadcast, answer."""
        clock = self._clock  # called in two steps: it is no method
        try:
            applied = self.room.apply(push, values, pusher.client, pusher.author, clock())
        except Refusal as refusal:
            pusher.answer(push, refusal)
            return False
        try:
            self.audience.broadcast(applied)
        except Exception:
            _log.exception("A broadcast failed")
        if push.id is not None or applied.value_count > 1 or pusher.hears_all:
            pusher.answer(push, applied)
        return False

    def joined(self, client: str) -> None:
        """Note that a client has opened a connection."""
        self.clients.joined(client)

    def left(self, client: str) -> None:
        """Note that a client has closed a connection."""
        self.clients.left(client, now=self._clock())


class MemoryBroker:
    """Rooms in memory.

    ``room_limit``: how many rooms there may be at once. ``producer_limit``: of how many clients
    pushes are remembered in a room. ``quota``, ``window_limits``: of each room. ``memory``: of all
    of them (``None``: no bound). ``clock``: seconds since 1970; ``monotonic``: seconds that nobody
    sets. ``trouble``: why rooms are not kept where they should be.
    """

    journal = None
    keeps = False
    shared = None
    warning = None

    def __init__(
        self,
        *,
        room_limit: int = 100_000,
        producer_limit: int = 10_000,
        quota: Quota | None = None,
        window_limits: WindowLimits | None = None,
        memory: MemoryBudget | None = None,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        trouble: str | None = None,
    ) -> None:
        self.memory = memory or MemoryBudget()
        self.trouble = trouble
        self.commits = Commits()
        self._rooms: dict[str, MemorySequencer] = {}
        self._room_limit = room_limit
        self._producer_limit = producer_limit
        self._quota = quota
        self._window_limits = window_limits
        self._clock = clock
        self._served = ServedTime(clock=clock, monotonic=monotonic)

    def look(self) -> None:
        """Find nothing: no disk is used."""

    async def has(self, name: str) -> bool:
        """Return True if there is a room of that name."""
        return name in self._rooms

    async def create(self, name: str) -> None:
        """Make an empty room of that name, unless there is one (see :class:`.broker.Broker`)."""
        if name not in self._rooms:
            room = Room(epoch=new_id(), quota=self._quota, window_limits=self._window_limits)
            self._take(name, room)

    async def access(self, name: str) -> RoomAccess | None:
        """Return who may do what in a room (see :class:`.broker.Broker`)."""
        sequencer = self._rooms.get(name)
        return None if sequencer is None else sequencer.room.access

    async def change_access(
        self, name: str, change: Change, *, expected: Change = NO_CHANGE
    ) -> bool:
        """Change who may do what in a room (see :class:`.broker.Broker`)."""
        sequencer = self._rooms.get(name)
        if sequencer is not None:
            sequencer.room.access.demand(expected)
            sequencer.room.change_access(change)
            if changes_rights(change):
                sequencer.audience.access_changed()
        return sequencer is not None

    async def open(self, name: str, audience: Audience) -> MemorySequencer | None:
        """Take part in a room; ``None`` where there is no room of that name."""
        sequencer = self._rooms.get(name)
        if sequencer is not None:
            sequencer.audience = audience
        return sequencer

    def presence(
        self, name: str, audience: PresenceAudience, *, limits: PresenceLimits, grace_seconds: float
    ) -> MemoryPresence:
        """Return what knows who is there in a room (see :class:`.broker.Broker`)."""
        presence = Presence(limits=limits, memory=self.memory)
        return MemoryPresence(presence, audience, grace_seconds=grace_seconds)

    async def leave(self, name: str) -> None:
        """Take part no more; the room stays in memory."""
        sequencer = self._rooms.get(name)
        if sequencer is not None:
            sequencer.audience = NOBODY
            sequencer.used_at = self._clock()

    async def restore(self, name: str, room: Room) -> None:
        """Take a whole room, under a name that no other has (see :class:`.broker.Broker`)."""
        if name in self._rooms:
            raise BadMessage(f"expected a name that is free, got {name!r}: there is such a room")
        self._take(name, room)

    async def replace(self, name: str, room: Room) -> None:
        """Take a whole room, in the place of another (see :class:`.broker.Broker`)."""
        other = self._rooms.pop(name, None)
        if other is not None:
            room.succeed(other.room)
        try:
            self._take(name, room)
        except QuotaExceeded:
            if other is not None:
                self._rooms[name] = other
            raise
        if other is not None:
            self._end(other).reset()

    async def delete(self, name: str) -> bool:
        """Forget a room, and tell whether there was one (see :class:`.broker.Broker`)."""
        sequencer = self._rooms.pop(name, None)
        if sequencer is not None:
            self._end(sequencer).deleted()
        return sequencer is not None

    async def expire(self, *, room_seconds: float, client_seconds: float) -> list[str]:
        """Forget what has not been used for that long (see :class:`.broker.Broker`)."""
        now = self._clock()
        clients_before = self._served.before(client_seconds)
        for sequencer in self._rooms.values():
            sequencer.clients.expire(before=clients_before, now=now)
        if not room_seconds:
            return []
        before = self._served.before(room_seconds)
        names = [
            name
            for name, sequencer in self._rooms.items()
            if sequencer.audience is NOBODY and sequencer.used_at < before
        ]
        for name in names:
            self._end(self._rooms.pop(name))
        return names

    async def summaries(self) -> list[RoomSummary]:
        """All rooms, by name."""
        now = self._clock()
        return [
            RoomSummary(
                name,
                sequencer.room.seq,
                sequencer.room.key_count,
                sequencer.room.byte_count,
                sequencer.used_at if sequencer.audience is NOBODY else now,
            )
            for name, sequencer in sorted(self._rooms.items())
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
        for sequencer in self._rooms.values():
            sequencer.room.release()
        self._rooms.clear()

    def _take(self, name: str, room: Room) -> None:
        if len(self._rooms) >= self._room_limit:
            raise QuotaExceeded(f"expected at most {self._room_limit} rooms, got one more")
        room.charge(self.memory)
        room.access.name = name
        self._rooms[name] = MemorySequencer(room, self._clock, producer_limit=self._producer_limit)

    @staticmethod
    def _end(sequencer: MemorySequencer) -> Audience:
        """Free a room that is no more; returns who is to hear of that."""
        sequencer.room.release()
        audience, sequencer.audience = sequencer.audience, NOBODY
        return audience
