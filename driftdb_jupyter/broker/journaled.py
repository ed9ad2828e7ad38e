"""The broker of one process that keeps its rooms in a journal."""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from functools import partial
from itertools import count
from typing import Any, TypeVar

from ..protocol.errors import BadMessage, QuotaExceeded, Unavailable
from ..protocol.name import new_id
from ..rooms.memory_budget import MemoryBudget
from ..rooms.quota import Quota
from ..rooms.room import Room
from ..rooms.window import WindowLimits
from .batch import Batch, Row
from .batched import BatchedSequencer
from .broker import Audience, RoomSummary
from .journal import Journal, Loaded, Mode
from .kept_room import KeptRoom
from .readers import Readers
from .synced import SyncedSequencer

__all__ = ["JournalBroker"]

_log = logging.getLogger("driftdb_jupyter")
_Result = TypeVar("_Result")

_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 5.0
_TOUCH_SECONDS = 3600.0
# So that a large room that is being loaded doesn't keep others from being opened.
_READERS = 3
# A loop's timers are no finer.
_TIMER_SECONDS = 0.001
# A loop that is busy, but lets go of the interpreter's lock often and briefly, can keep a thread
# from getting it for minutes. So while one of ours is at work for longer than a commit takes, the
# loop steps aside now and then; what it pays for that is at most some percent.
_STEP_ASIDE_AFTER_SECONDS = 0.005
_STEP_ASIDE_INTERVAL_SECONDS = 0.002
_STEP_ASIDE_SECONDS = 0.0001


class JournalBroker:
    """Rooms in a journal, and in memory while they are in use.

    ``path``: the journal's file. ``mode``: what an ack promises. ``commit_interval_seconds``: how
    far commits are apart at least while much is going on (``batched``). ``room_limit``: how many
    rooms there may be at once. ``quota``, ``window_limits``: of each room. ``memory``: of all that
    are in use (``None``: no bound). ``clock``: seconds since 1970.

    The journal is opened at once, which waits for the disk, and used on threads of its own from
    then on. Raises :class:`~.journal.JournalUnusable`, :class:`sqlite3.Error` and
    :class:`OSError` where it can't be opened. All methods but :meth:`__init__` belong to one loop.
    """

    journal: str

    def __init__(
        self,
        path: str,
        *,
        mode: Mode = "batched",
        commit_interval_seconds: float = 0.01,
        room_limit: int = 100_000,
        quota: Quota | None = None,
        window_limits: WindowLimits | None = None,
        memory: MemoryBudget | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.clock = clock
        self.memory = memory or MemoryBudget()
        self.failing: str | None = None
        self.journal = path
        self._synced = mode == "synced"
        self._interval = 0.0 if self._synced else commit_interval_seconds
        self._room_limit = room_limit
        self._load = partial(Journal.load, quota=quota, window_limits=window_limits)
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="driftdb-journal")
        self._reader = self._writer
        self._ending = threading.Event()
        self._rooms: dict[str, KeptRoom] = {}
        self._loading: dict[str, asyncio.Future[KeptRoom | None]] = {}
        self._creating: dict[str, asyncio.Future[None]] = {}
        self._deleting: dict[str, asyncio.Future[bool]] = {}
        self._sweeping: asyncio.Future[None] | None = None
        self._run: str | None = None
        self._no_run = new_id()
        self._touched_at = clock()
        self._waiting: dict[KeptRoom, None] = {}
        self._taken: dict[KeptRoom, None] = {}
        self._undecided: set[KeptRoom] = set()  # that are being deleted
        self._new: list[Row] = []
        self._batches: list[Batch] = []
        self._watchers: list[asyncio.Future[str | None]] = []
        self._committing = False
        self._urgent = False
        self._timer: asyncio.TimerHandle | None = None
        self._last = 0.0
        self._took = 0.0
        self._at_work = 0
        self._aside: asyncio.TimerHandle | None = None
        self._pause = _FIRST_PAUSE_SECONDS
        try:
            self._writer.submit(self._open, mode).result()
        except BaseException:
            self._writer.shutdown()
            raise

    def _open(self, mode: Mode) -> None:
        journal = self._journal = Journal(self.journal, mode=mode)
        self._reading = Readers([journal])
        try:
            self._count = journal.count()
            self._room_ids = count(journal.newest("rooms") + 1)
            self.producer_ids = count(journal.newest("producers") + 1)
            try:
                self._begin()
            except (sqlite3.Error, OSError) as error:
                self._fail(error)
            if journal.shared:
                self._reading = Readers(
                    [Journal(self.journal, reading=True) for _ in range(_READERS)]
                )
                self._reader = ThreadPoolExecutor(
                    _READERS, thread_name_prefix="driftdb-journal-reader"
                )
        except BaseException:
            journal.close()
            raise
        if journal.notice:
            _log.warning("%s", journal.notice)

    def _begin(self) -> None:
        if self._run is None:
            self._run = self._journal.begin()

    @property
    def trouble(self) -> str | None:
        """What keeps the broker from doing all that it promises, in words; else ``None``."""
        return self.failing

    async def create(self, name: str) -> None:
        """Make an empty room of that name, unless there is one (see :class:`.broker.Broker`)."""
        if await self.has(name):
            return
        creating = self._creating.get(name)
        if creating is None:
            creating = self._creating[name] = asyncio.ensure_future(self._create(name))
            creating.add_done_callback(lambda _: self._creating.pop(name))
        await asyncio.shield(creating)

    async def _create(self, name: str) -> None:
        if self._count >= self._room_limit:
            raise QuotaExceeded(f"expected at most {self._room_limit} rooms, got one more")
        if self.failing is not None:
            raise Unavailable(self.failing)
        self._count += 1
        row = (next(self._room_ids), name, new_id(), 0, 0, 0, 0, 0, self.clock())
        self._new.append(row)
        reason = await self._written()
        if reason is not None:
            self._count -= 1
            raise Unavailable(reason)

    async def has(self, name: str) -> bool:
        """Whether there is a room of that name; loads none (see :class:`.broker.Broker`)."""
        await self._decided(name)
        return name in self._rooms or await self._read(Journal.has, name)

    async def open(self, name: str, audience: Audience) -> KeptRoom | None:
        """Take part in a room; ``None`` where there is no room of that name.

        Raises :class:`~..protocol.errors.Unavailable` where it can't be read.
        """
        await self._decided(name)
        room = self._rooms.get(name)
        if room is None:
            loading = self._loading.get(name)
            if loading is None:
                loading = self._loading[name] = asyncio.ensure_future(self._load_room(name))
                loading.add_done_callback(lambda _: self._loading.pop(name))
            room = await asyncio.shield(loading)
        if room is not None:
            room.audience = audience
            room.in_use = True
        return room

    async def _load_room(self, name: str) -> KeptRoom | None:
        loaded: Loaded | None = await self._read(self._load, name)
        if loaded is None:
            return None
        run = self._no_run if self._run is None else self._run
        kind = SyncedSequencer if self._synced else BatchedSequencer
        room = self._rooms[name] = kind(name, loaded, self, epoch=f"{loaded.epoch}.{run}")
        return room

    async def leave(self, name: str) -> None:
        """Take part no more: the room is written, and leaves memory."""
        room = self._rooms.get(name)
        if room is None:
            return
        room.in_use = False
        room.end()
        if self.failing is None:
            await self._written()

    async def restore(self, name: str, room: Room) -> None:
        """Take a whole room, under a name that no other has (see :class:`.broker.Broker`)."""
        if await self.has(name):
            raise BadMessage(f"expected the name of no room, got {name!r}")
        await self.create(name)
        kept = await self._load_room(name)
        assert kept is not None
        kept.restore(room)
        await self.leave(name)
        if self.failing is not None:
            raise Unavailable(self.failing)

    async def delete(self, name: str) -> bool:
        """Forget a room, and tell whether there was one (see :class:`.broker.Broker`)."""
        await self._decided(name)
        deleting = self._deleting[name] = asyncio.ensure_future(self._delete(name))
        deleting.add_done_callback(lambda _: self._deleting.pop(name))
        return await asyncio.shield(deleting)

    async def _delete(self, name: str) -> bool:
        # What is pushed until it is decided waits for that: a commit would bring the room back.
        room = self._rooms.get(name)
        if room is not None:
            self._waiting.pop(room, None)
            self._undecided.add(room)
        try:
            while self._committing or self._new:
                await self._written()
            if self.failing is not None:
                raise Unavailable(self.failing)
            there = await self._write(Journal.delete, name)
            if room is not None:
                room.deleted = True
                self._rooms.pop(name, None)
        finally:
            if room is not None:
                self._undecided.discard(room)
                if room.dirty:
                    self.want_commit(room, urgent=True)
        self._count -= there
        self._sweep()
        return there

    async def _decided(self, name: str) -> None:
        """Wait while a room is being deleted."""
        while (deleting := self._deleting.get(name)) is not None:
            await asyncio.wait([deleting])

    def _sweep(self) -> asyncio.Future[None]:
        """Remove what deleted rooms held, without anybody having to wait for it."""
        if self._sweeping is None or self._sweeping.done():
            self._sweeping = asyncio.ensure_future(self._sweep_all())
        return self._sweeping

    async def _sweep_all(self) -> None:
        with suppress(Unavailable):  # it is in the log, and the next deletion goes on with it
            while await self._write(Journal.sweep):
                pass

    async def expire(self, *, before: float) -> list[str]:
        """Delete the rooms in which nobody takes part nor did since then; returns their names."""
        now = self.clock()
        if now - self._touched_at > _TOUCH_SECONDS:
            # So that a room isn't taken for unused if this process is killed.
            self._touched_at = now
            for room in self._rooms.values():
                room.touch()
        names = []
        for name in await self._read(Journal.unused, before=before):
            if name not in self._rooms and name not in self._loading:
                await self.delete(name)
                names.append(name)
        return names

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
        await self._sweep()
        await self._write(Journal.vacuum)
        return before - os.path.getsize(self.journal)

    async def check(self) -> list[str]:
        """What is wrong with the file, in SQLite's words; empty where nothing is."""
        return await self._take_long(Journal.check)

    async def backup(self, target: str, *, progress: Callable[[int, int], None]) -> int:
        """Copy all rooms to a file (see :class:`.broker.Broker`)."""

        def copied(done: int, total: int) -> None:
            if self._ending.is_set():
                raise Unavailable("the server is stopping")
            progress(done, total)

        def copy(journal: Journal) -> int:
            try:
                return journal.backup(target, progress=copied)
            except (sqlite3.Error, OSError) as error:
                raise Unavailable(f"the copy {target} can't be written ({error})") from error

        return await self._take_long(copy)

    async def _take_long(self, function: Callable[[Journal], _Result]) -> _Result:
        """Do what may take minutes on a connection and a thread of its own.

        Where no second connection may be opened, others have to wait.
        """
        if self._reader is self._writer:
            return await self._write(function)

        def work() -> _Result:
            with closing(Journal(self.journal, reading=True)) as journal:
                journal.stop_when(self._ending.is_set)
                return function(journal)

        thread = ThreadPoolExecutor(1, thread_name_prefix="driftdb-journal-apart")
        try:
            return await self._run_on(thread, work)
        finally:
            thread.shutdown(wait=False)

    async def close(self) -> None:
        """Write what is to be written, and end."""
        self._ending.set()
        if self._sweeping is not None:
            await self._sweeping
        for room in self._rooms.values():
            room.in_use = False
            room.end()
        reason = None
        while reason is None and (
            self._committing or self._waiting or self._new or self._batches or self.failing
        ):
            reason = await self._written()
        if self._timer is not None:
            self._timer.cancel()
        if self._batches and self._run is not None:
            _log.error("The last changes are lost: %s", reason)
        self.failing = "the server is stopping"
        loop = asyncio.get_running_loop()
        if self._reader is not self._writer:
            await loop.run_in_executor(self._reader, self._reading.close)
        await loop.run_in_executor(self._writer, self._close, reason is None)
        self._reader.shutdown()
        self._writer.shutdown()

    def _close(self, clean: bool) -> None:
        try:
            if clean and self._run is not None:
                self._journal.end()
        finally:
            self._journal.close()

    # Group commit. One commit is under way at a time, and what comes meanwhile gathers for the
    # next. After one that failed a timer tries again, with growing pauses.

    def want_commit(self, room: KeptRoom, *, urgent: bool) -> None:
        """Write the room's draft soon, and at once where somebody waits (``urgent``)."""
        room.dirty = True
        if room in self._undecided:
            return
        if room.deleted:
            asyncio.get_running_loop().call_soon(self._answer_for, room)
            return
        self._waiting[room] = None
        self._schedule(urgent=urgent)

    def _answer_for(self, room: KeptRoom) -> None:
        """Answer what came too late for a room that is deleted, as if it had just been written."""
        room.dirty = False
        room.take(Batch())
        room.committed()

    def _schedule(self, *, urgent: bool) -> None:
        self._urgent |= urgent
        if self._committing or (self.failing is not None and self._timer is not None):
            return
        loop = asyncio.get_running_loop()
        # Who waits for an ack waits no longer than the last commit took.
        interval = min(self._interval, self._took) if self._urgent else self._interval
        due = self._last + interval
        if due < loop.time() + _TIMER_SECONDS:
            due = 0.0
        if self._timer is not None:
            if self._timer.when() <= due:
                return
            self._timer.cancel()
        self._timer = loop.call_at(due, self._commit)

    async def _written(self) -> str | None:
        """Wait until all that is there now was written; returns why it can't be, else ``None``."""
        watcher: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self._watchers.append(watcher)
        if self.failing is None:
            self._schedule(urgent=True)
        elif not self._committing:
            self._commit()
        return await watcher

    def _commit(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._committing:
            return
        self._urgent = False
        batch = Batch()
        batch.rooms, self._new = self._new, []
        wrote = bool(batch.rooms)
        taken, self._waiting = self._waiting, {}
        for room in taken:
            room.dirty = False
            wrote |= room.take(batch)
        self._taken.update(taken)
        if wrote:
            self._batches.append(batch)
        watchers, self._watchers = self._watchers, []
        if not self._batches and self.failing is None:
            self._succeeded(watchers)  # there is nothing but answers
            return
        loop = asyncio.get_running_loop()
        self._committing = True
        self._last = loop.time()
        writing = self._start(self._writer, partial(self._commit_now, self._batches))
        writing.add_done_callback(partial(self._committed, watchers))

    def _commit_now(self, batches: list[Batch]) -> None:
        self._begin()
        self._journal.commit(batches)

    def _committed(
        self, watchers: list[asyncio.Future[str | None]], writing: asyncio.Future[None]
    ) -> None:
        self._committing = False
        now = asyncio.get_running_loop().time()
        self._took, self._last = now - self._last, now
        error = writing.exception()
        if error is None:
            self._batches = []
            self._succeeded(watchers)
            return
        self._fail(error)
        reason = self.failing
        assert reason is not None
        self._timer = asyncio.get_running_loop().call_later(self._pause, self._commit)
        self._pause = min(2 * self._pause, _LONGEST_PAUSE_SECONDS)
        if self._synced:
            self._batches = []
            taken, self._taken = {**self._taken, **self._waiting}, {}
            for room in taken:
                room.failed(reason)
        _resolve(watchers, reason)

    def _succeeded(self, watchers: list[asyncio.Future[str | None]]) -> None:
        if self.failing is not None:
            self.failing = None
            self._pause = _FIRST_PAUSE_SECONDS
        taken, self._taken = self._taken, {}
        for room in taken:
            room.committed()
            if not room.in_use and room.settled:
                self._rooms.pop(room.name, None)
        _resolve(watchers, None)
        if self._waiting or self._new or self._watchers:
            self._schedule(urgent=self._urgent)

    def _fail(self, error: BaseException) -> None:
        self.failing = (
            f"the journal {self.journal} can't be written ({error});"
            " what is to be kept is refused until it can"
        )

    async def _read(self, function: Callable[..., _Result], *args: Any, **options: Any) -> _Result:
        call = partial(self._reading.run, function, *args, **options)
        return await self._run_on(self._reader, call)

    async def _write(self, function: Callable[..., _Result], *args: Any) -> _Result:
        return await self._run_on(self._writer, partial(function, self._journal, *args))

    async def _run_on(self, thread: ThreadPoolExecutor, call: Callable[[], _Result]) -> _Result:
        try:
            return await self._start(thread, call)
        except (sqlite3.Error, OSError) as error:
            _log.error("The journal %s: %s", self.journal, error)
            raise Unavailable(f"the journal {self.journal} can't be used ({error})") from error

    def _start(
        self, thread: ThreadPoolExecutor, call: Callable[[], _Result]
    ) -> asyncio.Future[_Result]:
        loop = asyncio.get_running_loop()
        future = loop.run_in_executor(thread, call)
        self._at_work += 1
        if self._aside is None:
            self._aside = loop.call_later(_STEP_ASIDE_AFTER_SECONDS, self._step_aside)
        future.add_done_callback(self._ended)
        return future

    def _ended(self, future: asyncio.Future[Any]) -> None:
        self._at_work -= 1
        if not self._at_work and self._aside is not None:
            self._aside.cancel()
            self._aside = None

    def _step_aside(self) -> None:
        time.sleep(_STEP_ASIDE_SECONDS)
        loop = asyncio.get_running_loop()
        self._aside = loop.call_later(_STEP_ASIDE_INTERVAL_SECONDS, self._step_aside)


def _resolve(watchers: list[asyncio.Future[str | None]], reason: str | None) -> None:
    for watcher in watchers:
        if not watcher.done():
            watcher.set_result(reason)
