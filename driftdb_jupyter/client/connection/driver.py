"""Drives a session on the background thread: what callers hand over, what comes, what goes out."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol

from ...protocol.errors import DriftDBError, NotConnected, Refusal
from ...protocol.limits import Limits
from ..runtime.background import background, turn
from ..runtime.callbacks import callbacks
from ..runtime.worker import updates
from ..session.log import LogReplica
from ..session.outcome import Outcome, fail
from ..session.pushes import Pushes
from ..session.session import Event, Session
from ..session.state import Rebase, StateReplica
from ..settings import Settings
from ..transport.backoff import Backoff
from ..transport.location import Location
from .gathered import Gathered, gather
from .inbox import Append, Inbox, Job
from .listeners import Listener, Listeners, Topic
from .pacing import Pacing
from .supervisor import Supervisor

__all__ = ["Driver"]

_log = logging.getLogger("driftdb_jupyter")


class Line(Protocol):
    """An open socket (:class:`~driftdb_jupyter.client.transport.link.Link`)."""

    def send(self, messages: Sequence[bytes]) -> None:
        """Send messages, each in a frame of its own."""


class Driver:
    """The one place where a connection's session changes; all of it runs on the background thread.

    Callers :meth:`Inbox.put` jobs. After each batch of jobs, and of what the server sent, the
    session's frames are sent, and whoever may be concerned is told: listeners by the callbacks,
    those who wait by ``changed``.
    """

    def __init__(
        self, location: Location, settings: Settings, *, changed: Callable[[], object]
    ) -> None:
        self.location = location
        self.session = Session(
            pushes=Pushes(
                limits=Limits(message_bytes=settings.message_limit_bytes),
                queue_limit_bytes=settings.queue_limit_bytes,
                queue_limit_count=settings.queue_limit_count,
            )
        )
        self.session.renews = location.source is not None
        self.supervisor = Supervisor()
        self.inbox = Inbox(self._drain)
        self.listeners = Listeners()
        self.pacing = Pacing(self.session.touch, lambda work: self.inbox.put(Job(work)))
        self.complaint: Refusal | None = None
        """What the server said of a message that wasn't a push, since somebody asked last."""
        self.turns = 0
        """Counts the beginnings and ends of changes: an odd number in the middle of one."""
        self.lingers = True
        """Whether somebody holds the room; else it is closed as soon as all is written."""
        self.on_want: Callable[[], object] = _nothing
        """Called where the next attempt to connect is wanted now."""
        self.on_close: Callable[[], object] = _nothing
        """Called once it is closed for good."""
        self.patience = Backoff()
        self._changed = changed
        self._line: Line | None = None
        self._flushes: list[Outcome[bool]] = []
        self._retrying = False
        self._renewing: asyncio.Task[None] | None = None

    # What callers hand over.

    def flush(self, outcome: Outcome[bool]) -> None:
        """Set the outcome when all is written, or can't be: True or False."""
        self.pacing.hurry()
        self._flushes.append(outcome)

    def join(self, topic: Topic, listener: Listener) -> None:
        """Have a listener hear of a key."""
        self.listeners.add(topic, listener)
        self.prune()
        self.complaint = None
        self.ask_again()

    def ask_again(self) -> None:
        """Try at once to connect, if there is no connection."""
        if self.supervisor.asked():
            self.on_want()

    def close(self) -> None:
        """Close for good."""
        if self.supervisor.status != "closed":
            self.supervisor.close()
            self.session.abandon(self.was_closed())
            self.on_close()

    def let_go(self) -> None:
        """Close as soon as all is written: nobody holds the room any more."""
        self.pacing.hurry()
        self.lingers = False

    def was_closed(self) -> NotConnected:
        """Return the error of those who use a closed connection."""
        return NotConnected(f"the connection to {self.location.url} was closed")

    def prune(self) -> None:
        """Forget the keys that nobody listens to any more, unless something is under way."""
        for topic in self.listeners.deserted():
            key, presence = topic
            if presence:
                self.session.forget_presence(key)
            elif not self.session.forget(key):
                continue
            self.listeners.forget(topic)

    # What the connector calls.

    def attach(self, line: Line) -> None:
        """Go on over a new connection."""
        with turn():
            self.turns += 1
            try:
                self.prune()
                self._line = line
                self.session.connected()
                self.supervisor.opened()
                self._pump()
            finally:
                self.turns += 1

    def detach(self, close_code: int | None) -> None:
        """Note that the connection is gone."""
        with turn():
            self.turns += 1
            try:
                self._line = None
                self.session.disconnected(close_code=close_code, now=time.time())
                self._pass_on()
            finally:
                self.turns += 1

    def receive(self, frames: Sequence[str | bytes]) -> None:
        """Take what the server sent.

        Raises :class:`~driftdb_jupyter.protocol.errors.BadMessage` for what is no message.
        """
        session = self.session
        with turn():
            self.turns += 1
            try:
                taken = session.taken
                try:
                    session.receive_all(frames)
                finally:
                    if session.answered:
                        self.supervisor.answered()
                    if session.taken > taken:
                        self.patience.reset()
                    if session.expires:
                        session.expires = False
                        self._renew()
                    if session.held is not None and not self._retrying:
                        self._retrying = True
                        self._later(self.patience.next_delay(), self._retry_held)
                    self._pump()
            finally:
                self.turns += 1

    def wake(self) -> None:
        """Wake those who wait for a change, so that they look again."""
        self._close_if_done()
        self._answer_flushes()
        self._changed()

    def forked(self) -> None:
        """Start over in a forked child, with what is known of the room and nothing under way."""
        error = NotConnected("this process was forked; the write is its parent's to send")
        for job in self.inbox.forked():
            self._drop(job, error)
        self._line = None
        self._retrying = False
        self._renewing = None
        self.complaint = None
        self._flushes = []
        self.pacing.forked()
        self.session.forked()
        self.supervisor.forked()

    # The work itself.

    def _drain(self) -> None:
        with turn():
            self.turns += 1
            try:
                self._do(list(self.inbox.jobs.copy()))
                self._pump()
            finally:
                self.turns += 1

    def _do(self, jobs: list[Job]) -> None:
        waiting = self.inbox.jobs
        start = 0
        while start < len(jobs):
            job, end = jobs[start], start + 1
            if self.supervisor.status == "closed":
                self._drop(job, self.was_closed())
            elif type(job) is Append:
                if self.session.epoch is not None:  # such a server takes several values
                    end = gather(jobs, start)
                self._safely(job, partial(self._append, jobs[start:end]))
            else:
                self._safely(job, job.work)
            for _ in range(start, end):
                waiting.popleft().done()
            start = end

    def _safely(self, job: Job, work: Callable[[], object]) -> None:
        try:
            work()
        except BaseException as error:
            # Whatever it is: the next job is another's.
            if job.outcome is None or not isinstance(error, DriftDBError):
                _log.exception("a fault of ours in the connection to %s", self.location.url)
            self._drop(job, error)

    def _drop(self, job: Job, error: BaseException) -> None:
        job.taken = True
        if job.outcome is not None:
            job.outcome.set_exception(error)

    def _append(self, appends: Sequence[Any]) -> None:
        first: Append = appends[0]
        replica: LogReplica = first.replica
        outcome: Any = first.outcome
        values = first.values
        if len(appends) > 1:
            outcome = Gathered(appends, self._append_again)
            values = [value for append in appends for value in append.values]
        replica.enqueue(values, outcome, keep=first.keep, max_length=first.max_length)

    def _append_again(self, appends: Sequence[Append]) -> None:
        if appends:
            self._append(appends)

    def _pump(self) -> None:
        """Send what is to be sent, and tell the listeners what happened."""
        outgoing = self.session.outgoing()
        if outgoing and self._line is not None:
            self._line.send(outgoing)
        self._pass_on()

    def _pass_on(self) -> None:
        for event in self.session.events():
            self.pass_event(event)
        for replica in self.session.stale():
            if (rebase := replica.rebase()) is not None:
                updates.do(partial(self._make_again, replica, rebase))
        for restore in self.session.restores():
            updates.do(restore)
        self.wake()

    def notify_others(self, key: str, by: Listener | None) -> None:
        """Tell the listeners of a key that it changed, but not the one that changed it."""
        for event in self.session.events():
            self.pass_event(event, by=by if event == Event(key) else None)

    def pass_event(self, event: Event, *, by: Listener | None = None) -> None:
        """Tell the listeners of an event, but not ``by``."""
        key, error, presence = event
        if key is None:
            self.complaint = error
            # Not here: a log handler may write to a room.
            callbacks.schedule(_Complaint(f"{self.location.url}: {error}"))
            return
        for listener in self.listeners.of((key, presence)):
            if error is not None:
                listener.refused(error)
            elif listener is not by and listener.has_news():
                callbacks.schedule(listener)

    def _make_again(self, replica: StateReplica, rebase: Rebase) -> None:
        """Make updates again that came too late (on the updates' thread)."""
        failed, base = [], rebase.base
        for update in rebase.updates:
            try:
                result = update.step(base)
                replica.check_size(result)
            except BaseException as error:
                failed.append(update)
                fail([update.outcome], error)
            else:
                base = update.result = result
        self.inbox.put(Job(lambda: replica.rebased(rebase, failed)))

    def _renew(self) -> None:
        """Ask for another token, and go on with that."""
        source = self.location.source
        if source is None or self._renewing is not None:
            return

        async def ask() -> None:
            try:
                source.forget()
                token = await source.token()
                self.inbox.put(Job(lambda: self.session.renew(token)))
            except NotConnected as error:  # the server closes it then, and it is asked again
                callbacks.schedule(_Complaint(f"{self.location.url}: {error}"))
            finally:
                self._renewing = None

        self._renewing = background().loop.create_task(ask())

    def _retry_held(self) -> None:
        self._retrying = False
        self.session.retry()

    def _later(self, seconds: float, work: Callable[[], object]) -> None:
        background().loop.call_later(seconds, lambda: self.inbox.put(Job(work)))

    def _close_if_done(self) -> None:
        if self.lingers or self.inbox.jobs:
            return
        if self.session.settled or self.supervisor.status == "stopped":
            self.close()

    def _answer_flushes(self) -> None:
        if not self._flushes:
            return
        settled = self.session.settled and not self.inbox.writes
        if settled or self.supervisor.status in ("stopped", "closed"):
            flushes, self._flushes = self._flushes, []
            for outcome in flushes:
                outcome.set_result(settled)
            if self.lingers:
                self.pacing.calm_down()


class _Complaint:
    """A message for the log, written on the callbacks' thread."""

    def __init__(self, text: str) -> None:
        self._text = text

    def deliver(self) -> None:
        """Log it."""
        _log.warning("%s", self._text)


def _nothing() -> None:
    """Do nothing."""
