"""Drives a session over a WebSocket, on the background thread, and comes back when it is cut."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Literal, Protocol, TypeVar

from tornado.websocket import WebSocketClientConnection, WebSocketClosedError, WebSocketProtocol

from ...protocol.errors import (
    BadMessage,
    DriftDBError,
    Forbidden,
    NotConnected,
    QueueFull,
    Refusal,
    RoomNotFound,
    TooLarge,
)
from ...protocol.limits import Limits
from ..runtime.background import background, on_fork
from ..runtime.callbacks import Target, callbacks
from ..session import messages
from ..session.log import LogReplica
from ..session.messages import Action, KeyInfo
from ..session.presence import PresenceReplica
from ..session.pushes import Pushes
from ..session.receipt import Receipt, fail
from ..session.replica import Replica
from ..session.session import Session
from ..session.state import StateReplica, Update
from ..settings import Settings
from ..transport.backoff import Backoff
from ..transport.dial import dial
from ..transport.errors import closed, explain
from ..transport.heartbeat import Heartbeat
from ..transport.location import Location
from ..transport.route import local_address, remote_address

__all__ = ["Connection", "Listener", "Status", "live_connections"]

_log = logging.getLogger("driftdb_jupyter")

R = TypeVar("R")

Status = Literal["connecting", "connected", "reconnecting", "stopped", "closed"]


_Topic = tuple[str, bool]  # a key, and whether it is about who is there


class Listener(Target, Protocol):
    """What hears of a key: :meth:`deliver` when it may have changed, on the callbacks' thread."""

    def refused(self, error: Refusal) -> None:
        """A write of this process was refused (called on the background thread)."""


class Feed(Protocol):
    """Waits for what comes."""

    def wake(self) -> None:
        """Look whether it is over (called under the guard)."""


class Outlet(Protocol):
    """What writes only by and by what it was given, on the background thread."""

    @property
    def waiting(self) -> int:
        """How many values it has not pushed yet."""

    def hand_over(self, timeout_seconds: float, *, last: bool) -> None:
        """Push them now, and wait for that; ``last``: also what is unfinished."""

    def forked(self) -> None:
        """Forget them, in a forked child."""


class Connection:
    """One client's connection to one room. May be used from any thread.

    ``status`` is ``connecting`` at first, then ``connected`` and ``reconnecting`` by turns;
    ``stopped`` where trying again makes no sense until somebody asks for it (the first attempt
    failed, permission was refused, the room is gone), with ``error`` saying why; ``closed``.
    """

    def __init__(self, location: Location, settings: Settings) -> None:
        self.location = location
        self.status: Status = "connecting"
        self.error: DriftDBError | None = None
        self.guard = threading.Condition()
        """Held for whatever must not happen half; nobody waits for anything else under it."""
        self.changes = 0
        """Counts what may have changed anything; whoever waits on the guard is notified then."""
        self.feeds: weakref.WeakSet[Feed] = weakref.WeakSet()
        """Whom to wake when the connection is closed."""
        self.outlets: weakref.WeakSet[Outlet] = weakref.WeakSet()
        """What may have more to write; added to under the guard."""
        self.wakers: set[Callable[[], object]] = set()
        """Called, under the guard, when anything may have changed."""
        self.settings = settings
        self._session = Session(
            pushes=Pushes(
                limits=Limits(message_bytes=settings.message_limit_bytes),
                queue_limit_bytes=settings.queue_limit_bytes,
                queue_limit_count=settings.queue_limit_count,
            )
        )
        self._listeners: dict[_Topic, weakref.WeakSet[Listener]] = {}
        self._complaint: Refusal | None = None
        self._socket: WebSocketClientConnection | None = None
        self._task: asyncio.Task[None] | None = None
        self._wanted: asyncio.Event | None = None
        self._started = False
        self._linger = True
        self._pumping = False
        self._ever_connected = False
        self._too_long = False
        self._told = False
        self._backoff = Backoff()
        self._heartbeat = self._new_heartbeat()
        self._remote: Any = None
        self._patience = Backoff()
        self._retrying = False
        _connections.add(self)

    # What the public objects call, on any thread.

    @property
    def waiting(self) -> int:
        """How many writes the room has not taken (or refused) yet."""
        with self.guard:
            return self._session.waiting + sum(outlet.waiting for outlet in self.outlets)

    @property
    def taken(self) -> int:
        """How many pushes the room has taken so far."""
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
        with self.guard:
            return self._session.recovered

    @property
    def held(self) -> Refusal | None:
        """Why the server takes no writes at the moment; they are sent again later."""
        return self._session.held

    def start(self) -> None:
        """Begin to connect, unless that was done in this process already, or it is closed."""
        if self._started:
            return
        with self.guard:
            if not self._started and self.status != "closed":
                self._started = True
                self._call(self._launch)

    def subscribe(self, key: str, listener: Listener, *, initial: bytes | None) -> StateReplica:
        """Hear of a state, as long as the listener lives, and offer its initial value.

        Raises :class:`~driftdb_jupyter.protocol.errors.TooLarge` for the key or the value,
        :class:`~driftdb_jupyter.protocol.errors.NotConnected` after :meth:`close`, and
        :class:`ValueError` where the key is used as something else.
        """
        with self._joining(key, listener):
            replica = self._session.state(key)
            if initial is not None:
                replica.offer(initial)
        return replica

    def listen(
        self,
        key: str,
        listener: Listener,
        *,
        keep: bool,
        stamps: bool = False,
        max_length: int | None = None,
    ) -> LogReplica:
        """Hear each push of a key, as long as the listener lives (see :class:`.LogReplica`).

        Raises as :meth:`subscribe` does.
        """
        with self._joining(key, listener):
            return self._session.log(key, keep=keep, stamps=stamps, max_length=max_length)

    def attend(self, key: str, listener: Listener) -> PresenceReplica:
        """Hear who is there under a key, as long as the listener lives.

        Raises as :meth:`subscribe` does.
        """
        with self._joining(key, listener, presence=True):
            return self._session.presence(key)

    def unsubscribe(self, key: str, listener: Listener, *, presence: bool = False) -> None:
        """Hear of a key no more."""
        with self.guard:
            if (key, presence) in self._listeners:
                self._listeners[key, presence].discard(listener)
            self._prune()
            self._pump_soon()

    def write(
        self,
        replica: StateReplica,
        value: bytes,
        *,
        by: Listener | None = None,
        receipt: Receipt[bytes] | None = None,
    ) -> None:
        """Show a value at once, and put it on its way; ``by`` knows of it and isn't told.

        Raises :class:`~driftdb_jupyter.protocol.errors.TooLarge`, and
        :class:`~driftdb_jupyter.protocol.errors.NotConnected` after :meth:`close`.
        """
        with self._writing():
            if replica.write(value, receipt=receipt):
                self._pass_on(by=by)

    def pace(self, replica: StateReplica, seconds: float) -> None:
        """Send a state's writes no oftener than that; the last one always arrives."""

        def unpause() -> None:
            with self.guard:
                replica.paused = False
                self._session.touch(replica)
            self._pump()

        def pause() -> None:
            replica.paused = True
            background().loop.call_later(seconds, unpause)

        with self.guard:
            replica.sent = pause

    def update(
        self, replica: StateReplica, step: Callable[[bytes | None], bytes]
    ) -> Receipt[bytes]:
        """Write what a step makes of the value, whoever else writes (see :class:`.Update`).

        The step is called at once, and, where somebody else was faster, again on another thread.
        Raises as :meth:`write` does, and what the step raises at once.
        """
        update = Update(step)
        while True:
            base = replica.shown
            update.result = step(base)
            with self._writing():
                if replica.update(update, base=base):
                    self._pass_on()
                    return update.receipt

    def push(
        self,
        replica: LogReplica,
        *values: bytes,
        keep: bool,
        max_length: int | None = None,
        dated: bool = False,
    ) -> Receipt[int | None]:
        """Append (``keep``) or relay values in one message (see :meth:`.LogReplica.push`).

        While the server takes pushes, but more slowly than they come, this waits for it.

        Raises :class:`~driftdb_jupyter.protocol.errors.TooLarge`,
        :class:`~driftdb_jupyter.protocol.errors.NotConnected` after :meth:`close`, and
        :class:`~driftdb_jupyter.protocol.errors.QueueFull` where too much waits already.
        """
        return self._patiently(
            lambda: replica.push_all(values, keep=keep, max_length=max_length, dated=dated)
        )

    def compact(
        self,
        replica: LogReplica,
        value: bytes,
        *,
        seq: int,
        epoch: str | None,
        tell: bool = False,
    ) -> Receipt[int | None]:
        """Put a value in the place of all up to a number; raises as :meth:`push` does."""
        return self._patiently(lambda: replica.compact(value, seq=seq, epoch=epoch, tell=tell))

    def offer(self, replica: LogReplica, value: bytes) -> None:
        """Append a value if the stream is empty; raises as :meth:`write` does."""
        with self._writing():
            replica.offer(value)

    def send(
        self,
        key: str,
        *values: bytes,
        action: Action,
        if_seq: int | None = None,
        max_length: int | None = None,
    ) -> Receipt[int | None]:
        """Push values in one message without hearing of the key; raises as :meth:`push` does.

        See :meth:`.Session.send`.
        """
        return self._patiently(
            lambda: self._session.send(
                key, *values, action=action, if_seq=if_seq, max_length=max_length
            )
        )

    def batches(self, key: str, values: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
        """Cut values into what each fits into one message, if any of them does."""
        return self._session.pushes.batches(key, values)

    def list_keys(self, prefix: str) -> Receipt[dict[str, KeyInfo]]:
        """Ask which keys there are that begin so."""
        with self._writing():
            return self._session.list_keys(prefix)

    def attend_as(self, replica: PresenceReplica, value: bytes | None) -> None:
        """Be there with a value, or no more (``None``); raises as :meth:`write` does."""
        with self._writing():
            replica.set(value)
            self._pass_on()

    def read_anew(self, replica: LogReplica) -> None:
        """Ask for all that a key holds, as if nothing was known of it."""
        with self._writing():
            replica.read_anew()

    def wait_ready(self, replica: Replica | PresenceReplica, timeout_seconds: float) -> None:
        """Wait until the room's value was heard; an older one will do while it reconnects.

        Raises why the connection failed, what the server refused, or
        :class:`~driftdb_jupyter.protocol.errors.NotConnected` after the timeout.
        """

        def heard() -> bool:
            return replica.current or (replica.ready and self.status == "reconnecting")

        def decided() -> bool:
            return heard() or self.status in ("stopped", "closed") or self._complaint is not None

        with self.guard:
            if self.guard.wait_for(decided, timeout_seconds) and heard():
                return
            if self._complaint is not None:
                raise self._complaint
            if self.status == "stopped" and self.error is not None:
                raise self.error
            raise NotConnected(
                f"{self.location.url} gave no answer within {timeout_seconds:g} s"
                f"{f': {self.error.plain}' if self.error else '.'}",
                in_python="Run this again to try again, or pass a longer timeout_seconds=.",
            )

    def flush(self, timeout_seconds: float, *, last: bool = False) -> bool:
        """Wait until the room took (or refused) every write; False if it didn't in time.

        Gives up at once when the connection is stopped or closed. ``last``: of what is printed
        the lines that have no end are written, too.
        """
        end = time.monotonic() + timeout_seconds
        with self.guard:
            outlets = list(self.outlets)
        while True:
            for outlet in outlets:
                outlet.hand_over(end - time.monotonic(), last=last)
            with self.guard:
                self.guard.wait_for(
                    lambda: self._session.settled or self.status in ("stopped", "closed"),
                    max(0.0, end - time.monotonic()),
                )
                done = self._session.settled and not any(outlet.waiting for outlet in outlets)
                if done or self.status in ("stopped", "closed") or time.monotonic() >= end:
                    return done

    def retry(self) -> None:
        """Try at once to connect, if there is no connection."""
        self.start()
        with self.guard:
            self._retry()

    def close(self) -> None:
        """Close for good, now."""
        with self.guard:
            self._set("closed", None)
            self._session.abandon(NotConnected(f"the connection to {self.location.url} was closed"))
            if self._started:
                self._call(self._cancel)

    async def gone(self) -> None:
        """Wait on the background thread until it is closed."""
        if self._task is not None:
            await asyncio.wait([self._task])

    def abandon(self) -> None:
        """Close for good, as soon as all is written; safe in a finalizer, for it takes no lock."""
        if self._started:
            self._call(self._let_go)

    # On the background thread.

    def _launch(self) -> None:
        self._wanted = asyncio.Event()
        loop = asyncio.get_running_loop()
        self._task = loop.create_task(self._run())
        self._task.add_done_callback(_report)
        watch = loop.create_task(self._watch())
        watch.add_done_callback(_report)
        self._task.add_done_callback(lambda _: watch.cancel())

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _let_go(self) -> None:
        self._linger = False
        self._close_if_done()

    def _close_if_done(self) -> None:
        if not self._linger and (self._session.settled or self.status == "stopped"):
            self.close()

    async def _run(self) -> None:
        assert self._wanted is not None
        while True:
            error = await self._visit()
            hopeless = isinstance(error, (Forbidden, RoomNotFound, TooLarge))
            final = hopeless or not self._ever_connected
            self._wanted.clear()
            with self.guard:
                self._set("stopped" if final else "reconnecting", error)
            self._close_if_done()
            delay = None if final else self._backoff.next_delay()
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._wanted.wait(), delay)
            if final:
                with self.guard:
                    self._set("connecting", None)

    async def _visit(self) -> DriftDBError | None:
        """Connect once, and stay as long as it lasts; returns why it couldn't, or can't again."""
        try:
            socket = await dial(self.location, self._session.secret, self.settings)
        except Exception as error:
            return explain(error, self.location)
        complaint: DriftDBError | None = None
        self._too_long = False
        try:
            assert socket.protocol is not None
            self._adopt(socket.protocol)
            with self.guard:
                self._prune()
                self._socket = socket
                self._ever_connected = True
                self._session.connected()
                self._set("connected", None)
            self._pump()
            while (frame := await socket.read_message()) is not None:
                self._receive(frame)
        except BadMessage as error:
            _log.warning("%s: %s", self.location.url, error)
            complaint = error
        finally:
            with self.guard:
                self._socket = None
                self._session.disconnected(close_code=socket.close_code, now=time.time())
                self._pass_on()
                if self._too_long and not self._session.ask_for_less():
                    complaint = TooLarge(
                        f"{self.location.url} sent a message of more than "
                        f"{self.settings.receive_limit_bytes} bytes, which is what "
                        "DRIFTDB_RECEIVE_LIMIT_BYTES allows. Set it higher.",
                        in_python="In Python, .retry() tries again.",
                    )
            socket.close(1000 if self.status == "closed" else None)  # 1000: gone for good
        told = closed(socket.close_code, self.location)
        if isinstance(told, BadMessage) and not self._told:
            self._told = True  # once is enough, where it happens again and again
            _log.warning("%s", told)
        return told or complaint

    def _adopt(self, protocol: WebSocketProtocol) -> None:
        """Prepare a connection that was just opened."""
        protocol.set_nodelay(True)
        assert protocol.stream is not None
        # Tornado's own bound would end the connection without a word below a longer limit.
        protocol.stream.max_buffer_size = self.settings.receive_limit_bytes + 0x10000
        self._remote = remote_address(protocol.stream.socket)
        self._heartbeat.heard(time.monotonic())
        close = protocol.close

        def notice(code: int | None = None, reason: str | None = None) -> None:
            self._too_long = self._too_long or code == 1009  # Tornado's own, of what it read
            close(code, reason)

        protocol.close = notice  # type: ignore[method-assign]

    async def _watch(self) -> None:
        """Notice a dead connection, a machine that slept, and another network."""
        address, received = local_address(self._remote), 0
        while True:
            await asyncio.sleep(self._heartbeat.tick_seconds)
            now = time.monotonic()
            doubtful = self._heartbeat.woke(now=now, wall=time.time())
            before, address = address, local_address(self._remote)
            if address != before and before is not None:
                doubtful = True
            socket = self._socket
            if socket is None or socket.protocol is None or socket.protocol.stream is None:
                back = before is None and address is not None
                if self.status == "reconnecting" and (doubtful or back):
                    self._want()
                continue
            stream = socket.protocol.stream
            # Part of a long message is a sign of life, too.
            before_received, received = received, getattr(stream, "_read_buffer_size", 0)
            if received > before_received:
                self._heartbeat.heard(now)
            state = self._heartbeat.tick(now, doubtful=doubtful)
            if state == "ask":
                self._send(socket, messages.ping())
            elif state == "dead":
                stream.close()

    def _receive(self, frame: str | bytes) -> None:
        self._heartbeat.heard(time.monotonic())
        with self.guard:
            taken = self._session.taken
            self._session.receive(frame)
            if self._session.answered:
                self._backoff.reset()
            if self._session.taken > taken:
                self._patience.reset()
            if self._session.held is not None and not self._retrying:
                self._retrying = True
                delay = self._patience.next_delay()
                asyncio.get_running_loop().call_later(delay, self._retry_held)
            self._pass_on()
            self.guard.notify_all()
        self._pump()
        self._close_if_done()

    def _make_again(self, replica: StateReplica) -> None:
        """Make updates again that came too late: on a thread where they may take their time."""
        asyncio.get_running_loop().run_in_executor(None, self._rebase, replica)

    def _rebase(self, replica: StateReplica) -> None:
        with self.guard:
            rebase = replica.rebase()
        if rebase is None:
            return
        failed, base = [], rebase.base
        for update in rebase.updates:
            try:
                base = update.result = update.step(base)
            except Exception as error:
                failed.append(update)
                fail([update.receipt], error)
        with self._writing():
            replica.rebased(rebase, failed)
            self._pass_on()

    def _retry_held(self) -> None:
        with self.guard:
            self._retrying = False
            self._session.retry()
        self._pump()

    def _pump(self) -> None:
        with self.guard:
            self._pumping = False
            socket, outgoing = self._socket, self._session.outgoing()
            self._pass_on()
        for frame in outgoing:
            assert socket is not None
            self._send(socket, frame)

    def _send(self, socket: WebSocketClientConnection, frame: bytes) -> None:
        try:
            sent = asyncio.ensure_future(socket.write_message(frame))
        except WebSocketClosedError:
            return  # read_message tells, and what was under way is sent again
        sent.add_done_callback(_ignore_closed)

    # Under the guard.

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        self.start()
        with self.guard:
            self._check_open()
            yield
            self._pump_soon()

    def _patiently(self, push: Callable[[], Receipt[R]]) -> Receipt[R]:
        patient = not background().here()
        with self._writing():
            while True:
                try:
                    return push()
                except QueueFull:
                    if not (patient and self._took_one_in_time()):
                        raise
                self._check_open()

    @contextlib.contextmanager
    def _joining(self, key: str, listener: Listener, *, presence: bool = False) -> Iterator[None]:
        self.start()
        with self.guard:
            self._check_open()
            self._prune()
            yield
            self._listeners.setdefault((key, presence), weakref.WeakSet()).add(listener)
            self._complaint = None
            self._retry()
            self._pump_soon()

    def _took_one_in_time(self) -> bool:
        """Wait, while there is a connection, until the room took a push."""
        taken = self._session.taken
        self._pump_soon()
        self.guard.wait_for(
            lambda: self._session.taken > taken or self.status != "connected",
            self.settings.connect_timeout_seconds,
        )
        return self._session.taken > taken

    def _new_heartbeat(self) -> Heartbeat:
        interval = self.settings.ping_interval_seconds
        return Heartbeat(interval_seconds=interval, now=time.monotonic(), wall=time.time())

    def _check_open(self) -> None:
        if self.status == "closed":
            raise NotConnected(f"the connection to {self.location.url} was closed")

    def _pass_on(self, *, by: Listener | None = None) -> None:
        self._changed()
        for key, error, presence in self._session.events():
            if key is None:
                self._complaint = error
                # Not here: a log handler may wait for a thread that waits for the guard.
                self._call(partial(_log.warning, "%s: %s", self.location.url, error))
                self.guard.notify_all()
            else:
                for listener in list(self._listeners.get((key, presence), ())):
                    if error is not None:
                        listener.refused(error)
                    elif listener is not by:
                        callbacks.schedule(listener)
        for replica in self._session.stale():
            self._call(partial(self._make_again, replica))

    def _changed(self) -> None:
        self.changes += 1
        self.guard.notify_all()
        for wake in self.wakers:
            wake()

    def _prune(self) -> None:
        for topic in [topic for topic, listeners in self._listeners.items() if not listeners]:
            key, presence = topic
            if presence:
                self._session.forget_presence(key)
            elif not self._session.forget(key):
                continue
            del self._listeners[topic]

    def _retry(self) -> None:
        if self.status in ("stopped", "reconnecting"):
            if self.status == "stopped":
                self._set("connecting", None)
            self._call(self._want)

    def _want(self) -> None:
        if self._wanted is not None:
            self._wanted.set()

    def _set(self, status: Status, error: DriftDBError | None) -> None:
        if self.status != "closed":
            self.status, self.error = status, error
            self._changed()
            if status == "closed":
                for feed in list(self.feeds):
                    feed.wake()

    def _pump_soon(self) -> None:
        if not self._pumping:
            self._pumping = True
            self._call(self._pump)

    def _call(self, work: Callable[[], object]) -> None:
        background().call(work)

    def forked(self) -> None:
        """Forget the parent's socket in a forked child; the next use connects anew."""
        self.guard = threading.Condition()
        self._socket = None
        self._task = None
        self._wanted = None
        self._pumping = self._retrying = False
        self._complaint = None
        self._heartbeat = self._new_heartbeat()
        self._session.forked()
        for outlet in self.outlets:
            outlet.forked()
        if self.status != "closed":
            self.status, self.error = "connecting", None


def live_connections() -> list[Connection]:
    """Return this process's connections that were begun and not closed."""
    return [each for each in list(_connections) if each.status != "closed" and each._started]


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("a connection failed by a fault of ours", exc_info=error)


def _ignore_closed(sent: asyncio.Future[None]) -> None:
    if not sent.cancelled():
        sent.exception()


_connections: weakref.WeakSet[Connection] = weakref.WeakSet()


def _forked() -> None:
    connections = list(_connections)
    for connection in connections:
        # First of all: what is forgotten below may hold the last reference to a room, whose end
        # would start the thread here to close a connection that is the parent's.
        connection._started = False
    for connection in connections:
        connection.forked()


on_fork(_forked)
