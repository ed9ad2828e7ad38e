"""The broker of any number of servers that share their rooms through Redis."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from functools import partial
from operator import methodcaller
from typing import Any, TypeVar

import msgspec
from redis import exceptions
from redis.asyncio.connection import AbstractConnection

from ...access.room_access import Change, RoomAccess
from ...protocol.errors import BadMessage, QuotaExceeded, Unavailable
from ...protocol.name import new_id
from ...rooms.memory_budget import MemoryBudget
from ...rooms.presence import PresenceLimits
from ...rooms.quota import Quota
from ...rooms.room import Room
from ...rooms.window import WindowLimits
from ..broker import Audience, Commits, RoomSummary
from ..name_locks import NameLocks
from ..presence import PresenceAudience
from ..served_time import ServedTime
from .connecting import ROOM, RedisPlace, RedisUnusable, exchange, explain, identify
from .courier import Courier
from .keys import Keys, RoomKeys
from .listener import Listener
from .presence import RedisPresence, field_of, read_told, written_told
from .record import AccessChanged, Begun, Bounds, Record, encode_body
from .replica import HistoryLost
from .sequencer import RedisSequencer
from .snapshot import Head, SnapshotReader, SnapshotTorn, write_snapshot

__all__ = ["RedisBroker"]

_log = logging.getLogger("driftdb_jupyter")
_Result = TypeVar("_Result")

_DELETED = methodcaller("deleted")
_RESET = methodcaller("reset")
_OUT_OF_SERVICE = methodcaller("out_of_service")

_MICROSECONDS = 1_000_000
# How long an entry may be missing before it is read from the log.
_GAP_SECONDS = 0.02
_ENTRIES_AT_ONCE = 200
_PIECES_AT_ONCE = 4
_FACTS_AT_ONCE = 1000
_OPEN_ATTEMPTS = 5
# How many questions may be on their way at a time, each over a connection.
_CONVERSATIONS = 32
# A snapshot is written when the log since the last one is longer than that, and than half of it.
_SNAPSHOT_BYTES = 1024 * 1024
# When a room is left it is written for less, so that it is opened the faster.
_LEFT_SNAPSHOT_BYTES = 64 * 1024
_TEMPORARY_SECONDS = 600
_TOUCH_SECONDS = 3600.0
_SHORTEST_LEASE_SECONDS = 5.0


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
        self.server = secrets.token_hex(8)
        self._place = place
        self._keys = Keys(prefix)
        self._lease_seconds = max(lease_seconds, _SHORTEST_LEASE_SECONDS)
        self._timeout_seconds = timeout_seconds
        self._room_limit = room_limit
        self._window_limits = window_limits
        self._own_bounds = self._bounds = Bounds.of(quota or Quota(), producer_limit)
        self._clock = clock
        self._monotonic = monotonic
        self._served: ServedTime | None = None
        self._generation: str | None = None
        self._rooms: dict[str, RedisSequencer] = {}
        self._channels: dict[str, RedisSequencer] = {}
        self._early: dict[str, list[Record]] = {}
        self._presences: dict[str, RedisPresence] = {}
        self._untold: dict[RedisPresence, None] = {}
        self._telling: asyncio.Task[None] | None = None
        self._locks = NameLocks()
        self._conversations = asyncio.Semaphore(_CONVERSATIONS)
        self._tasks: set[asyncio.Future[Any]] = set()
        self._catching_up: dict[RedisSequencer, asyncio.Future[None]] = {}
        self._suspects: dict[str, int] = {}
        self._beating: asyncio.Future[None] | None = None
        self._changes_since = 0
        self._touched_at = monotonic()
        self._doubting = False
        self._beat_failing: str | None = None
        self._closing: str | None = None
        self._courier: Courier | None = None
        self._listener: Listener | None = None
        place.prepare = self._prepare

    # What it is like.

    @property
    def failing(self) -> str | None:
        """Why nothing can be written at the moment, in words; else ``None``."""
        return self._closing or (None if self._courier is None else self._courier.failing)

    @property
    def trouble(self) -> str | None:
        """The reason why the broker can't do all that it promises, as text; else ``None``."""
        listening = None if self._listener is None else self._listener.failing
        return self.failing or self._beat_failing or listening

    async def begin(self) -> None:
        """Connect; raises :class:`~...protocol.errors.Unavailable`, which says why it can't."""
        await self._ready()

    def look(self) -> None:
        """Give a sign of life, and find out what has changed (see :class:`..broker.Broker`)."""
        if self._closing is None and (self._beating is None or self._beating.done()):
            self._beating = self._spawn(self._beat())

    # Which rooms there are.

    async def has(self, name: str) -> bool:
        """Return True if there is a room of that name; doesn't load it."""
        if name in self._rooms:
            return True
        return bool(await self._ask("EXISTS", self._keys.of(name).facts))

    async def create(self, name: str) -> None:
        """Make an empty room of that name, unless there is one (see :class:`..broker.Broker`)."""
        await self._ready()
        bounds = self._bounds
        reply = await self._do(
            name,
            *("create", self._room_limit, new_id(), _written(bounds)),
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
        keys = self._keys.of(name)
        there, records = await self._ask_all(("EXISTS", keys.facts), ("HGETALL", keys.access))
        return RoomAccess(name, _read_records(records)) if there else None

    async def change_access(self, name: str, change: Change) -> bool:
        """Change who may do what in a room (see :class:`..broker.Broker`)."""
        return await self._alone(name, partial(self._change_access, change))

    async def _change_access(self, change: Change, name: str) -> bool:
        access = await self.access(name)
        if access is None:
            return False
        more_cost = access.check(change, limit_bytes=self._bounds.access_bytes)
        if name in self._rooms and more_cost > max(0, self.memory.free_bytes):
            raise MemoryBudget.refusal()
        changed = AccessChanged([(*place, content) for place, content in change.items()])
        payload = encode_body(changed)
        pairs = [
            part
            for place, content in change.items()
            for part in ("\0".join(place), b"" if content is None else content)
        ]
        reply = await self._do(name, "access", payload, *pairs)
        if reply[0] == b"gone":
            return False
        room = self._rooms.get(name)
        if room is not None:
            self._take(room, Record.parse(b"%s %s %s " % tuple(reply) + payload))
            await self._caught_up(room, int(reply[0]))
        return True

    async def open(self, name: str, audience: Audience) -> RedisSequencer | None:
        """Take part in a room; ``None`` where there is no room of that name."""
        return await self._alone(name, partial(self._open, audience))

    async def _open(self, audience: Audience, name: str) -> RedisSequencer | None:
        room = self._rooms.get(name)
        if room is None:
            room = await self._load(name)
            if room is None:
                return None
            try:
                room.room.charge(self.memory)
            except QuotaExceeded as error:
                await self._let_go(room)
                raise Unavailable(error.plain) from None
        room.audience = audience
        room.in_use = True
        return room

    async def _load(self, name: str) -> RedisSequencer | None:
        """Read a room, and follow it from then on."""
        self._start()
        assert self._listener is not None
        keys = self._keys.of(name)
        await self._listener.subscribe(keys.channel)
        room = None
        try:
            for _ in range(_OPEN_ATTEMPTS):
                early: list[Record] = []
                self._early[keys.channel] = early
                room = await self._read(keys)
                if room is None:
                    return None
                try:
                    for record in early:
                        room.take(record)
                except HistoryLost:
                    continue
                if room.generation == self._generation:
                    break
            else:
                raise Unavailable("the room changes faster than it can be read; try again")
            room.is_loaded = True
            self._rooms[name] = self._channels[keys.channel] = room
            if room.is_behind:
                self._catch_up(room)
            return room
        finally:
            self._early.pop(keys.channel, None)
            if room is None or not room.is_loaded:
                await self._listener.unsubscribe(keys.channel)

    async def _read(self, keys: RoomKeys) -> RedisSequencer | None:
        """Read a room's snapshot and log; ``None`` where there is none."""
        while True:
            await self._ready()
            bounds, generation = self._bounds, self._generation
            assert generation is not None
            reply = await self._do(
                keys.name,
                *("open", self.server, _written(bounds)),
                encode_body(Begun(bounds, new_id())),
                encode_body(Begun(bounds)),
            )
            if reply[0] == b"gone":
                return None
            empty = Room(epoch="", quota=bounds.quota, window_limits=self._window_limits)
            room = RedisSequencer(keys, empty, bounds, self)
            room.id, room.generation = reply[1].decode(), generation
            try:
                if reply[2]:
                    await self._read_snapshot(room)
                else:
                    empty.remember()
                await self._read_log(room)
            except (SnapshotTorn, HistoryLost):
                continue  # another snapshot took its place meanwhile
            records, told = await self._ask_all(("HGETALL", keys.access), ("HVALS", keys.here))
            empty.take_access(RoomAccess(keys.name, _read_records(records)))
            presence = self._presences.get(keys.name)
            if presence is not None:
                presence.take_all([read_told(each) for each in told])
            return room

    async def _read_snapshot(self, room: RedisSequencer) -> None:
        reader, place = SnapshotReader(room.room), 0
        while not reader.is_whole:
            last = place + _PIECES_AT_ONCE - 1
            pieces = await self._ask("LRANGE", room.keys.snapshot, place, last)
            if not pieces:
                raise SnapshotTorn
            for piece in pieces:
                reader.feed(piece)
                room.snapshot_bytes += len(piece)
                await asyncio.sleep(0)
            place += len(pieces)
        assert reader.head is not None
        room.begin_at(reader.head, reader.seen)

    async def _read_log(self, room: RedisSequencer) -> None:
        """Apply what the log has beyond; raises :class:`SnapshotTorn` where it has less."""
        while True:
            first = room.number + 1
            entries = await self._ask(
                *("XRANGE", room.keys.log, f"{first}-0", "+", "COUNT", _ENTRIES_AT_ONCE)
            )
            for _, fields in entries:
                record = Record.parse(fields[1])
                if record.number > room.number + 1:
                    raise SnapshotTorn
                room.take(record)
            if len(entries) < _ENTRIES_AT_ONCE:
                return

    def presence(
        self, name: str, audience: PresenceAudience, *, limits: PresenceLimits, grace_seconds: float
    ) -> RedisPresence:
        """Return what knows who is there in a room (see :class:`..broker.Broker`)."""
        presence = RedisPresence(
            name, audience, self, limits=limits, memory=self.memory, grace_seconds=grace_seconds
        )
        self._presences[name] = presence
        return presence

    async def leave(self, name: str) -> None:
        """Take part no more: the room leaves memory."""
        await self._alone(name, self._leave)

    async def _leave(self, name: str) -> None:
        room = self._rooms.get(name)
        if room is None:
            return
        room.in_use = False
        if self.failing is None:
            await asyncio.wait(
                [asyncio.ensure_future(room.wait_until_settled())], timeout=self._timeout_seconds
            )
        if self._rooms.get(name) is not room:
            return
        try:
            if room.log_bytes > _LEFT_SNAPSHOT_BYTES:
                await self._write_snapshot(room)
            await self._tell_of(room)
            await self._do(name, "leave", room.id, self.server)
        except Unavailable:
            _log.info("A room is left without Redis being told")
        await self._let_go(room)

    async def _let_go(self, room: RedisSequencer) -> None:
        self._forget(room)
        room.end(self.failing or "the room is being left")
        room.answer_waiting()
        assert self._listener is not None
        await self._listener.unsubscribe(room.keys.channel)

    async def restore(self, name: str, room: Room) -> None:
        """Take a whole room, under a name that no other has (see :class:`..broker.Broker`)."""
        await self._alone(name, partial(self._restore, room))

    async def _restore(self, room: Room, name: str) -> None:
        if await self.has(name) or not await self._put(name, room, "", ""):
            raise BadMessage(f"expected a name that is free, got {name!r}: there is such a room")

    async def replace(self, name: str, room: Room) -> None:
        """Take a whole room, in the place of another (see :class:`..broker.Broker`)."""
        await self._alone(name, partial(self._replace, room))

    async def _replace(self, room: Room, name: str) -> None:
        for _ in range(_OPEN_ATTEMPTS):
            open_here = self._rooms.get(name)
            other = open_here or await self._read(self._keys.of(name))
            before = ("", "") if other is None else (other.id, str(other.number))
            if other is not None:
                room.succeed(other.room)
            if await self._put(name, room, *before):
                if open_here is not None:
                    self._end(open_here, _RESET)
                return
            if open_here is not None:
                await self._caught_up(open_here, open_here.number + 1)
        raise Unavailable("the room changes faster than it can be replaced; try again")

    async def _put(self, name: str, room: Room, before_id: str, before_number: str) -> bool:
        """Write a whole room; returns whether there was what was said to be there before."""
        await self._ready()
        bounds, keys = self._bounds, self._keys.of(name)
        room.newest_relay = room.seq  # any number up to there may have been a relay's
        head = Head(0, 0, "", room.seq, room.newest_relay, bounds)
        written, _ = await self._write_pieces(keys, write_snapshot(room, head, {}))
        records = [
            part
            for place, content in room.access.items().items()
            for part in ("\0".join(place), content)
        ]
        reply = await self._do(
            name,
            *("put", self._room_limit, new_id(), _written(bounds)),
            encode_body(Begun(bounds, new_id())),
            *(before_id, before_number, *records),
            written=written,
        )
        self._check_made(reply)
        return bool(reply[0] == b"made")

    async def delete(self, name: str) -> bool:
        """Forget a room, and tell whether there was one (see :class:`..broker.Broker`)."""
        return await self._alone(name, self._delete)

    async def _delete(self, name: str) -> bool:
        reply = await self._do(name, "delete")
        room = self._rooms.get(name)
        if room is not None:
            self._end(room, _DELETED)
        return bool(reply[0] == b"deleted")

    async def expire(self, *, room_seconds: float, client_seconds: float) -> list[str]:
        """Forget what has not been used for that long (see :class:`..broker.Broker`)."""
        await self._ready()
        await self._note_served_time()
        served = self._served
        assert served is not None
        clients_before = served.before(client_seconds)
        touch_before = served.before(client_seconds / 2)
        for room in list(self._rooms.values()):
            room.expire_clients(before=clients_before, touch_before=touch_before)
        names: list[str] = []
        if not room_seconds or self.trouble is not None:
            return names
        before = int(served.before(room_seconds) * _MICROSECONDS)
        unused = await self._ask("ZRANGEBYSCORE", self._keys.rooms, "-inf", f"({before}")
        for each in unused:
            name = each.decode()
            if name not in self._rooms:
                reply = await self._do(name, "expire", before)
                if reply[0] == b"deleted":
                    names.append(name)
        return names

    async def _begin_serving(self) -> None:
        """Find out in which times a server ran."""
        ran_at, gaps = await self._ask("HMGET", self._keys.served, "ran_at", "gaps")
        known = [] if gaps is None else msgspec.json.decode(gaps, type=list[tuple[float, float]])
        if self._served is None:
            self._served = ServedTime(
                clock=self.clock,
                monotonic=self._monotonic,
                gaps=known,
                ran_at=None if ran_at is None else float(ran_at),
            )
            await self._note_served_time()

    async def _note_served_time(self) -> None:
        """Note that a server runs."""
        assert self._served is not None
        self._served.look()
        gaps = msgspec.json.encode(self._served.gaps)
        await self._ask("HSET", self._keys.served, "ran_at", self.clock(), "gaps", gaps)

    async def summaries(self) -> list[RoomSummary]:
        """All rooms, by name; of those that are open elsewhere as of a second ago or so."""
        listed = await self._ask("ZRANGE", self._keys.rooms, 0, -1, "WITHSCORES")
        used_at = {
            name.decode(): float(score) / _MICROSECONDS
            for name, score in zip(listed[::2], listed[1::2], strict=True)
        }
        names, now, summaries = sorted(used_at), self.clock(), []
        for first in range(0, len(names), _FACTS_AT_ONCE):
            some = names[first : first + _FACTS_AT_ONCE]
            facts = await self._ask_all(
                *[("HMGET", self._keys.of(name).facts, "seq", "keys", "bytes") for name in some]
            )
            for name, (seq, keys, size) in zip(some, facts, strict=True):
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
        """Find nothing: Redis looks after its own files."""
        return []

    async def backup(self, target: str, *, progress: Callable[[int, int], None]) -> int:
        """Refuse: Redis has its own ways."""
        raise BadMessage("expected rooms that are kept in a file, got some that are in Redis")

    async def close(self) -> None:
        """Have all written that waits, and leave all rooms."""
        if self.trouble is None:
            await asyncio.gather(*[self.leave(name) for name in list(self._rooms)])
        for room in list(self._rooms.values()):
            self._forget(room)
            room.end(self.failing or "the server is stopping")
            room.answer_waiting()
        if self._courier is not None and self._listener is not None:
            if self._courier.failing is None:
                try:
                    await self._tell_presences()
                    await self._ask("ZREM", self._keys.servers, self.server)
                except Unavailable:
                    _log.info("Redis was not told that this server ends")
            self._closing = "the server is stopping"
            await self._courier.close()
            await self._listener.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._place.close()

    # What the sequencers, the courier and presences need.

    def clock(self) -> float:
        """Seconds since 1970."""
        return time.time() if self._clock is None else self._clock()

    def now_argument(self) -> str:
        """Return the time that scripts are to take for now, empty for Redis's own."""
        return "" if self._clock is None else str(int(self._clock() * _MICROSECONDS))

    def want_send(self, sequencer: RedisSequencer) -> None:
        """Have what was gathered sent, with the next pipeline."""
        assert self._courier is not None
        self._courier.want_send(sequencer)

    def epoch_changed(self, sequencer: RedisSequencer) -> None:
        """Let go of a room that is in another epoch now."""
        self._end(sequencer, _RESET, "the room is in another epoch")

    def taken(self, sequencer: RedisSequencer, record: Record) -> None:
        """Note that an entry of this server is in the log."""
        self._take(sequencer, record)
        due = max(_SNAPSHOT_BYTES, sequencer.snapshot_bytes // 2)
        if sequencer.log_bytes > due and not sequencer.is_writing_snapshot:
            self._spawn(self._write_snapshot(sequencer))

    def known(self, sequencer: RedisSequencer) -> None:
        """Note that the log has an entry already, whose number nobody heard."""
        self._catch_up(sequencer)

    def gone(self, sequencer: RedisSequencer) -> None:
        """Note that the room is no more, or another of its name."""
        self._spawn(self._find_end(sequencer))

    def generation_ended(self) -> None:
        """Note that Redis may have lost what was applied."""
        self._spawn(self._renew_generation())

    def want_told(self, presence: RedisPresence) -> None:
        """Have a presence tell the other servers soon."""
        self._untold[presence] = None
        if self._telling is None or self._telling.done():
            self._telling = self._spawn(self._tell_presences())

    # The log.

    def _take(self, room: RedisSequencer, record: Record) -> None:
        if room.has_ended:
            return
        try:
            room.take(record)
        except HistoryLost:
            self._doubt()
            return
        except Exception:
            _log.exception("%s: an entry of the log can't be applied", room)
            self._end(room, _OUT_OF_SERVICE, "the room is out of service after an error")
            return
        if room.is_behind and not room.has_ended:
            asyncio.get_running_loop().call_later(_GAP_SECONDS, self._look_for_gap, room)

    def _look_for_gap(self, room: RedisSequencer) -> None:
        if room.is_behind and not room.has_ended and self._closing is None:
            self._catch_up(room)

    def _catch_up(self, room: RedisSequencer) -> asyncio.Future[None]:
        """Read what the log has beyond what was applied."""
        running = self._catching_up.get(room)
        if running is None:
            running = self._catching_up[room] = self._spawn(self._read_on(room))
            running.add_done_callback(lambda _: self._catching_up.pop(room, None))
        return running

    async def _caught_up(self, room: RedisSequencer, number: int) -> None:
        """Wait until an entry is applied, or the room has ended."""
        while room.number < number and not room.has_ended:
            await asyncio.shield(self._catch_up(room))

    async def _read_on(self, room: RedisSequencer) -> None:
        number, facts = room.number, room.keys.facts
        try:
            known = await self._ask("HMGET", facts, "id", "number")
            if known[0] is None or known[0].decode() != room.id:
                await self._find_end(room)
                return
            if int(known[1]) < number:
                self._doubt()
                return
            await self._read_log(room)
        except HistoryLost:
            self._doubt()
        except SnapshotTorn:
            self._end(room, _RESET, "the room is read anew")
        except Unavailable:
            pass  # when Redis is back all is read

    async def _find_end(self, room: RedisSequencer) -> None:
        """Let go of a room that is no more; another may have its name."""
        event = _RESET if await self.has_in_redis(room.keys) else _DELETED
        self._end(room, event)

    async def has_in_redis(self, keys: RoomKeys) -> bool:
        """Return whether there is a room of that name, whatever is in memory."""
        return bool(await self._ask("EXISTS", keys.facts))

    def _heard(self, channel: str, message: bytes) -> None:
        """Take what was published on a room's channel."""
        room = self._channels.get(channel)
        if message.startswith(b"+"):
            if room is not None:
                presence = self._presences.get(room.keys.name)
                if presence is not None:
                    presence.hear(read_told(message[1:]))
        elif message == b"gone":
            if room is not None:
                self._catch_up(room)
        elif room is not None:
            self._take(room, Record.parse(message))
        else:
            early = self._early.get(channel)
            if early is not None:
                early.append(Record.parse(message))

    def _missed(self) -> None:
        """Read all that may have been published while nothing was heard."""
        for room in list(self._rooms.values()):
            self._catch_up(room)
        self._spawn(self._reread_presences(list(self._rooms)))

    async def _write_snapshot(self, room: RedisSequencer) -> None:
        room.is_writing_snapshot = True
        head, log_bytes = room.head(), room.log_bytes
        try:
            pieces = write_snapshot(room.room, head, room.seen)
            written, byte_count = await self._write_pieces(room.keys, pieces)
            await self._do(room.keys.name, "snapshot", room.id, head.number, written=written)
            room.log_bytes -= log_bytes
            room.snapshot_bytes = byte_count
        except Unavailable as error:
            _log.info("A snapshot can't be written: %s", error)
        finally:
            room.is_writing_snapshot = False

    async def _write_pieces(self, keys: RoomKeys, pieces: Iterator[bytes]) -> tuple[str, int]:
        """Write a snapshot aside; returns where, and how long it is."""
        key, byte_count = f"{keys.snapshot}:{secrets.token_hex(8)}", 0
        for piece in pieces:
            await self._ask_all(("RPUSH", key, piece), ("EXPIRE", key, _TEMPORARY_SECONDS))
            byte_count += len(piece)
        return key, byte_count

    async def _tell_of(self, room: RedisSequencer) -> None:
        """Have Redis know what is told of a room unopened."""
        if not room.is_told:
            room.is_told = True
            facts = (room.room.seq, room.room.key_count, room.room.byte_count)
            await self._do(room.keys.name, "note", room.id, *facts)

    # Ends.

    def _end(
        self, room: RedisSequencer, event: Callable[[Audience], None], reason: str = ""
    ) -> None:
        if room.has_ended:
            return
        self._forget(room)
        audience = room.end(reason)
        try:
            event(audience)
        except Exception:
            _log.exception("An audience failed to hear that its room ended")
        room.answer_waiting()
        if self._listener is not None and self._closing is None:
            self._spawn(self._unfollow(room.keys))

    async def _unfollow(self, keys: RoomKeys) -> None:
        async with self._locks.hold(keys.name):
            if keys.name not in self._rooms and self._listener is not None:
                await self._listener.unsubscribe(keys.channel)

    def _forget(self, room: RedisSequencer) -> None:
        if self._rooms.get(room.keys.name) is room:
            del self._rooms[room.keys.name]
        if self._channels.get(room.keys.channel) is room:
            del self._channels[room.keys.channel]

    def _doubt(self) -> None:
        """Have another generation, because Redis has another history than was applied here."""
        if not self._doubting:
            self._doubting = True
            self._spawn(self._begin_another())

    async def _begin_another(self) -> None:
        try:
            _log.error("Redis has lost what was written: all rooms begin another epoch")
            generation = await self._do(None, "doubt", new_id())
            self._enter(generation.decode())
        finally:
            self._doubting = False

    async def _renew_generation(self) -> None:
        """Find out which generation it is now."""
        async with self._locks.hold(""):
            connection = await self._place.borrow()
            try:
                await self._prepare(connection)
            finally:
                await self._place.pool.release(connection)

    async def _prepare(self, connection: AbstractConnection) -> None:
        """Look at a connection before it is used: whose rooms it leads to, and in which state."""
        identity = await identify(connection)
        keys = self._keys.of("").room
        await connection.send_command(
            *("EVALSHA", ROOM.sha, len(keys) + 1, *keys, keys[0]),
            *("begin", "", self.now_argument(), "", ""),
            *(identity, new_id(), self.server, _written(self._own_bounds)),
        )
        generation, bounds = await connection.read_response()
        decided = msgspec.json.decode(bounds, type=Bounds)
        if decided != self._bounds:
            self._bounds = decided
            if decided != self._own_bounds:
                _log.warning(
                    "Other servers that share these rooms have other limits of rooms, which hold"
                    " here, too, as long as one of them runs"
                )
        self._enter(generation.decode())

    def _enter(self, generation: str) -> None:
        """Go on in a generation; what was applied in another is read anew."""
        if generation == self._generation:
            return
        before, self._generation = self._generation, generation
        if before is not None:
            _log.warning("Redis may have lost something: all rooms begin another epoch")
            for room in list(self._rooms.values()):
                self._end(room, _RESET, "the room is in another epoch")

    # Signs of life.

    async def _beat(self) -> None:
        try:
            await self._look_at_changes()
            if self._listener is not None:
                await self._listener.ping()
            for room in list(self._rooms.values()):
                await self._tell_of(room)
            if abs(self._monotonic() - self._touched_at) > _TOUCH_SECONDS:
                self._touched_at = self._monotonic()
                for name in list(self._rooms):
                    await self._do(name, "touch")
        except Unavailable as error:
            self._beat_failing = error.plain
        else:
            self._beat_failing = None

    async def _look_at_changes(self) -> None:
        lease = int(self._lease_seconds * _MICROSECONDS)
        reply = await self._do(None, "beat", self.server, lease, self._changes_since)
        generation, changes, servers, was_alive = reply
        if generation.decode() != self._generation:
            await self._renew_generation()
            return
        suspects, self._suspects = self._suspects, {}
        stale = []
        for name, changed_at in suspects.items():
            room = self._rooms.get(name)
            if room is not None and room.time < changed_at:
                self._catch_up(room)
                stale.append(name)
        for place in range(0, len(changes), 2):
            name, changed_at = changes[place].decode(), int(float(changes[place + 1]))
            self._changes_since = max(self._changes_since, changed_at)
            room = self._rooms.get(name)
            if room is not None and room.time < changed_at:
                self._suspects[name] = changed_at
        await self._reread_presences(stale)
        if not was_alive:
            for presence in self._presences.values():
                presence.tell_again()
        await self._look_for_ended({each.decode() for each in servers})

    async def _look_for_ended(self, alive: set[str]) -> None:
        """Show those no more who were present at servers that have ended."""
        shown = {server for each in self._presences.values() for server in each.servers()}
        for server in shown - alive:
            for name, presence in list(self._presences.items()):
                places = presence.server_ended(server)
                if places:
                    fields = [part for place in places for part in (field_of(place), b"", b"")]
                    await self._do(name, "here", *fields)

    async def _reread_presences(self, names: list[str]) -> None:
        for name in names:
            presence = self._presences.get(name)
            if presence is not None:
                told = await self._ask("HVALS", self._keys.of(name).here)
                presence.take_all([read_told(each) for each in told])

    async def _tell_presences(self) -> None:
        await asyncio.sleep(0)  # what else this tick brings goes along
        while self._untold:
            presence = next(iter(self._untold))
            del self._untold[presence]
            told = presence.take_told()
            if presence.is_closed and self._presences.get(presence.name) is presence:
                del self._presences[presence.name]
            parts = [
                part
                for each in told
                for part in (
                    field_of(each.place),
                    b"" if each.value is None else written_told(each),
                    written_told(each),
                )
            ]
            if parts:
                try:
                    await self._do(presence.name, "here", *parts)
                except Unavailable:
                    presence.tell_again(told)
                    await asyncio.sleep(1.0)

    # Redis.

    def _start(self) -> None:
        if self._closing is not None:
            raise Unavailable(self._closing)
        if self._courier is None:
            self._courier = Courier(self._place, self)
            self._listener = Listener(
                self._place,
                heard=self._heard,
                missed=self._missed,
                timeout_seconds=self._timeout_seconds,
            )

    async def _ready(self) -> None:
        """Know the generation, and the bounds."""
        self._start()
        if self._generation is None:
            await self._ask("PING")
        if self._served is None:
            await self._begin_serving()

    async def _do(self, name: str | None, operation: str, *parts: Any, written: str = "") -> Any:
        """Have the script do something to a room; raises :class:`Unavailable`."""
        keys = self._keys.of(name or "")
        for _ in range(2):
            await self._ready()
            given = (*keys.room, written or keys.snapshot)
            reply = await self._ask(
                *("EVALSHA", ROOM.sha, len(given), *given),
                *(operation, self._generation, self.now_argument(), name or "", keys.channel),
                *parts,
            )
            if reply != [b"generation"]:
                return reply
            await self._renew_generation()
        raise Unavailable("Redis has lost what was written; try again")

    async def _ask(self, *command: Any) -> Any:
        """Return what Redis answers to a command; raises :class:`Unavailable`."""
        (reply,) = await self._ask_all(command)
        return reply

    async def _ask_all(self, *commands: tuple[Any, ...]) -> list[Any]:
        """Return what Redis answers to commands; raises :class:`Unavailable`."""
        self._start()
        try:
            try:
                return await self._converse(commands)
            except exceptions.NoScriptError:  # somebody flushed them
                await self._place.pool.disconnect()
                return await self._converse(commands)
        except (exceptions.RedisError, OSError, RedisUnusable) as error:
            if isinstance(error, exceptions.ResponseError):
                _log.error("%s: %s", self._place.shown, error)
            raise Unavailable(explain(error)) from None

    async def _converse(self, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        async with self._conversations:
            connection = await self._place.borrow()
            try:
                replies = await exchange(connection, commands)
            finally:
                await self._place.pool.release(connection)
        for reply in replies:
            if isinstance(reply, Exception):
                raise reply
        return replies

    async def _alone(self, name: str, work: Callable[[str], Awaitable[_Result]]) -> _Result:
        """Do something to the room of a name while nobody else here does, and to its end."""

        async def whole() -> _Result:
            async with self._locks.hold(name):
                if self._closing is not None:
                    raise Unavailable(self._closing)
                return await work(name)

        return await asyncio.shield(asyncio.ensure_future(whole()))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Future[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            error = task.exception()
            if not isinstance(error, Unavailable):
                _log.error("Something that goes on beside failed", exc_info=error)


def _written(bounds: Bounds) -> bytes:
    return msgspec.json.encode(bounds)


def _read_records(fields: Any) -> dict[tuple[str, str], bytes | None]:
    """Return the records of a room's access as a hash holds them."""
    pairs = (
        fields.items() if isinstance(fields, dict) else zip(fields[::2], fields[1::2], strict=True)
    )
    records: dict[tuple[str, str], bytes | None] = {}
    for field, content in pairs:
        kind, _, name = field.decode().partition("\0")
        records[kind, name] = content
    return records
