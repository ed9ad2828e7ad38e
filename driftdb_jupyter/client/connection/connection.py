"""One client's connection to one room, as the objects in it use it: from any thread."""

from __future__ import annotations

import contextlib
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from copy import copy
from functools import partial
from typing import Any, Protocol, TypeVar

from ...protocol.errors import DriftDBError, NotConnected, QueueFull, Refusal
from ..runtime.background import background, on_fork
from ..runtime.callbacks import callbacks
from ..runtime.waker import Waker
from ..session.kind import Kind
from ..session.log import Follower, LogReplica
from ..session.messages import Action, KeyInfo
from ..session.outcome import Outcome
from ..session.pace import Pace
from ..session.presence import PresenceReplica
from ..session.replica import Replica
from ..session.state import StateReplica, Update
from ..settings import Settings
from ..transport.location import Location
from .connector import Connector
from .driver import Driver
from .inbox import Append, Job
from .listeners import Listener
from .supervisor import Status

__all__ = ["Connection", "Listener", "Status", "live_connections"]

T = TypeVar("T")


class BufferedWriter(Protocol):
    """A writer that gathers values, and pushes them later on the background thread."""

    @property
    def waiting(self) -> int:
        """The number of values that it has not pushed yet."""

    def hand_over(self, timeout_seconds: float, *, last: bool) -> None:
        """Push them now, and wait for that; ``last``: also what is unfinished."""

    def forked(self) -> None:
        """Forget them, in a forked child."""


class Connection:
    """One client's connection to one room. May be used from any thread, and in signal handlers.

    Callers only hand over: they check (size, queue, whether it is closed), append what is to be
    done to the inbox in one atomic step, and show an own write at once. The background thread
    alone numbers, keeps and sends (:class:`.Driver`). No caller holds a lock, so neither an
    interrupt at any line nor a fork leaves anything half changed.

    ``status`` is ``connecting`` at first, then ``connected`` and ``reconnecting`` by turns;
    ``stopped`` where trying again makes no sense until somebody asks for it (the first attempt
    failed, permission was refused, the room is gone), with ``error`` saying why; ``closed``.
    """

    def __init__(self, location: Location, settings: Settings) -> None:
        self.location = location
        self.settings = settings
        self.changes = 0
        """Counts what may have changed anything; :attr:`wakers` are called then."""
        self.wakers: set[Callable[[], object]] = set()
        """Called, on the background thread, when anything may have changed."""
        self._driver = Driver(location, settings, changed=self._changed)
        self._session = self._driver.session
        self._inbox = self._driver.inbox
        self._connector = Connector(location, settings, self._driver)
        self._writers: deque[weakref.ref[BufferedWriter]] = deque()
        self._closing = False
        self._started = False
        _connections.add(self)

    @property
    def status(self) -> Status:
        """The state of the connection."""
        return "closed" if self._closing else self._driver.supervisor.status

    @property
    def error(self) -> DriftDBError | None:
        """Why there is no connection."""
        return None if self._closing else self._driver.supervisor.error

    @property
    def stopped(self) -> DriftDBError | None:
        """Why it is stopped, so that nothing comes of waiting; ``None`` where it isn't.

        Nor is it while something is still to be done that may have it try again. The error is
        another one each time, because one that is raised keeps all that its frames hold.
        """
        if self.status != "stopped" or self._inbox.jobs:
            return None
        # Between these two somebody may have asked for another attempt.
        error = self.error
        return None if error is None else copy(error)

    def is_withheld(self, key: str) -> bool:
        """Return True if the room said that a key may not be read."""
        return self._session.is_withheld(key)

    @property
    def waiting(self) -> int:
        """The number of writes and updates that the room has not taken (or refused) yet."""
        for _ in range(100):
            before = self._driver.turns
            waiting = self._inbox.writes + self._session.waiting
            if before == self._driver.turns and not before % 2:
                break
            time.sleep(0)  # the background thread was moving some of them
        return waiting + sum(writer.waiting for writer in self._live_writers())

    @property
    def taken(self) -> int:
        """The number of pushes that the room has taken so far."""
        return self._session.taken

    @property
    def offline_since(self) -> float | None:
        """Since when there is no connection, in seconds since 1970.

        ``None``: there is one, or never was.
        """
        return self._session.offline_since

    @property
    def recovered(self) -> bool | None:
        """Whether the last reconnect brought all that was missed (:attr:`.Session.recovered`)."""
        return self._session.recovered

    @property
    def held(self) -> Refusal | None:
        """Why the server takes no writes at the moment; they are sent again later."""
        return self._session.held

    def start(self) -> None:
        """Begin to connect, unless that was done in this process already, or it is closed."""
        if not self._started and not self._closing:
            self._inbox.put(Job(self._connector.start))
            self._started = True

    def subscribe(
        self,
        key: str,
        listener: Listener,
        *,
        initial: bytes | None,
        kind: Kind | None = None,
        stamps: bool = False,
    ) -> StateReplica:
        """Hear of a state, as long as the listener lives, and offer its initial value.

        ``kind``: what the key is used as (see :meth:`.Session.state`). ``stamps``: with who wrote
        the value and when.

        Raises :class:`~driftdb_jupyter.protocol.errors.TooLarge` for the key or the value,
        :class:`~driftdb_jupyter.protocol.errors.NotConnected` after :meth:`close`, and
        :class:`~driftdb_jupyter.protocol.errors.WrongKind` where the key is used as something else
        in this process.
        """

        def work() -> StateReplica:
            replica = self._session.state(key, kind=kind)
            if stamps:
                replica.want_stamps()
            if initial is not None:
                replica.offer(initial)
            self._driver.join((key, False), listener)
            return replica

        return self._ask(work)

    def listen(
        self,
        key: str,
        listener: Listener,
        *,
        kind: Kind | None = None,
        keep: bool,
        held: bool = False,
        stamps: bool = False,
        follower: Follower | None = None,
    ) -> LogReplica:
        """Hear each push of a key, as long as the listener lives (see :class:`.LogReplica`).

        ``follower`` hears them from the beginning. Raises as :meth:`subscribe` does.
        """

        def work() -> LogReplica:
            replica = self._session.log(key, kind=kind, keep=keep, held=held, stamps=stamps)
            if follower is not None:
                replica.add(follower)
            self._driver.join((key, False), listener)
            return replica

        return self._ask(work)

    def attend(self, key: str, listener: Listener) -> PresenceReplica:
        """Hear who is there under a key, as long as the listener lives.

        Raises as :meth:`subscribe` does.
        """

        def work() -> PresenceReplica:
            replica = self._session.presence(key)
            self._driver.join((key, True), listener)
            return replica

        return self._ask(work)

    def follow(self, replica: LogReplica, follower: Follower) -> None:
        """Have a follower hear each push, as long as somebody holds it."""
        self._hand_over(Job(partial(replica.add, follower)))

    def unsubscribe(self, key: str, listener: Listener, *, presence: bool = False) -> None:
        """Hear of a key no more."""

        def work() -> None:
            self._driver.listeners.discard((key, presence), listener)
            self._driver.prune()

        if self._started and not self._closing:
            self._inbox.put(Job(work))

    def write(
        self,
        replica: StateReplica,
        value: bytes,
        *,
        by: Listener | None = None,
        outcome: Outcome[bytes] | None = None,
        pace: Pace | None = None,
    ) -> None:
        """Show a value at once, and put it on its way; ``by`` knows of it and isn't told.

        ``pace``: how often the writer sends (:meth:`pace`).

        Raises :class:`~driftdb_jupyter.protocol.errors.TooLarge`,
        :class:`~driftdb_jupyter.protocol.errors.WrongKind`, and
        :class:`~driftdb_jupyter.protocol.errors.NotConnected` after :meth:`close`.
        """
        self._check_open()
        replica.check_kind()
        replica.check_size(value)

        def work() -> None:
            if replica.write(value, outcome=outcome, pace=pace):
                self._driver.notify_others(replica.key, by)

        job = Job(work, outcome=outcome, writes=1, byte_count=len(value), value=value)
        self._hand_over(job)
        # Only now, so that nothing is shown that is not on its way.
        replica.echo = job
        self._notify_of_echo(replica, by)

    def pace(self, replica: StateReplica, seconds: float) -> Pace:
        """Return what one writer's writes carry to be sent no more often than that.

        The last one always arrives.
        """
        return self._driver.pacing.pace(replica, seconds)

    def update(
        self,
        replica: StateReplica,
        step: Callable[[bytes | None], bytes],
        *,
        pace: Pace | None = None,
    ) -> Outcome[bytes]:
        """Write what a step makes of the value, whoever else writes (see :class:`.Update`).

        The step is called at once, and, where somebody else was faster, again on another thread.
        Raises as :meth:`write` does, and what the step raises at once.
        """
        self._check_open()
        update = Update(step, pace=pace)
        base = replica.shown
        update.result = step(base)
        replica.check_size(update.result)
        job = Job(
            partial(replica.update, update, base=base),
            outcome=update.outcome,
            writes=1,
            byte_count=len(update.result),
            value=update.result,
        )
        self._hand_over(job)
        replica.echo = job
        self._notify_of_echo(replica, None)
        return update.outcome

    def push(
        self,
        replica: LogReplica,
        *values: bytes,
        keep: bool,
        max_length: int | None = None,
        dated: bool = False,
    ) -> Outcome[int | None]:
        """Append (``keep``) or relay values, all or none (see :meth:`.LogReplica.push_all`).

        While the server takes pushes, but more slowly than they come, this waits for it.

        Raises :class:`~driftdb_jupyter.protocol.errors.TooLarge`,
        :class:`~driftdb_jupyter.protocol.errors.NotConnected` after :meth:`close`, and
        :class:`~driftdb_jupyter.protocol.errors.QueueFull` where too much waits already.
        """
        replica.check_kind()
        self._check_room(replica.key, values)
        outcome: Outcome[int | None] = Outcome()
        if dated:
            work = partial(replica.enqueue, values, outcome, keep=keep, dated=True)
            byte_count = sum(map(len, values))
            self._hand_over(Job(work, outcome=outcome, writes=1, byte_count=byte_count))
        else:
            append = Append(replica, values, outcome, keep=keep, max_length=max_length)
            self._hand_over(append)
        replica.meta = replica.meta or replica.kind  # by this write, if by nothing else
        return outcome

    def compact(
        self,
        replica: LogReplica,
        value: bytes,
        *,
        seq: int,
        epoch: str | None,
    ) -> Outcome[int | None]:
        """Put a value in the place of all up to a number; raises as :meth:`push` does."""
        replica.check_kind()
        self._check_room(replica.key, (value,))
        outcome: Outcome[int | None] = Outcome()
        work = partial(replica.enqueue_compact, value, outcome, seq=seq, epoch=epoch)
        self._hand_over(Job(work, outcome=outcome, writes=1, byte_count=len(value)))
        return outcome

    def send(
        self,
        key: str,
        *values: bytes,
        action: Action,
        if_seq: int | None = None,
        max_length: int | None = None,
    ) -> Outcome[int | None]:
        """Push values in one message without hearing of the key; raises as :meth:`push` does.

        See :meth:`.Session.send`.
        """
        self._session.pushes.limits.check_key(key)
        self._check_room(key, values)
        outcome: Outcome[int | None] = Outcome()
        work = partial(
            self._session.enqueue,
            key,
            values,
            outcome,
            action=action,
            if_seq=if_seq,
            max_length=max_length,
        )
        byte_count = sum(map(len, values))
        self._hand_over(Job(work, outcome=outcome, writes=1, byte_count=byte_count))
        return outcome

    def batches(self, key: str, values: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
        """Cut values into what each fits into one message, if any of them does."""
        return self._session.pushes.batches(key, values)

    def list_keys(self, prefix: str) -> Outcome[dict[str, KeyInfo]]:
        """Ask which keys there are that begin so."""
        outcome: Outcome[dict[str, KeyInfo]] = Outcome()
        self._hand_over(Job(partial(self._session.list_keys, prefix, outcome), outcome=outcome))
        return outcome

    def attend_as(self, replica: PresenceReplica, value: bytes | None) -> None:
        """Be there with a value, or no more (``None``); raises as :meth:`write` does."""
        self._session.pushes.check_size(replica.key, value or b"null")
        self._hand_over(Job(partial(replica.set, value)))

    def read_anew(self, replica: LogReplica) -> None:
        """Ask for all that a key holds, as if nothing was known of it."""
        self._hand_over(Job(replica.read_anew))

    def do(self, work: Callable[[], object]) -> None:
        """Have something done to the session, on the background thread."""
        self._hand_over(Job(work))

    def wait_ready(self, replica: Replica | PresenceReplica, timeout_seconds: float) -> None:
        """Wait until the room's value was heard; an older one will do while it reconnects.

        Raises why the connection failed, what the server refused,
        :class:`~driftdb_jupyter.protocol.errors.WrongKind` where the key is of another kind, or
        :class:`~driftdb_jupyter.protocol.errors.NotConnected` after the timeout.
        """
        driver = self._driver

        def heard() -> bool:
            return replica.current or (replica.ready and self.status == "reconnecting")

        def decided() -> bool:
            final = self.status in ("stopped", "closed")
            return heard() or final or driver.complaint is not None

        if self.wait_until(decided, timeout_seconds) and heard():
            if isinstance(replica, Replica):
                replica.check_kind()
            return
        if (complaint := driver.complaint) is not None:
            raise complaint
        if self.status == "stopped" and (error := self.error) is not None:
            raise error
        raise NotConnected(
            f"{self.location.url} gave no answer within {timeout_seconds:g} s"
            f"{f': {self.error.plain}' if self.error else '.'}",
            in_python="Run this again to try again, or pass a longer timeout_seconds=.",
        )

    def wait_until(self, condition: Callable[[], object], timeout_seconds: float) -> bool:
        """Wait until a condition is true, which may become so with a change; False if it isn't.

        Works on any thread but the background's.
        """
        self._inbox.poke()
        waker = Waker()
        wake = waker.wake
        end = time.monotonic() + timeout_seconds
        try:
            self.wakers.add(wake)
            while not condition():
                left = end - time.monotonic()
                if left <= 0 or not waker.wait(left):
                    return bool(condition())
            return True
        finally:
            self.wakers.discard(wake)

    def flush(self, timeout_seconds: float, *, last: bool = False) -> bool:
        """Wait until the room took (or refused) every write; False if it didn't in time.

        What a throttle holds back is sent at once. Gives up at once when the connection is stopped
        or closed. ``last``: of what is printed the lines that have no end are written, too.
        """
        if self._closing or (not self._started and not self.waiting):
            return not self.waiting
        self.start()
        end = time.monotonic() + timeout_seconds
        while True:
            writers = self._live_writers()
            for writer in writers:
                writer.hand_over(end - time.monotonic(), last=last)
            outcome: Outcome[bool] = Outcome()
            self._inbox.put(Job(partial(self._driver.flush, outcome)))
            self._wait_for(outcome, max(0.0, end - time.monotonic()))
            done = outcome.done() and outcome.result()
            done = done and not any(writer.waiting for writer in writers)
            if done or self.status in ("stopped", "closed") or time.monotonic() >= end:
                return done

    def hurry(self) -> None:
        """Begin a :meth:`flush` of all, and don't wait for it."""
        for writer in self._live_writers():
            writer.hand_over(0, last=True)
        self._inbox.put(Job(partial(self._driver.flush, Outcome())))

    def add_writer(self, writer: BufferedWriter) -> None:
        """Have :meth:`flush` and :attr:`waiting` count what a writer has not pushed yet."""
        self._writers.append(weakref.ref(writer))

    def retry(self) -> None:
        """Try at once to connect, if there is no connection."""
        self.start()
        self._inbox.put(Job(self._driver.ask_again))

    def close(self) -> None:
        """Close for good, now."""
        # The job first: where an interrupt keeps the rest from happening, it closes all the same.
        self._inbox.put(Job(self._driver.close))
        self._closing = True
        self._changed()

    async def gone(self) -> None:
        """Wait on the background thread until it is closed."""
        await self._connector.gone()

    def abandon(self) -> None:
        """Close for good, as soon as all is written; takes no lock: a finalizer may call it."""
        if self._started or self._connector.started:
            self._inbox.put(Job(self._driver.let_go))

    def forget_start(self) -> None:
        """Have nothing started by what a forked child forgets of its parent's."""
        self._started = False
        self._connector.forget_start()

    def forked(self) -> None:
        """Forget the parent's socket in a forked child; the next use connects anew."""
        self.wakers = set()
        self._connector.forked()
        self._driver.forked()
        for writer in self._live_writers():
            writer.forked()

    def _ask(self, work: Callable[[], T]) -> T:
        """Have something done on the background thread, and return what it returns.

        Raises what it raises, and :class:`~driftdb_jupyter.protocol.errors.NotConnected` after
        :meth:`close`.
        """
        if background().here():
            result = work()
            self._hand_over(Job(_nothing))
            return result
        outcome: Outcome[T] = Outcome()
        self._hand_over(Job(lambda: outcome.set_result(work()), outcome=outcome))
        self._wait_for(outcome, None)
        return outcome.result()

    def _wait_for(self, outcome: Outcome[Any], timeout_seconds: float | None) -> None:
        waker = Waker()
        outcome.add_done_callback(waker.wake)
        end = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        while not outcome.done():
            # Now and then, because an interrupt may have kept somebody from ringing.
            seconds = 1.0 if end is None else min(end - time.monotonic(), 1.0)
            if seconds <= 0:
                return
            self._inbox.poke()
            waker.wait(seconds)

    def _hand_over(self, job: Job) -> None:
        self._check_open()
        self.start()
        self._inbox.put(job)

    def _notify_of_echo(self, replica: StateReplica, by: Listener | None) -> None:
        """Have those told of an own write who see it already."""
        for listener in self._driver.listeners.of((replica.key, False)):
            if listener is not by:
                callbacks.schedule(listener)

    def _live_writers(self) -> list[BufferedWriter]:
        writers = []
        for ref in self._writers.copy():
            if (writer := ref()) is not None:
                writers.append(writer)
            else:
                with contextlib.suppress(ValueError):  # another thread was faster
                    self._writers.remove(ref)
        return writers

    def _check_open(self) -> None:
        if self.status == "closed":
            raise self._driver.was_closed()

    def _check_room(self, key: str, values: Sequence[bytes]) -> None:
        """Check the size of a push, and wait for room in the queue if the server takes pushes."""
        self._check_open()
        pushes, inbox = self._session.pushes, self._inbox
        pushes.check_size(key, *values)
        while True:
            try:
                pushes.check_queue(key, *values, more=len(inbox.jobs), more_bytes=inbox.byte_count)
                return
            except QueueFull:
                if background().here() or not self._took_one_in_time():
                    raise
            self._check_open()

    def _took_one_in_time(self) -> bool:
        """Wait, while there is a connection, until the room took a push."""
        taken = self._session.taken
        self.wait_until(
            lambda: self._session.taken > taken or self.status != "connected",
            self.settings.connect_timeout_seconds,
        )
        return self._session.taken > taken

    def _changed(self) -> None:
        self.changes += 1
        for wake in list(self.wakers):
            wake()


def _nothing() -> None:
    """Do nothing, but have what was done sent and told."""


def live_connections() -> list[Connection]:
    """Return this process's connections that were begun and not closed."""
    return [each for each in list(_connections) if each.status != "closed" and each._started]


_connections: weakref.WeakSet[Connection] = weakref.WeakSet()


def _forked() -> None:
    connections = list(_connections)
    for connection in connections:
        # First of all: what is forgotten below may hold the last reference to a room, whose end
        # would start the thread here to close a connection that is the parent's.
        connection.forget_start()
    for connection in connections:
        connection.forked()


on_fork(_forked)
