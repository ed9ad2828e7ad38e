"""The broker of one process that keeps its rooms in a journal.

Here is decided which rooms there are. Whatever makes, loads, replaces, deletes or expires the room
of a name has the lock of that name from the first look at the file to the last change in memory,
and goes on to its end even if the caller is cancelled. So there are never two sequencers for one
room, and ``_rooms`` is right about every name whose lock is free: a room that it has is the one
that the file has, and one that it hasn't can be loaded.

A deleted room loses its name in the file, and what it held is removed later. Rows of it that are
written in between find it by its number, and can't bring it back.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import sqlite3
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from itertools import count
from typing import TypeVar

from ...access.room_access import NO_CHANGE, Change, RoomAccess, changes_rights
from ...protocol.errors import BadMessage, QuotaExceeded, Unavailable
from ...protocol.name import new_id
from ...protocol.steps import Steps
from ...rooms.memory_budget import MemoryBudget
from ...rooms.presence import Presence, PresenceLimits
from ...rooms.quota import Quota
from ...rooms.room import Room
from ...rooms.window import WindowLimits
from ..broker import NOBODY, Audience, Commits, RoomSummary
from ..file.batch import Batch, Row
from ..file.journal import Journal, Loaded, Mode
from ..file.threads import JournalThreads
from ..memory_presence import MemoryPresence
from ..name_locks import NameLocks
from ..presence import PresenceAudience
from ..served_time import ServedTime
from .batched import BatchedSequencer
from .committer import Committer
from .rows import RoomRows
from .sequencer import JournaledSequencer, disk_used_up
from .synced import SyncedSequencer

__all__ = ["JournalBroker"]

_log = logging.getLogger("driftdb_jupyter")
_Result = TypeVar("_Result")

_TOUCH_SECONDS = 3600.0
# How long a room that was put out of service can't be opened. Long enough that a push which can
# never be written, and which its client sends again and again, is no load.
_OUT_OF_SERVICE_SECONDS = 60.0
# How long a room waits to be loaded while there is no memory for it, and how often it looks.
_RESERVE_SECONDS = 1.0
_RESERVE_LOOKS = 20
# A millisecond.
_ROWS_FREED_AT_ONCE = 5_000
# The open rooms that something is done to between two commits: some milliseconds.
_ROOMS_AT_ONCE = 250


class JournalBroker:
    """Rooms in a journal, and in memory while they are in use.

    ``path``: the journal's file. ``mode``: what an ack promises. ``commit_interval_seconds``: how
    far commits are apart at least while much is going on (``batched``). ``room_limit``: how many
    rooms there may be at once. ``disk_limit_bytes``: how much of the disk they may take together
    (0: what they take at the start, and half of what is free there). ``producer_limit``: of how
    many clients pushes are remembered in a room. ``quota``, ``window_limits``: of each room.
    ``memory``: of all that are in use (``None``: no bound). ``clock``: seconds since 1970;
    ``monotonic``: seconds that nobody sets.

    The journal is opened at once, which waits for the disk, and used on threads of its own from
    then on. Raises :class:`~.journal.JournalUnusable`, :class:`sqlite3.Error` and
    :class:`OSError` where it can't be opened. All methods but :meth:`__init__` belong to one loop.
    """

    journal: str
    keeps = True
    shared = None
    warning = None

    def __init__(
        self,
        path: str,
        *,
        mode: Mode = "batched",
        commit_interval_seconds: float = 0.01,
        room_limit: int = 100_000,
        disk_limit_bytes: int = 0,
        producer_limit: int = 10_000,
        quota: Quota | None = None,
        window_limits: WindowLimits | None = None,
        memory: MemoryBudget | None = None,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.clock = clock
        self.memory = memory or MemoryBudget()
        self.journal = path
        self.producer_limit = producer_limit
        self._room_limit = room_limit
        self._quota = quota
        self._window_limits = window_limits
        self._kind = SyncedSequencer if mode == "synced" else BatchedSequencer
        self._rooms: dict[str, JournaledSequencer] = {}
        self._locks = NameLocks()
        self._out_of_service: dict[str, float] = {}
        self._sweeping: asyncio.Task[None] | None = None
        self._closing: str | None = None
        self._era: str | None = None
        self._no_era = new_id()
        self._touched_at = clock()
        self._threads = JournalThreads(path, mode=mode)
        self._committer = Committer(
            self._threads,
            begin=self._begin,
            interval_seconds=0.0 if mode == "synced" else commit_interval_seconds,
        )
        self._disk_limit_bytes = disk_limit_bytes
        try:
            self._threads.do_now(self._look)
        except BaseException:
            self._threads.close_now()
            raise
        try:
            self._threads.do_now(self._begin)
        except (sqlite3.Error, OSError) as error:
            self._committer.fail(error)
        self._served = ServedTime(
            clock=clock, monotonic=monotonic, gaps=self._gaps, ran_at=self._ran_at
        )
        for notice in self._threads.journal.notices:
            _log.warning("%s", notice)

    def look(self) -> None:
        """Find out whether the file is still where it was (see :class:`.broker.Broker`)."""
        self._committer.look()

    def _look(self, journal: Journal) -> None:
        journal.look()
        if not self._disk_limit_bytes:
            free_bytes = shutil.disk_usage(os.path.dirname(os.path.abspath(journal.path))).free
            self._disk_limit_bytes = journal.used_bytes + free_bytes // 2
        self._count = journal.count()
        self._room_ids = count(journal.newest("rooms") + 1)
        self.producer_ids = count(journal.newest("producers") + 1)
        self._unswept = journal.has_deleted()
        self._ran_at, self._gaps = journal.served_time()

    def _begin(self, journal: Journal) -> None:
        if self._era is None:
            self._era = journal.begin()

    def _end(self, journal: Journal) -> None:
        journal.note_served_time(ran_at=self.clock(), gaps=self._served.gaps)
        journal.end()

    @property
    def commits(self) -> Commits:
        """The counts of the journal's commits."""
        return self._committer.commits

    @property
    def failing(self) -> str | None:
        """Why nothing can be written at the moment, in words; else ``None``."""
        return self._closing or self._committer.failing

    @property
    def is_full(self) -> bool:
        """Whether the rooms take as much of the disk as they may."""
        return self._threads.journal.used_bytes > self._disk_limit_bytes

    @property
    def trouble(self) -> str | None:
        """The reason why the broker can't do all that it promises, as text; else ``None``."""
        count = len(self._out())
        if self.failing is not None or not count:
            return self.failing
        return (
            f"{count} of the rooms can't be kept because of an error, and are out of service for a"
            " minute; the log has more"
        )

    @property
    def loses(self) -> bool:
        """Whether something that was shown would be lost if nothing more were written."""
        return any(room.loses for room in self._rooms.values())

    def _out(self) -> dict[str, float]:
        """Return the rooms that are out of service, and since when."""
        now = self.clock()
        return {
            name: since
            for name, since in self._out_of_service.items()
            if abs(now - since) < _OUT_OF_SERVICE_SECONDS
        }

    async def has(self, name: str) -> bool:
        """Return True if there is a room of that name; doesn't load it."""
        return name in self._rooms or await self._read(Journal.has, name)

    async def create(self, name: str) -> None:
        """Make an empty room of that name, unless there is one (see :class:`.broker.Broker`)."""
        await self._alone(name, self._create)

    async def _create(self, name: str) -> None:
        if not await self.has(name):
            await self._put(name, Room(epoch=new_id()), replace=False)

    async def access(self, name: str) -> RoomAccess | None:
        """Return who may do what in a room (see :class:`.broker.Broker`)."""
        room = self._rooms.get(name)
        if room is not None:
            return room.room.access
        found = await self._read(Journal.access, name)
        return None if found is None else found[1]

    async def change_access(
        self, name: str, change: Change, *, expected: Change = NO_CHANGE
    ) -> bool:
        """Change who may do what in a room (see :class:`.broker.Broker`)."""
        return await self._alone(name, partial(self._change_access, change, expected))

    async def _change_access(self, change: Change, expected: Change, name: str) -> bool:
        room = self._rooms.get(name)
        if room is not None:
            number, access = room.rows.number, room.room.access
        else:
            found = await self._read(Journal.access, name)
            if found is None:
                return False
            number, access = found
        access.demand(expected)
        more_cost = access.check(change, limit_bytes=(self._quota or Quota()).access_bytes)
        batch = Batch(number)
        for place, content in change.items():
            if content is None:
                batch.access_removed.append((number, *place))
            else:
                batch.access.append((number, *place, content))
        # Nobody takes the memory while it is being written. A room that isn't loaded needs none
        # yet, but could not be loaded any more.
        reserved = max(more_cost, 0)
        if reserved:  # less than before is always welcome
            self.memory.take(reserved)
        try:
            await self._write(batch)
        finally:
            self.memory.release(reserved)
        room = self._rooms.get(name)
        if room is not None:
            room.room.note_access(change)
            if changes_rights(change):
                self._tell(room.audience.access_changed)
        return True

    async def open(self, name: str, audience: Audience) -> JournaledSequencer | None:
        """Take part in a room; ``None`` where there is no room of that name.

        Raises :class:`~..protocol.errors.Unavailable` where it can't be read, or is out of service.
        """
        return await self._alone(name, partial(self._open, audience))

    async def _open(self, audience: Audience, name: str) -> JournaledSequencer | None:
        room = self._rooms.get(name)
        if room is None:
            if name in self._out():
                raise Unavailable("the room is out of service after an error; try again later")
            loaded = await self._load(name)
            if loaded is None:
                return None
            self._out_of_service.pop(name, None)
            era = self._no_era if self._era is None else self._era
            room = self._kind(name, loaded, self, epoch=f"{loaded.epoch}.{era}")
            self._rooms[name] = room
        room.audience = audience
        room.in_use = True
        return room

    async def _load(self, name: str) -> Loaded | None:
        cost_bytes = await self._read(Journal.cost_of_room, name)
        if cost_bytes is None:
            return None
        await self._reserve(cost_bytes)
        try:
            loaded: Loaded | None = await self._read(
                Journal.load, name, quota=self._quota, window_limits=self._window_limits
            )
        finally:
            self.memory.release(cost_bytes)
        if loaded is not None:
            try:
                loaded.room.charge(self.memory)
            except QuotaExceeded as error:
                raise Unavailable(error.plain) from None
        return loaded

    async def _reserve(self, byte_count: int) -> None:
        """Charge what a room will cost that is about to be loaded.

        While that is too much, idle rooms may be left.
        """
        memory = self.memory
        memory.wanted_bytes += byte_count
        try:
            for _ in range(_RESERVE_LOOKS):
                if memory.fits(byte_count) or byte_count > memory.limit_bytes:
                    break
                await asyncio.sleep(_RESERVE_SECONDS / _RESERVE_LOOKS)
        finally:
            memory.wanted_bytes -= byte_count
        try:
            memory.take(byte_count)
        except QuotaExceeded as error:
            raise Unavailable(error.plain) from None

    def presence(
        self, name: str, audience: PresenceAudience, *, limits: PresenceLimits, grace_seconds: float
    ) -> MemoryPresence:
        """Return what knows who is there in a room (see :class:`.broker.Broker`)."""
        presence = Presence(limits=limits, memory=self.memory)
        return MemoryPresence(presence, audience, grace_seconds=grace_seconds)

    async def leave(self, name: str) -> None:
        """Take part no more: the room is written, and leaves memory."""
        room = self._rooms.get(name)
        if room is None:
            return
        room.in_use = False
        room.audience = NOBODY  # which holds the room as well: a cycle would stay till a collection
        room.end()
        if self.failing is None:
            await self._committer.wait_until_written()

    async def restore(self, name: str, room: Room) -> None:
        """Take a whole room, under a name that no other has (see :class:`.broker.Broker`)."""
        await self._alone(name, partial(self._restore, room))

    async def _restore(self, room: Room, name: str) -> None:
        if await self.has(name):
            raise BadMessage(f"expected a name that is free, got {name!r}: there is such a room")
        batch = await self._put(name, room, replace=False)
        await _in_turns(_emptied(batch.entries))

    async def replace(self, name: str, room: Room) -> None:
        """Take a whole room, in the place of another (see :class:`.broker.Broker`)."""
        await self._alone(name, partial(self._replace, room))

    async def _replace(self, room: Room, name: str) -> None:
        there = await self.has(name)
        other = self._rooms.get(name)
        if other is not None:
            room.succeed(other.room)
        elif there:
            loaded: Loaded | None = await self._read(Journal.load, name)
            assert loaded is not None
            room.succeed(loaded.room)
        batch = await self._put(name, room, replace=there)
        # At once: what is pushed to the other one from now on would be acknowledged, and lost.
        if other is not None:
            self._tell(self._let_go(other).reset)
        if there:
            self._sweep()
        await _in_turns(_emptied(batch.entries))

    async def _put(self, name: str, room: Room, *, replace: bool) -> Batch:
        """Write a whole room, in one commit with the removal of the one that has the name.

        Returns what was written, which is to be freed in turns.
        """
        if not replace:
            if self._count >= self._room_limit:
                raise QuotaExceeded(f"expected at most {self._room_limit} rooms, got one more")
            if self.is_full:
                raise disk_used_up()
            self._count += 1
        try:
            room.newest_relay = room.seq  # any number up to there may have been a relay's
            loaded = Loaded(next(self._room_ids), new_id(), room)
            rows = RoomRows(loaded, self.producer_ids)
            batch = await _in_turns(rows.make_new(name, room, now=self.clock()))
            if replace:
                batch.deleted.append((name,))
            await self._write(batch)
        except BaseException:
            self._count -= not replace
            raise
        self._out_of_service.pop(name, None)
        return batch

    async def delete(self, name: str) -> bool:
        """Forget a room, and tell whether there was one (see :class:`.broker.Broker`)."""
        return await self._alone(name, self._delete)

    async def _delete(self, name: str) -> bool:
        if not await self.has(name):
            return False
        await self._write(Batch(deleted=[(name,)]))
        self._count -= 1
        self._out_of_service.pop(name, None)
        room = self._rooms.get(name)
        if room is not None:
            self._tell(self._let_go(room).deleted)
        self._sweep()
        return True

    async def expire(self, *, room_seconds: float, client_seconds: float) -> list[str]:
        """Forget what has not been used for that long (see :class:`.broker.Broker`)."""
        await self._note_served_time()
        clients_before = self._served.before(client_seconds)
        await self._do_to_all(lambda room: room.expire_clients(before=clients_before))
        names: list[str] = []
        if not room_seconds or self.failing is not None:
            return names
        before = self._served.before(room_seconds)
        with suppress(Unavailable):  # it is in the log
            for name in await self._read(Journal.unused, before=before):
                if await self._alone(name, partial(self._expire, before)):
                    names.append(name)
        if names:
            self._sweep()
        return names

    async def _note_served_time(self) -> None:
        """Note now and then that a server runs, and which rooms are in use."""
        gap, now = self._served.look(), self.clock()
        if gap is not None:
            _log.info(
                "No server ran for %.1f hours, by the clock: rooms and clients that nobody used"
                " meanwhile are kept that much longer",
                (gap[1] - gap[0]) / 3600,
            )
        elif abs(now - self._touched_at) < _TOUCH_SECONDS:
            return
        if self.failing is not None:
            return
        # So that a room isn't taken for unused if this process is killed.
        self._touched_at = now
        await self._do_to_all(JournaledSequencer.touch)
        call = partial(Journal.note_served_time, ran_at=now, gaps=self._served.gaps)
        with suppress(Unavailable):  # it is in the log
            await self._run(self._threads.write, call)

    async def _do_to_all(self, action: Callable[[JournaledSequencer], None]) -> None:
        """Do something to all open rooms, and have it written a few rooms at a time."""
        for number, room in enumerate(list(self._rooms.values()), 1):
            if self._has(room):  # others may have written to it since it was left
                action(room)
            if not number % _ROOMS_AT_ONCE and self.failing is None:
                await self._committer.wait_until_written()

    async def _expire(self, before: float, name: str) -> bool:
        # Somebody may have come, and even left again, since the list was made.
        if name in self._rooms or self._closing:
            return False
        gone = await self._run(self._threads.write, Journal.delete_unused, name, before=before)
        self._count -= gone
        return gone

    async def summaries(self) -> list[RoomSummary]:
        """All rooms, by name."""
        summaries = []
        for name, seq, keys, size, used_at in await self._read(Journal.summaries):
            kept = self._rooms.get(name)
            if kept is not None:
                room = kept.room
                seq, keys, size = room.seq, room.key_count, room.byte_count
                used_at = self.clock() if kept.in_use else used_at
            summaries.append(RoomSummary(name, seq, keys, size, used_at))
        return summaries

    async def vacuum(self) -> int:
        """Give the disk back what deleted values took; commits wait until it is done.

        Returns how many bytes that was.
        """
        before = os.path.getsize(self.journal)
        while await self._run(self._threads.write, Journal.sweep):
            pass
        await self._run(self._threads.write, Journal.vacuum)
        return before - os.path.getsize(self.journal)

    async def check(self) -> list[str]:
        """Describe what is wrong with the file, in SQLite's words; empty if nothing is."""
        return await self._run(self._threads.take_long, Journal.check)

    async def backup(self, target: str, *, progress: Callable[[int, int], None]) -> int:
        """Copy all rooms to a file (see :class:`.broker.Broker`)."""

        def copied(done: int, total: int) -> None:
            if self._threads.ending:
                raise Unavailable("the server is stopping")
            progress(done, total)

        def copy(journal: Journal) -> int:
            try:
                return journal.backup(target, progress=copied)
            except (sqlite3.Error, OSError) as error:
                said = getattr(error, "strerror", None) or error
                raise Unavailable(f"the copy {target} can't be written ({said})") from error

        return await self._run(self._threads.take_long, copy)

    async def close(self) -> None:
        """Write what is to be written, and end."""
        self._threads.stop_long()
        for room in list(self._rooms.values()):
            room.in_use = False
            room.end()
        committer, reason = self._committer, None
        while reason is None and not committer.idle:
            reason = await committer.wait_until_written()
        if self.loses and self._era is not None:
            # In synced the changes that weren't written were never shown.
            lost = "ids of the last relays" if self._kind is SyncedSequencer else "last changes"
            _log.error("The %s are lost: %s", lost, reason)
        self._closing = "the server is stopping"
        committer.stop(self._closing)
        if self._sweeping is not None:
            await asyncio.wait([self._sweeping])
        try:
            if reason is None and not committer.tainted and self._era is not None:
                with suppress(Unavailable):  # it is in the log; the next server begins new epochs
                    await self._run(self._threads.write, self._end)
        finally:
            await self._threads.close()

    # What the sequencers need.

    def want_commit(self, sequencer: JournaledSequencer, *, urgent: bool) -> None:
        """Have the sequencer's draft written soon, and at once where somebody waits."""
        if sequencer.deleted:
            sequencer.dirty = True
            asyncio.get_running_loop().call_soon(self._answer_too_late, sequencer)
        else:
            self._committer.want_commit(sequencer, urgent=urgent)

    def put_out_of_service(self, sequencer: JournaledSequencer, reason: str) -> None:
        """Let go of a room that can't be kept."""
        self._out_of_service = {**self._out(), sequencer.name: self.clock()}
        self._tell(self._let_go(sequencer).out_of_service)

    def written(self, sequencer: JournaledSequencer) -> None:
        """Let go of a room that nobody uses, if nothing of it is left to be written."""
        if not sequencer.in_use and sequencer.settled and self._has(sequencer):
            del self._rooms[sequencer.name]
            sequencer.release()

    @staticmethod
    def _answer_too_late(sequencer: JournaledSequencer) -> None:
        """Answer what came too late for a deleted room, as if it had just been written."""
        sequencer.dirty = False
        try:
            sequencer.take()
            sequencer.committed()
        except Exception:
            _log.exception("%s, which was deleted", sequencer)
            sequencer.refuse_all("the room was deleted")

    # One at a time.

    async def _alone(self, name: str, work: Callable[[str], Awaitable[_Result]]) -> _Result:
        """Do something to the room of a name while nobody else does, and to its end."""

        async def whole() -> _Result:
            async with self._locks.hold(name):
                if self._closing is not None:
                    raise Unavailable(self._closing)
                if self._unswept:
                    self._unswept = False
                    self._sweep()
                return await work(name)

        return await asyncio.shield(asyncio.ensure_future(whole()))

    def _let_go(self, room: JournaledSequencer) -> Audience:
        """Forget a room that is no more; returns who is to hear of that."""
        if self._has(room):
            del self._rooms[room.name]
        room.deleted = True
        room.release()
        if room.dirty:
            self._committer.withdraw(room)
            self.want_commit(room, urgent=True)
        audience, room.audience = room.audience, NOBODY
        return audience

    @staticmethod
    def _tell(event: Callable[[], None]) -> None:
        """Let an audience hear of something; an error there changes nothing of it."""
        try:
            event()
        except Exception:
            _log.exception("An audience failed to hear that its room ended")

    def _has(self, room: JournaledSequencer) -> bool:
        return self._rooms.get(room.name) is room

    def _sweep(self) -> None:
        """Remove what deleted rooms held, without anybody having to wait for it."""
        if self._sweeping is None or self._sweeping.done():
            self._sweeping = asyncio.ensure_future(self._sweep_all())

    async def _sweep_all(self) -> None:
        try:
            while not self._closing and await self._run(self._threads.write, Journal.sweep):
                pass
        except Unavailable:
            pass  # it is in the log, and the next deletion or start goes on with it
        except Exception:
            _log.exception("What deleted rooms held can't be removed")

    # The journal.

    async def _write(self, batch: Batch) -> None:
        if self._closing is not None:
            raise Unavailable(self._closing)
        await self._committer.write(batch)

    async def _read(
        self, function: Callable[..., _Result], *arguments: object, **options: object
    ) -> _Result:
        return await self._run(self._threads.read, function, *arguments, **options)

    async def _run(
        self,
        thread: Callable[[Callable[[Journal], _Result]], Awaitable[_Result]],
        function: Callable[..., _Result],
        *arguments: object,
        **options: object,
    ) -> _Result:
        def call(journal: Journal) -> _Result:
            return function(journal, *arguments, **options)

        try:
            return await thread(call)
        except (sqlite3.Error, OSError) as error:
            _log.error("The journal %s: %s", self.journal, error)
            said = getattr(error, "strerror", None) or error
            raise Unavailable(f"the journal can't be used ({said})") from error


def _emptied(rows: list[Row]) -> Steps[None]:
    """Free rows, some in each step."""
    while rows:
        del rows[-_ROWS_FREED_AT_ONCE:]
        yield


async def _in_turns(steps: Steps[_Result]) -> _Result:
    """Do a work in steps, and let others have a turn between them."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: _Result = end.value
            return result
        await asyncio.sleep(0)
