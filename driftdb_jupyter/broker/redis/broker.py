"""The broker of any number of servers that share their rooms through Redis."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec

from ...access.room_access import NO_CHANGE, Change, OutOfDate, RoomAccess
from ...protocol.errors import BadMessage, QuotaExceeded, Unavailable
from ...protocol.name import new_id
from ...rooms.memory_budget import MemoryBudget
from ...rooms.presence import PresenceLimits
from ...rooms.quota import Quota
from ...rooms.room import Room
from ...rooms.window import WindowLimits
from ..broker import Audience, Commits, RoomSummary
from ..presence import PresenceAudience
from .backup import write_backup
from .connecting import RedisPlace
from .open_rooms import DELETED, OPEN_ATTEMPTS, RESET, STOPPING, OpenRooms
from .presence import RedisPresence
from .presences import Presences
from .record import AccessChanged, Begun, Bounds, Record, encode_body
from .replica import HistoryLost
from .sequencer import RedisSequencer
from .shared import RedisShared
from .snapshot import Head, write_snapshot
from .store import MICROSECONDS, RoomDamaged, Store, read_access, written_bounds
from .tasks import Tasks

__all__ = ["RedisBroker"]

_log = logging.getLogger("driftdb_jupyter")

_UNREADABLE = (RoomDamaged, HistoryLost, msgspec.MsgspecError, ValueError)
_FACTS_AT_ONCE = 1000
_TOUCH_SECONDS = 3600.0
_SHORTEST_LEASE_SECONDS = 5.0
# How long after it was known to be up to date a server is said to be so: it looks once a second.
_LEVEL_SECONDS = 3.0
# How often it is looked whether the address still leads to the same Redis.
_LOOK_AGAIN_SECONDS = 10.0


class RedisBroker:
    """Rooms in Redis, and in memory while they are in use.

    ``place``: where Redis is. ``prefix``: what all its keys begin with. ``lease_seconds``: how long
    the others show who is present at this server, without a sign of life from it. The other options
    are as those of :class:`~..journaled.broker.JournalBroker`, but that a ``clock`` other than
    Redis's own is for tests.

    It connects with its first use, on the loop of that, and again whenever it has to; ``trouble``
    says why it can't. All methods belong to that loop.
    """

    journal = None
    keeps = True

    def __init__(
        self,
        place: RedisPlace,
        *,
        prefix: str = "driftdb:",
        lease_seconds: float = 10.0,
        timeout_seconds: float = 5.0,
        room_limit: int = 100_000,
        producer_limit: int = 10_000,
        quota: Quota | None = None,
        window_limits: WindowLimits | None = None,
        memory: MemoryBudget | None = None,
        clock: Callable[[], float] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.memory = memory or MemoryBudget()
        self.commits = Commits()
        self._lease_seconds = max(lease_seconds, _SHORTEST_LEASE_SECONDS)
        self._room_limit = room_limit
        self._monotonic = monotonic
        self._tasks = Tasks()
        self._store = Store(
            place,
            self._tasks,
            prefix=prefix,
            bounds=Bounds.of(quota or Quota(), producer_limit),
            clock=clock,
            monotonic=monotonic,
        )
        self._presences = Presences(self._store, self._tasks, self.memory, monotonic)
        self._rooms = OpenRooms(
            self._store,
            self._presences,
            self._tasks,
            memory=self.memory,
            window_limits=window_limits,
            timeout_seconds=timeout_seconds,
        )
        self.shared = RedisShared(self._store, self._behind_seconds)
        self._suspects: dict[str, int] = {}
        self._level_at = monotonic()
        self._beating: asyncio.Future[None] | None = None
        self._renewing: asyncio.Future[None] | None = None
        self._changes_since = 0
        self._changes_of: str | None = None
        self._touched_at = monotonic()
        self._looked_at = monotonic()
        self._beat_failing: str | None = None

    # What it is like.

    @property
    def trouble(self) -> str | None:
        """The reason why the broker can't do all that it promises, as text; else ``None``."""
        return self._rooms.failing or self._beat_failing or self._rooms.trouble

    @property
    def warning(self) -> str | None:
        """What should be set otherwise in Redis, as text; else ``None``."""
        return self._store.warning

    def _behind_seconds(self) -> float:
        """How long it is not certain that all is applied that other servers wrote."""
        since = self._monotonic() - self._level_at
        return since if self.trouble is not None or since > _LEVEL_SECONDS else 0.0

    async def begin(self) -> None:
        """Connect; raises :class:`~...protocol.errors.Unavailable`, which says why it can't."""
        self._rooms.start()
        await self._store.ready()

    def look(self) -> None:
        """Give a sign of life, and find out what has changed (see :class:`..broker.Broker`)."""
        if self._store.closing is not None:
            return
        if self._beating is None or self._beating.done():
            self._beating = self._tasks.spawn(self._beat())
        elif self._renewing is None or self._renewing.done():
            # What it does for many rooms may take longer than the lease.
            self._renewing = self._tasks.spawn(self._renew_lease())

    # Which rooms there are.

    async def has(self, name: str) -> bool:
        """Return True if there is a room of that name; doesn't load it."""
        if name in self._rooms:
            return True
        return bool(await self._store.ask("EXISTS", self._store.keys.of(name).facts))

    async def create(self, name: str) -> None:
        """Make an empty room of that name, unless there is one (see :class:`..broker.Broker`)."""
        await self._store.ready()
        bounds = self._store.bounds
        reply = await self._store.do(
            name,
            *("create", self._room_limit, new_id(), written_bounds(bounds)),
            encode_body(Begun(bounds, new_id())),
        )
        self._check_made(reply)

    def _check_made(self, reply: list[Any]) -> None:
        if reply[0] == b"full":
            raise QuotaExceeded(f"expected at most {self._room_limit} rooms, got one more")

    async def access(self, name: str) -> RoomAccess | None:
        """Return who may do what in a room (see :class:`..broker.Broker`)."""
        room = self._rooms.get(name)
        if room is not None:
            return room.room.access
        keys = self._store.keys.of(name)
        there, records = await self._store.ask_all(("EXISTS", keys.facts), ("HGETALL", keys.access))
        return read_access(name, records) if there else None

    async def change_access(
        self, name: str, change: Change, *, expected: Change = NO_CHANGE
    ) -> bool:
        """Change who may do what in a room (see :class:`..broker.Broker`)."""
        return await self._rooms.alone(name, partial(self._change_access, change, expected))

    async def _change_access(self, change: Change, expected: Change, name: str) -> bool:
        access = await self.access(name)
        if access is None:
            return False
        access.demand(expected)
        more_cost = access.check(change, limit_bytes=self._store.bounds.access_bytes)
        if name in self._rooms and more_cost > max(0, self.memory.free_bytes):
            raise MemoryBudget.refusal()
        changed = AccessChanged([(*place, content) for place, content in change.items()])
        payload = encode_body(changed)
        parts = (payload, len(expected), *_pairs(expected), *_pairs(change))
        reply = await self._store.do(name, "access", *parts)
        if reply[0] == b"gone":
            return False
        room = self._rooms.get(name)
        if reply[0] == b"other":
            if room is not None:
                await self._rooms.caught_up(room, int(reply[1]))
            raise OutOfDate
        if room is not None:
            self._rooms.take(room, Record.parse(b"%s %s %s " % tuple(reply) + payload))
            await self._rooms.caught_up(room, int(reply[0]))
        return True

    async def open(self, name: str, audience: Audience) -> RedisSequencer | None:
        """Take part in a room; ``None`` where there is no room of that name."""
        return await self._rooms.alone(name, partial(self._open, audience))

    async def _open(self, audience: Audience, name: str) -> RedisSequencer | None:
        return await self._rooms.open(name, audience)

    async def leave(self, name: str) -> None:
        """Take part no more: the room leaves memory."""
        await self._rooms.alone(name, self._rooms.leave)

    async def restore(self, name: str, room: Room) -> None:
        """Take a whole room, under a name that no other has (see :class:`..broker.Broker`)."""
        await self._rooms.alone(name, partial(self._restore, room))

    async def _restore(self, room: Room, name: str) -> None:
        if await self.has(name) or not await self._put(name, room, "", ""):
            raise BadMessage(f"expected a name that is free, got {name!r}: there is such a room")

    async def replace(self, name: str, room: Room) -> None:
        """Take a whole room, in the place of another (see :class:`..broker.Broker`)."""
        await self._rooms.alone(name, partial(self._replace, room))

    async def _replace(self, room: Room, name: str) -> None:
        for _ in range(OPEN_ATTEMPTS):
            open_here = self._rooms.get(name)
            other = open_here or await self._rooms.peek(self._store.keys.of(name))
            before = ("", "") if other is None else (other.id, str(other.number))
            if other is not None:
                room.succeed(other.room)
            if await self._put(name, room, *before):
                if open_here is not None:
                    self._rooms.end(open_here, RESET)
                return
            if open_here is not None:
                await self._rooms.caught_up(open_here, open_here.number + 1)
        raise Unavailable("the room changes faster than it can be replaced; try again")

    async def _put(self, name: str, room: Room, before_id: str, before_number: str) -> bool:
        """Write a whole room; returns whether there was what was said to be there before."""
        await self._store.ready()
        bounds, keys = self._store.bounds, self._store.keys.of(name)
        generation = self._store.generation
        room.newest_relay = room.seq  # any number up to there may have been a relay's
        head = Head(0, 0, "", room.seq, room.newest_relay, bounds)
        written = await self._store.write_pieces(keys, write_snapshot(room, head, {}))
        records = [
            part
            for place, content in room.access.items().items()
            for part in ("\0".join(place), content)
        ]
        try:
            reply = await self._store.do(
                name,
                *("put", self._room_limit, new_id(), written_bounds(bounds)),
                *(
                    encode_body(Begun(bounds, new_id())),
                    before_id,
                    before_number,
                    written.piece_count,
                ),
                *(room.seq, room.key_count, room.byte_count, *records),
                written=written.key,
                generation=generation,
            )
        except Unavailable:
            await self._store.discard(written.key)
            raise
        self._check_made(reply)
        return bool(reply[0] == b"made")

    async def delete(self, name: str) -> bool:
        """Forget a room, and tell whether there was one (see :class:`..broker.Broker`)."""
        return await self._rooms.alone(name, self._delete)

    async def _delete(self, name: str) -> bool:
        reply = await self._store.do(name, "delete")
        room = self._rooms.get(name)
        if room is not None:
            self._rooms.end(room, DELETED)
        return bool(reply[0] == b"deleted")

    async def expire(self, *, room_seconds: float, client_seconds: float) -> list[str]:
        """Forget what has not been used for that long (see :class:`..broker.Broker`)."""
        await self._store.ready()
        await self._store.note_served_time()
        served = self._store.served
        assert served is not None
        clients_before = served.before(client_seconds)
        touch_before = served.before(client_seconds / 2)
        for room in self._rooms:
            room.expire_clients(before=clients_before, touch_before=touch_before)
        names: list[str] = []
        if not room_seconds or self.trouble is not None:
            return names
        before = int(served.before(room_seconds) * MICROSECONDS)
        unused = await self._store.ask(
            "ZRANGEBYSCORE", self._store.keys.rooms, "-inf", f"({before}"
        )
        for each in unused:
            name = each.decode()
            if name not in self._rooms:
                reply = await self._store.do(name, "expire", before)
                if reply[0] == b"deleted":
                    names.append(name)
        return names

    async def summaries(self) -> list[RoomSummary]:
        """All rooms, by name; of those that are open elsewhere as of a second ago or so.

        One whose facts can't be read is there without any.
        """
        await self._store.ready()
        listed = await self._store.ask("ZRANGE", self._store.keys.rooms, 0, -1, "WITHSCORES")
        used_at = {
            name.decode(): float(score) / MICROSECONDS
            for name, score in zip(listed[::2], listed[1::2], strict=True)
        }
        names, now, summaries = sorted(used_at), self._store.clock(), []
        for first in range(0, len(names), _FACTS_AT_ONCE):
            some = names[first : first + _FACTS_AT_ONCE]
            facts = await self._store.ask_all(
                *[
                    ("HMGET", self._store.keys.of(name).facts, "seq", "keys", "bytes")
                    for name in some
                ],
                damaged_allowed=True,
            )
            for name, fact in zip(some, facts, strict=True):
                seq, keys, size = fact or (0, 0, 0)
                here = self._rooms.get(name)
                if here is not None:
                    room = here.room
                    told = (room.seq, room.key_count, room.byte_count)
                    summaries.append(
                        RoomSummary(name, *told, now if here.in_use else used_at[name])
                    )
                elif seq is not None:  # it wasn't deleted meanwhile
                    summaries.append(
                        RoomSummary(name, int(seq), int(keys), int(size), used_at[name])
                    )
        return summaries

    async def vacuum(self) -> int:
        """Do nothing: no disk is used."""
        return 0

    async def check(self) -> list[str]:
        """Describe what of the rooms can't be read; Redis looks after its own files."""
        damage = []
        for name in await self._names():
            try:
                room = await self._rooms.alone(name, self._copy)
            except _UNREADABLE as error:
                damage.append(f"room {name!r} can't be read: {error or 'its log has a gap'}")
            else:
                if room is None and name in await self._names():
                    damage.append(f"room {name!r} is listed, and isn't there")
        return damage

    async def backup(self, target: str, *, progress: Callable[[int, int], None]) -> int:
        """Copy all rooms to a file, one after the other (see :class:`..broker.Broker`)."""
        names, missing = await self._names(), 0

        async def copy(name: str) -> Room | None:
            nonlocal missing
            try:
                return await self._rooms.alone(name, self._copy)
            except _UNREADABLE:
                missing += 1
                return None

        size = await write_backup(target, names, copy, progress=progress)
        if missing:
            raise Unavailable(
                f"{target} has {len(names) - missing:,} of {len(names):,} rooms: the others can't"
                " be read (driftdb check names them)"
            )
        return size

    async def _names(self) -> list[str]:
        listed = await self._store.ask("ZRANGE", self._store.keys.rooms, 0, -1)
        return sorted(name.decode() for name in listed)

    async def _copy(self, name: str) -> Room | None:
        """Return a room as Redis has it, which nobody else has; ``None`` where there is none."""
        room = await self._rooms.peek(self._store.keys.of(name))
        return None if room is None else room.room

    async def close(self) -> None:
        """Have all written that waits, and leave all rooms."""
        await self._rooms.close()
        if self._store.generation is not None and self._rooms.trouble is None:
            try:
                await self._presences.tell()
                await self._store.ask("ZREM", self._store.keys.servers, self._store.server)
            except Unavailable:
                _log.info("Redis was not told that this server ends")
        self._store.closing = STOPPING
        await self._rooms.disconnect()
        await self._tasks.close()
        await self._store.place.close()

    def presence(
        self, name: str, audience: PresenceAudience, *, limits: PresenceLimits, grace_seconds: float
    ) -> RedisPresence:
        """Return what knows who is there in a room (see :class:`..broker.Broker`)."""
        return self._presences.presence(name, audience, limits=limits, grace_seconds=grace_seconds)

    # Signs of life.

    async def _beat(self) -> None:
        if await self._store.place.has_moved():
            _log.warning("%s: there is another primary", self._store.place.shown)
            self._store.place.outdate()
            self._rooms.drop_connections()
        try:
            await self._look_at_changes()
            await self._rooms.ping()
            await self.shared.tell_counts()
            if abs(self._monotonic() - self._looked_at) > _LOOK_AGAIN_SECONDS:
                self._looked_at = self._monotonic()
                await self._store.renew_generation()
            await self._rooms.tell()
            if abs(self._monotonic() - self._touched_at) > _TOUCH_SECONDS:
                self._touched_at = self._monotonic()
                await self.shared.tell_counts(again=True)
                await self._store.do_each("touch", {room.keys.name: () for room in self._rooms})
            await self._store.note_served_time()  # which a full Redis refuses, as it does pushes
        except Unavailable as error:
            if self._beat_failing != error.plain and self._rooms.trouble is None:
                _log.error("%s: %s", self._store.place.shown, error.plain)
            self._beat_failing = error.plain
        else:
            if self._beat_failing is not None:
                _log.info("%s: it answers again", self._store.place.shown)
            self._beat_failing = None

    async def _renew_lease(self, since: int | str = "+inf") -> Any:
        """Say that this server lives; returns what the script does (see ``room.lua``).

        ``since``: the time from which on changes are asked for, in microseconds.
        """
        lease = int(self._lease_seconds * MICROSECONDS)
        reply = await self._store.do(None, "beat", self._store.server, lease, since)
        if not reply[3]:
            self._presences.tell_again()
        return reply

    async def _look_at_changes(self) -> None:
        if self._changes_of != self._store.generation:  # whose times are others
            self._changes_of, self._changes_since = self._store.generation, 0
        generation, changes, servers, _ = await self._renew_lease(self._changes_since)
        if generation.decode() != self._store.generation:
            await self._store.renew_generation()
            return
        await self._presences.look({each.decode() for each in servers})
        self._read_suspects()
        if not any(name in self._rooms for name in self._suspects):
            self._level_at = self._monotonic()
        for place in range(0, len(changes), 2):
            member, changed_at = changes[place].decode(), int(float(changes[place + 1]))
            self._changes_since = max(self._changes_since, changed_at)
            name, is_presence, _ = member.partition("\0")
            room = self._rooms.get(name)
            if is_presence:
                self._presences.changed(name, changed_at)
            elif name in self._presences if room is None else room.time < changed_at:
                self._suspects[name] = changed_at

    def _read_suspects(self) -> None:
        """Read the rooms of which something was not heard; each is suspect until it is read."""
        for name, changed_at in list(self._suspects.items()):
            room = self._rooms.get(name)
            if room is None:
                if name not in self._presences:  # else it is about to be open
                    del self._suspects[name]
            elif room.time >= changed_at:
                del self._suspects[name]
            elif not self._rooms.is_catching_up(room):
                reading = self._rooms.catch_up(room)
                reading.add_done_callback(partial(self._suspect_read, name, changed_at))

    def _suspect_read(self, name: str, changed_at: int, reading: asyncio.Future[None]) -> None:
        is_read = not reading.cancelled() and reading.exception() is None
        if is_read and self._suspects.get(name) == changed_at:
            del self._suspects[name]


def _pairs(records: Change) -> list[str | bytes]:
    """Return the place and the content of each record, empty for one that is not to be there."""
    return [
        part
        for place, content in records.items()
        for part in ("\0".join(place), b"" if content is None else content)
    ]
