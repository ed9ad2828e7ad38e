"""The committer: writes what gathers in all rooms, in one commit after another.

One commit is under way at a time, and what comes meanwhile gathers for the next. Each
:class:`Unit` (a room, mostly) is in at most one of two places: in ``_waiting``, where it says that
it has something to write or somebody to answer, and in ``_in_flight``, with the rows that it was
asked for. It is told what became of those exactly once: :meth:`~Unit.committed`,
:meth:`~Unit.failed` or :meth:`~Unit.broken`. It may be in both, for what came since; its next rows
are made only when the first ones are written.

Where a commit fails because the disk can't (``failing``), a timer tries again, with growing pauses.
Units that want their very rows to be written stay in flight and nothing new is taken meanwhile: it
gathers in the rooms, where it is bounded.

Where a commit fails for any other reason, the rows are at fault and not the disk. The rooms are
then written in halves, and halves of those, until it is known which ones can't be; the others go
on.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
from collections.abc import Callable
from functools import partial
from typing import Protocol

from msgspec import Struct, field

from ...protocol.errors import Unavailable
from ...protocol.name import new_id
from ..broker import Commits
from ..file.batch import Batch
from ..file.journal import Journal
from ..file.threads import JournalThreads

__all__ = ["Committer", "Unit", "passes"]

_log = logging.getLogger("driftdb_jupyter")

_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 5.0
# A loop's timers are no finer.
_TIMER_SECONDS = 0.001
_SQLITE_ERROR = 1


class Unit(Protocol):
    """Rows that are written whole or not at all."""

    dirty: bool
    """The committer's own: whether it waits for its next rows to be taken."""

    def take(self) -> Batch | None:
        """Return the rows to write, ``None`` if there are only answers to give."""

    def committed(self) -> None:
        """Note that the rows that were taken are written."""

    def failed(self, reason: str) -> bool:
        """Note that the rows can't be written for now.

        Return True to try the very same rows again.
        """

    def broken(self, reason: str) -> None:
        """Note that the rows that were taken can never be written."""


class _Outcome(Struct):
    """The outcome of some batches, by their identities.

    ``error``: why those that are neither written nor at fault aren't written. ``tainted``: rows
    were lost, and the file can't say so.
    """

    written: set[int] = field(default_factory=set)
    faults: dict[int, Exception] = field(default_factory=dict)
    error: BaseException | None = None
    tainted: bool = False


class _Once:
    """Rows that are written with the next commit, or never."""

    def __str__(self) -> str:
        return "A change to which rooms there are"

    def __init__(self, batch: Batch) -> None:
        self.dirty = True
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._batch = batch

    def take(self) -> Batch:
        return self._batch

    def committed(self) -> None:
        self.done.set_result(None)

    def failed(self, reason: str) -> bool:
        self.done.set_exception(Unavailable(reason))
        return False

    def broken(self, reason: str) -> None:
        self.done.set_exception(Unavailable(reason))


class Committer:
    """Commits for all rooms of a broker.

    ``begin``: to be called on the writing thread before anything is written, as often as it
    raises. ``interval_seconds``: how far commits are apart at least while nobody waits for them.

    ``failing``: why nothing can be written at the moment, in words for anybody; else ``None``.
    ``commits`` counts them. ``tainted``: whether rows were lost after which numbers may be given
    twice, and the file doesn't know.
    """

    def __init__(
        self,
        threads: JournalThreads,
        *,
        begin: Callable[[Journal], None],
        interval_seconds: float,
    ) -> None:
        self.failing: str | None = None
        self.tainted = False
        self.commits = Commits()
        self._threads = threads
        self._begin = begin
        self._interval = interval_seconds
        self._waiting: dict[Unit, None] = {}
        self._in_flight: dict[Unit, Batch | None] = {}
        self._watchers: list[asyncio.Future[str | None]] = []
        self._watchers_in_flight: list[asyncio.Future[str | None]] = []
        self._committing = False
        self._looking = False
        self._stopped = False
        self._urgent = False
        self._timer: asyncio.TimerHandle | None = None
        self._last = 0.0
        self._took = 0.0
        self._pause = _FIRST_PAUSE_SECONDS

    @property
    def idle(self) -> bool:
        """Whether there is nothing to write, and writing works."""
        return not (
            self._committing or self._waiting or self._in_flight or self.failing is not None
        )

    def want_commit(self, unit: Unit, *, urgent: bool) -> None:
        """Take and write the unit's rows soon, and at once where somebody waits (``urgent``)."""
        unit.dirty = True
        self._waiting[unit] = None
        self._schedule(urgent=urgent)

    def withdraw(self, unit: Unit) -> None:
        """Take no more rows of that unit."""
        self._waiting.pop(unit, None)

    async def write(self, batch: Batch) -> None:
        """Write rows once: with the next commit, or never.

        Raises :class:`Unavailable` where they were not written.
        """
        if self.failing is not None:
            raise Unavailable(self.failing)
        once = _Once(batch)
        self.want_commit(once, urgent=True)
        await once.done

    async def wait_until_written(self) -> str | None:
        """Wait until all that is there now was written; returns why it can't be, else ``None``."""
        watcher: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self._watchers.append(watcher)
        if self.failing is None:
            self._schedule(urgent=True)
        elif not self._committing:
            self._commit()
        return await watcher

    def look(self) -> None:
        """Find out, without a commit, whether the file is still where it was."""
        if self._committing or self._looking or self._stopped or self.failing is not None:
            return
        self._looking = True
        self._threads.write(Journal.look).add_done_callback(self._looked)

    def _looked(self, looking: asyncio.Future[None]) -> None:
        self._looking = False
        error = looking.exception()
        if error is not None and self.failing is None and not self._stopped:
            self.fail(error)
            if not self._committing:
                self._try_again_later()

    def _try_again_later(self) -> None:
        self._cancel_timer()
        self._timer = asyncio.get_running_loop().call_later(self._pause, self._commit)
        self._pause = min(2 * self._pause, _LONGEST_PAUSE_SECONDS)

    def fail(self, error: BaseException) -> None:
        """Note that nothing can be written for the moment."""
        said = getattr(error, "strerror", None) or str(error)  # a path is for the log alone
        consequence = f"({said}); writes that have to be kept are refused until it can be"
        if self.failing is None:
            traceback = None if passes(error) else error
            _log.error(
                "The journal %s can't be written %s",
                self._threads.path,
                consequence,
                exc_info=traceback,
            )
        name = os.path.basename(self._threads.path)
        self.failing = f"the journal {name} can't be written {consequence}"

    def stop(self, reason: str) -> None:
        """Commit no more; whoever still waits for that hears why."""
        self._stopped = True
        self.failing = reason
        self._cancel_timer()
        self._put_off(reason)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _schedule(self, *, urgent: bool) -> None:
        self._urgent |= urgent
        if self._committing or self._stopped:
            return
        if self.failing is not None and self._timer is not None:
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

    def _commit(self) -> None:
        self._cancel_timer()
        if self._committing or self._stopped:
            return
        if not self._in_flight:
            self._take()
        batches = [batch for batch in self._in_flight.values() if batch is not None]
        if not batches and self.failing is None:
            self._settle(_Outcome())  # there is nothing but answers
            return
        self._committing = True
        self._last = asyncio.get_running_loop().time()
        writing = self._threads.write(partial(self._write, batches))
        writing.add_done_callback(self._committed)

    def _take(self) -> None:
        """Have the rows made of all units that wait."""
        self._urgent = False
        self._watchers_in_flight, self._watchers = self._watchers, []
        waiting, self._waiting = self._waiting, {}
        for unit in waiting:
            unit.dirty = False
            try:
                self._in_flight[unit] = unit.take()
            except Exception as error:
                self._break(unit, error)

    # On the writing thread.

    def _write(self, batches: list[Batch], journal: Journal) -> _Outcome:
        outcome = _Outcome()
        try:
            self._begin(journal)
            self._write_apart(batches, journal, outcome)
        except Exception as error:
            outcome.error = error
        for batch in batches:
            if id(batch) in outcome.faults and batch.room is not None:
                try:
                    journal.renew_epoch(batch.room, new_id())
                except Exception:
                    outcome.tainted = True
        return outcome

    def _write_apart(self, batches: list[Batch], journal: Journal, outcome: _Outcome) -> None:
        """Write all that can be written, and find what can't."""
        try:
            journal.commit(batches)
        except Exception as error:
            if passes(error) or not batches:
                raise
            if len(batches) == 1:
                journal.commit([])  # which raises where the file is at fault, and not the rows
                outcome.faults[id(batches[0])] = error
                return
            half = len(batches) // 2
            self._write_apart(batches[:half], journal, outcome)
            self._write_apart(batches[half:], journal, outcome)
        else:
            outcome.written.update(map(id, batches))

    # On the loop again.

    def _committed(self, writing: asyncio.Future[_Outcome]) -> None:
        self._committing = False
        now = asyncio.get_running_loop().time()
        self._took, self._last = now - self._last, now
        self.commits.count += 1
        self.commits.last_seconds = self._took
        self.commits.seconds += self._took
        error = writing.exception()
        self._settle(_Outcome(error=error) if error is not None else writing.result())

    def _settle(self, outcome: _Outcome) -> None:
        """Tell all units what became of their rows, whatever one of them does."""
        self.tainted |= outcome.tainted
        in_flight, self._in_flight = self._in_flight, {}
        watchers, self._watchers_in_flight = self._watchers_in_flight, []
        if outcome.error is None:
            if self.failing is not None:
                _log.info("The journal %s can be written again", self._threads.path)
            self.failing = None
            if outcome.written:
                # Not after a mere try, which may pass on a disk that has no space for more: then
                # the log would tell of it ten times a second.
                self._pause = _FIRST_PAUSE_SECONDS
        else:
            self.commits.failures += 1
            self.fail(outcome.error)
            watchers += self._watchers
            self._watchers = []
            self._try_again_later()
        reason = self.failing
        try:
            for unit, batch in in_flight.items():
                fault = outcome.faults.get(id(batch))
                if fault is not None:
                    self._break(unit, fault)
                elif reason is None or id(batch) in outcome.written:
                    self._tell(unit, unit.committed)
                elif self._tell(unit, partial(unit.failed, reason)):
                    self._in_flight[unit] = batch
            if reason is not None:
                self._put_off(reason)
        finally:
            for watcher in watchers:
                if not watcher.done():
                    watcher.set_result(reason)
        if reason is None and (self._waiting or self._watchers):
            self._schedule(urgent=self._urgent)

    def _put_off(self, reason: str) -> None:
        """Tell those that wait for their rows to be taken that it won't be soon."""
        for unit in [unit for unit in self._waiting if unit not in self._in_flight]:
            del self._waiting[unit]
            unit.dirty = False
            if self._tell(unit, partial(unit.failed, reason)):
                self._waiting[unit] = None
                unit.dirty = True

    def _tell(self, unit: Unit, call: Callable[[], bool | None]) -> bool:
        try:
            return bool(call())
        except Exception as error:
            self._break(unit, error)
            return False

    def _break(self, unit: Unit, error: BaseException) -> None:
        _log.error("%s can't be written, and is given up", unit, exc_info=error)
        self._waiting.pop(unit, None)
        unit.dirty = False
        try:
            unit.broken(f"an error of the server ({type(error).__name__}); its log has more")
        except Exception:
            _log.exception("%s can't even be given up", unit)


def passes(error: BaseException) -> bool:
    """Return True if an error is the disk's or the system's, so that trying again may help."""
    if isinstance(error, sqlite3.OperationalError):
        # Before Python 3.11 it has no code. A statement that is wrong stays so.
        code: int = getattr(error, "sqlite_errorcode", 0)
        return code & 0xFF != _SQLITE_ERROR
    return isinstance(error, OSError)
