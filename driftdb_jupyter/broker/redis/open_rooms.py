"""The rooms that are open at a server, each of which follows its log in Redis."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from operator import methodcaller
from typing import TypeAlias, TypeVar

from ...protocol.errors import QuotaExceeded, Unavailable
from ...protocol.name import new_id
from ...rooms.memory_budget import MemoryBudget
from ...rooms.room import Room
from ...rooms.window import WindowLimits
from ..broker import Audience
from ..name_locks import NameLocks
from .courier import Courier
from .keys import RoomKeys
from .listener import Listener
from .presences import Presences
from .record import Begun, Record, encode_body
from .replica import HistoryLost
from .sequencer import RedisSequencer
from .snapshot import SnapshotReader, SnapshotTorn, write_snapshot
from .store import RoomDamaged, Store, read_access, written_bounds
from .tasks import Tasks

__all__ = ["DELETED", "OPEN_ATTEMPTS", "RESET", "STOPPING", "OpenRooms"]

_log = logging.getLogger("driftdb_jupyter")
_Result = TypeVar("_Result")
_Beginning: TypeAlias = "tuple[bytes, bytes | None, bytes]"
"""What is known of a room before it is read: its id, its snapshot if any, its newest number."""

DELETED: Callable[[Audience], None] = methodcaller("deleted")
RESET: Callable[[Audience], None] = methodcaller("reset")
_OUT_OF_SERVICE = methodcaller("out_of_service")

STOPPING = "the server is stopping"
"""Why no more is asked of Redis, at the end."""
OPEN_ATTEMPTS = 5
"""How often a room is read that changes meanwhile."""

# What a room's channel carries beside entries: a presence behind that sign, or that it has gone.
_PRESENCE = b"+"
_GONE = b"gone"
# How long an entry may be missing before it is read from the log.
_GAP_SECONDS = 0.02
# When it is read again where it could not be.
_GAP_AGAIN_SECONDS = 0.5
# While a room is read, other snapshots may take the place of the one that is being read.
_READ_ATTEMPTS = 20
_ENTRIES_AT_ONCE = 200
# A reading that is under way may have begun before what is waited for was written.
_CATCH_UP_ATTEMPTS = 3
_PIECES_AT_ONCE = 4
# A snapshot is written when the log since the last one is longer than that, and than half of it.
_SNAPSHOT_BYTES = 1024 * 1024
# When a room is left it is written for less, so that it is opened the faster.
_LEFT_SNAPSHOT_BYTES = 64 * 1024


class OpenRooms:
    """The sequencers of the rooms that are open here, by name.

    It gives them what is published on their channels, and reads from their logs what was missed.
    """

    def __init__(
        self,
        store: Store,
        presences: Presences,
        tasks: Tasks,
        *,
        memory: MemoryBudget,
        window_limits: WindowLimits | None,
        timeout_seconds: float,
    ) -> None:
        self.memory = memory
        self._store = store
        self._presences = presences
        self._tasks = tasks
        self._window_limits = window_limits
        self._timeout_seconds = timeout_seconds
        self._rooms: dict[str, RedisSequencer] = {}
        self._channels: dict[str, RedisSequencer] = {}
        self._early: dict[str, list[bytes]] = {}
        self._changed: dict[RedisSequencer, None] = {}
        self._unleft: dict[str, str] = {}  # the ids of those that Redis believes to be open here
        self._locks = NameLocks()
        self._catching_up: dict[RedisSequencer, asyncio.Future[None]] = {}
        self._gaps: set[RedisSequencer] = set()  # of rooms where it will be looked for one
        self._courier: Courier | None = None
        self._listener: Listener | None = None
        store.lost = self._lost

    def __contains__(self, name: str) -> bool:
        return name in self._rooms

    def __iter__(self) -> Iterator[RedisSequencer]:
        return iter(list(self._rooms.values()))

    def get(self, name: str) -> RedisSequencer | None:
        """Return the room of a name, if it is open."""
        return self._rooms.get(name)

    @property
    def failing(self) -> str | None:
        """Why nothing can be written at the moment, in words; else ``None``."""
        return self._store.closing or (None if self._courier is None else self._courier.failing)

    @property
    def trouble(self) -> str | None:
        """Why a room can't do all that it promises, in words; else ``None``."""
        return self.failing or (None if self._listener is None else self._listener.failing)

    def start(self) -> None:
        """Connect with the first use."""
        if self._store.closing is not None:
            raise Unavailable(self._store.closing)
        if self._courier is None:
            self._courier = Courier(self._store.place, self)
            self._listener = Listener(
                self._store.place,
                heard=self._heard,
                missed=self._missed,
                timeout_seconds=self._timeout_seconds,
            )

    async def alone(self, name: str, work: Callable[[str], Awaitable[_Result]]) -> _Result:
        """Do something to the room of a name while nobody else here does, and to its end."""

        async def whole() -> _Result:
            async with self._locks.hold(name):
                if self._store.closing is not None:
                    raise Unavailable(self._store.closing)
                return await work(name)

        return await asyncio.shield(asyncio.ensure_future(whole()))

    async def open(self, name: str, audience: Audience) -> RedisSequencer | None:
        """Take part in a room; ``None`` where there is no room of that name.

        To be called, as :meth:`leave`, by what is :meth:`alone`.
        """
        room = self._rooms.get(name)
        if room is None:
            room = await self._load(name)
            if room is None:
                return None
            try:
                room.room.charge(self.memory)
            except QuotaExceeded as error:
                self._unleft[name] = room.id
                await self._let_go(room)
                raise Unavailable(error.plain) from None
        room.audience = audience
        room.in_use = True
        return room

    async def _load(self, name: str) -> RedisSequencer | None:
        """Read a room, and follow it from then on."""
        self.start()
        assert self._listener is not None
        keys = self._store.keys.of(name)
        room = None
        try:
            await self._listener.subscribe(keys.channel)
            for _ in range(OPEN_ATTEMPTS):
                early: list[bytes] = []
                self._early[keys.channel] = early
                room = await self.read(keys)
                if room is None:
                    return None
                await self._presences.read(name)
                try:
                    for message in early:
                        if _is_entry(message):
                            room.take(Record.parse(message))
                except HistoryLost:
                    continue
                if room.generation == self._store.generation:
                    break
            else:
                raise Unavailable("the room changes faster than it can be read; try again")
            room.is_loaded = True
            self._unleft.pop(name, None)
            self._rooms[name] = self._channels[keys.channel] = room
            for message in early:
                if not _is_entry(message):
                    self._heard(keys.channel, message)
            if room.is_behind:
                self.catch_up(room)
            return room
        finally:
            self._early.pop(keys.channel, None)
            if room is None or not room.is_loaded:
                await self._listener.unsubscribe(keys.channel)

    async def read(self, keys: RoomKeys) -> RedisSequencer | None:
        """Read a room's snapshot and log, and take part in it; ``None`` where there is none.

        Raises :class:`RoomDamaged` where they don't fit together.
        """
        return await self._read(keys, self._take_part)

    async def peek(self, keys: RoomKeys) -> RedisSequencer | None:
        """Return a room as Redis has it, as :meth:`read` does, but leave no trace of that.

        Its epoch may be one that has ended.
        """
        return await self._read(keys, self._look)

    async def _read(
        self, keys: RoomKeys, begin: Callable[[RoomKeys], Awaitable[_Beginning | None]]
    ) -> RedisSequencer | None:
        for _ in range(_READ_ATTEMPTS):
            await self._store.ready()
            bounds, generation = self._store.bounds, self._store.generation
            assert generation is not None
            beginning = await begin(keys)
            if beginning is None:
                return None
            room_id, has_snapshot, number = beginning
            empty = Room(epoch="", quota=bounds.quota, window_limits=self._window_limits)
            room = RedisSequencer(keys, empty, bounds, self)
            room.id, room.generation = room_id.decode(), generation
            try:
                if has_snapshot:
                    await self._read_snapshot(room)
                else:
                    empty.remember()
                await self._read_log(room)
                if room.number < int(number):
                    raise SnapshotTorn
            except (SnapshotTorn, HistoryLost):
                continue  # another snapshot took its place meanwhile
            empty.take_access(read_access(keys.name, await self._store.ask("HGETALL", keys.access)))
            return room
        raise RoomDamaged("what Redis has of it doesn't fit together")

    async def _take_part(self, keys: RoomKeys) -> _Beginning | None:
        bounds = self._store.bounds
        reply = await self._store.do(
            keys.name,
            *("open", self._store.server, written_bounds(bounds)),
            encode_body(Begun(bounds, new_id())),
            encode_body(Begun(bounds)),
        )
        if reply[0] == b"gone":
            return None
        self._unleft[keys.name] = reply[1].decode()  # until it is open here
        return reply[1], reply[2], reply[3]

    async def _look(self, keys: RoomKeys) -> _Beginning | None:
        known = await self._store.ask("HMGET", keys.facts, "id", "snapshot", "number")
        return None if known[0] is None else (known[0], known[1], known[2] or b"")

    async def _read_snapshot(self, room: RedisSequencer) -> None:
        reader, place = SnapshotReader(room.room), 0
        while not reader.is_whole:
            last = place + _PIECES_AT_ONCE - 1
            pieces = await self._store.ask("LRANGE", room.keys.snapshot, place, last)
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
            entries = await self._store.ask(
                *("XRANGE", room.keys.log, f"{first}-0", "+", "COUNT", _ENTRIES_AT_ONCE)
            )
            for _, fields in entries:
                record = Record.parse(fields[1])
                if record.number > room.number + 1:
                    raise SnapshotTorn
                room.take(record)
            if len(entries) < _ENTRIES_AT_ONCE:
                return

    async def leave(self, name: str) -> None:
        """Take part no more."""
        room = self._rooms.get(name)
        if room is not None:
            await self._tell_left(room)
            await self._let_go(room)

    async def _leave_at_end(self, name: str) -> None:
        room = self._rooms.get(name)
        if room is not None:
            if not await self._tell_left(room):
                self._store.closing = STOPPING
            await self._let_go(room)

    async def _tell_left(self, room: RedisSequencer) -> bool:
        """Have all written that waits, and Redis know of it; returns whether that can be told."""
        room.in_use = False
        if self.failing is None:
            await asyncio.wait(
                [asyncio.ensure_future(room.wait_until_settled())], timeout=self._timeout_seconds
            )
        if room.has_ended:
            return True
        try:
            await self._tell_of(room)
            await self._store.do(room.keys.name, "leave", room.id, self._store.server)
        except Unavailable:
            _log.info("A room is left without Redis being told")
            self._unleft[room.keys.name] = room.id
            return False
        if room.log_bytes > _LEFT_SNAPSHOT_BYTES:
            await self.write_snapshot(room)
        return True

    async def _let_go(self, room: RedisSequencer) -> None:
        if room.has_ended:
            return
        self._forget(room)
        room.end(self.failing or "the room is being left")
        room.answer_waiting()
        assert self._listener is not None
        await self._listener.unsubscribe(room.keys.channel)

    async def write_snapshot(self, room: RedisSequencer) -> None:
        """Have Redis hold a room as it is, so that less of its log is to be read."""
        room.is_writing_snapshot = True
        head, log_bytes = room.head(), room.log_bytes
        try:
            pieces = write_snapshot(room.room, head, room.seen)
            written = await self._store.write_pieces(room.keys, pieces)
            try:
                await self._store.do(
                    *(room.keys.name, "snapshot", room.id, head.number, written.piece_count),
                    written=written.key,
                    generation=room.generation,
                )
            except Unavailable:
                await self._store.discard(written.key)
                raise
            room.snapshot_bytes = written.byte_count
        except Unavailable as error:
            _log.info("A snapshot can't be written: %s", error)
        finally:
            # Where it failed, too: the next attempt comes when the log has as much again.
            room.log_bytes -= log_bytes
            room.is_writing_snapshot = False

    async def tell(self) -> None:
        """Have Redis know what is told unopened of the rooms that have changed.

        And which are open here no more, so that those can expire.
        """
        while self._unleft:
            self._tasks.spawn(self._leave_unopened(*self._unleft.popitem()))
        await self._tell_of(*self._changed)

    async def _leave_unopened(self, name: str, room_id: str) -> None:
        """Take part no more in a room, unless it is open here by now."""
        async with self._locks.hold(name):
            if name in self._rooms:
                return
            try:
                await self._store.do(name, "leave", room_id, self._store.server)
            except Unavailable as error:
                if not isinstance(error, RoomDamaged):  # else it is no other the next time
                    self._unleft[name] = room_id

    async def _tell_of(self, *rooms: RedisSequencer) -> None:
        told = {}
        for each in rooms:
            if each in self._changed:
                del self._changed[each]
                room = each.room
                told[each.keys.name] = (each.id, room.seq, room.key_count, room.byte_count)
        if told:
            # All that are open were opened in that generation.
            await self._store.do_each("note", told, generation=self._store.generation)

    async def ping(self) -> None:
        """Find out whether what is published is still heard."""
        if self._listener is not None:
            await self._listener.ping()

    def drop_connections(self) -> None:
        """Send and hear over other connections from now on."""
        if self._courier is not None and self._listener is not None:
            self._courier.drop_connection()
            self._listener.drop_connection()

    async def close(self) -> None:
        """Leave all rooms, once what waits is written.

        When Redis can't be told of one, none of the others is tried.
        """
        if self.trouble is None:
            leaving = [self.alone(name, self._leave_at_end) for name in self._rooms]
            for left in await asyncio.gather(*leaving, return_exceptions=True):
                if isinstance(left, BaseException) and not isinstance(left, Unavailable):
                    raise left
        for room in self:
            self._forget(room)
            room.end(self.failing or STOPPING)
            room.answer_waiting()

    async def disconnect(self) -> None:
        """Send and hear no more."""
        if self._courier is not None and self._listener is not None:
            await self._courier.close()
            await self._listener.close()

    # What the sequencers and the courier need.

    @property
    def server(self) -> str:
        """The id of this server."""
        return self._store.server

    def now_argument(self) -> str:
        """Return the time that scripts are to take for now, empty for Redis's own."""
        return self._store.now_argument()

    def unavailable(self, error: Exception) -> Unavailable:
        """Return what an error of Redis means, which the log is told of."""
        return self._store.unavailable(error)

    def want_send(self, sequencer: RedisSequencer) -> None:
        """Have what was gathered sent, with the next pipeline."""
        assert self._courier is not None
        self._courier.want_send(sequencer)

    def changed(self, sequencer: RedisSequencer) -> None:
        """Note that what is told of a room unopened is another now."""
        self._changed[sequencer] = None

    def epoch_changed(self, sequencer: RedisSequencer) -> None:
        """Let go of a room that is in another epoch now."""
        self.end(sequencer, RESET, "the room is in another epoch")

    def taken(self, sequencer: RedisSequencer, record: Record) -> None:
        """Note that an entry of this server is in the log."""
        self.take(sequencer, record)
        due = max(_SNAPSHOT_BYTES, sequencer.snapshot_bytes // 2)
        if sequencer.log_bytes > due and not sequencer.is_writing_snapshot:
            self._tasks.spawn(self.write_snapshot(sequencer))

    def known(self, sequencer: RedisSequencer) -> None:
        """Note that the log has an entry already, whose number nobody heard."""
        self.catch_up(sequencer)

    def gone(self, sequencer: RedisSequencer) -> None:
        """Note that the room is no more, or another of its name."""
        self._tasks.spawn(self._find_end(sequencer))

    def generation_ended(self) -> None:
        """Note that Redis may have lost what was applied."""
        self._tasks.spawn(self._store.renew_generation())

    # The log.

    def take(self, room: RedisSequencer, record: Record) -> None:
        """Have a room apply an entry of its log."""
        if room.has_ended:
            return
        try:
            room.take(record)
        except HistoryLost:
            self._store.doubt()
            return
        except Exception:
            self._broken(room)
            return
        if room.is_behind:
            self._expect_gap(room, _GAP_SECONDS)

    def _broken(self, room: RedisSequencer) -> None:
        """Let go of a room of whose log an entry can't be applied."""
        _log.exception("%s: an entry of the log can't be applied", room)
        self.end(room, _OUT_OF_SERVICE, "the room is out of service after an error")

    def _expect_gap(self, room: RedisSequencer, seconds: float) -> None:
        """Have the log read if an entry is still missing then, and again until it is there."""
        if room not in self._gaps and not room.has_ended:
            self._gaps.add(room)
            asyncio.get_running_loop().call_later(seconds, self._look_for_gap, room)

    def _look_for_gap(self, room: RedisSequencer) -> None:
        self._gaps.discard(room)
        if room.is_behind and not room.has_ended and self._store.closing is None:
            self.catch_up(room)
            self._expect_gap(room, _GAP_AGAIN_SECONDS)

    def is_catching_up(self, room: RedisSequencer) -> bool:
        """Return True if a room's log is being read."""
        return room in self._catching_up

    def catch_up(self, room: RedisSequencer) -> asyncio.Future[None]:
        """Read what the log has beyond what was applied; returns what to wait for.

        That raises :class:`~...protocol.errors.Unavailable` where it can't be read.
        """
        running = self._catching_up.get(room)
        if running is None:
            running = self._catching_up[room] = self._tasks.spawn(self._read_on(room))
            running.add_done_callback(lambda _: self._catching_up.pop(room, None))
        return running

    async def caught_up(self, room: RedisSequencer, number: int) -> None:
        """Wait until an entry is applied, or the room has ended.

        Raises :class:`~...protocol.errors.Unavailable` where the log can't be read, or lacks it.
        """
        for _ in range(_CATCH_UP_ATTEMPTS):
            if room.number >= number or room.has_ended:
                return
            await asyncio.shield(self.catch_up(room))
        if room.number < number and not room.has_ended:
            raise Unavailable("Redis doesn't have what was written to the room; try again")

    async def _read_on(self, room: RedisSequencer) -> None:
        number, facts = room.number, room.keys.facts
        try:
            known = await self._store.ask("HMGET", facts, "id", "number")
            if known[0] is None or known[0].decode() != room.id:
                await self._find_end(room)
                return
            written = int(known[1])
            if written < number:
                raise HistoryLost
            await self._read_log(room)
            if room.number < written and not room.has_ended:
                raise SnapshotTorn
        except HistoryLost:
            self._store.doubt()
            raise Unavailable("Redis has lost what was written; try again") from None
        except SnapshotTorn:
            self.end(room, RESET, "the room is read anew")
        except Unavailable:
            raise
        except Exception:
            self._broken(room)

    def _lost(self) -> None:
        self.drop_connections()
        for room in self:
            self.end(room, RESET, "the room is in another epoch")

    async def _find_end(self, room: RedisSequencer) -> None:
        """Let go of a room that is no more; another may have its name."""
        event = RESET if await self._store.has(room.keys) else DELETED
        self.end(room, event)

    def _heard(self, channel: str, message: bytes) -> None:
        """Take what was published on a room's channel."""
        room = self._channels.get(channel)
        if room is None:
            early = self._early.get(channel)
            if early is not None:
                early.append(message)
        elif message.startswith(_PRESENCE):
            self._presences.hear(room.keys.name, message[1:])
        elif message == _GONE:
            self.catch_up(room)
        else:
            self.take(room, Record.parse(message))

    def _missed(self) -> None:
        """Read all that may have been published while nothing was heard."""
        for room in self:
            self.catch_up(room)
        self._presences.read_all_again()

    def end(
        self, room: RedisSequencer, event: Callable[[Audience], None], reason: str = ""
    ) -> None:
        """Let go of a room, whose audience hears of an event (see :meth:`RedisSequencer.end`)."""
        if room.has_ended:
            return
        self._forget(room)
        self._unleft[room.keys.name] = room.id
        audience = room.end(reason)
        try:
            event(audience)
        except Exception:
            _log.exception("An audience failed to hear that its room ended")
        room.answer_waiting()
        if self._listener is not None and self._store.closing is None:
            self._tasks.spawn(self._unfollow(room.keys))

    async def _unfollow(self, keys: RoomKeys) -> None:
        async with self._locks.hold(keys.name):
            if keys.name not in self._rooms and self._listener is not None:
                await self._listener.unsubscribe(keys.channel)

    def _forget(self, room: RedisSequencer) -> None:
        self._changed.pop(room, None)
        if self._rooms.get(room.keys.name) is room:
            del self._rooms[room.keys.name]
        if self._channels.get(room.keys.channel) is room:
            del self._channels[room.keys.channel]


def _is_entry(message: bytes) -> bool:
    return not message.startswith(_PRESENCE) and message != _GONE
