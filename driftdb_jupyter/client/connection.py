"""Drives a session over a WebSocket, on the background thread, and comes back when it is cut."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import weakref
from collections.abc import Callable
from functools import partial
from typing import Literal, Protocol

from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, WebSocketClosedError, websocket_connect

from ..protocol.errors import (
    BadMessage,
    DriftDBError,
    Forbidden,
    NotConnected,
    Refusal,
    RoomNotFound,
)
from ..protocol.limits import Limits
from .background import background, on_fork
from .backoff import Backoff
from .callbacks import Target, callbacks
from .failures import closed, explain
from .locate import Location
from .session import Session
from .settings import Settings
from .state_replica import StateReplica

__all__ = ["Connection", "Listener", "Status", "live_connections"]

_log = logging.getLogger("driftdb_jupyter")

Status = Literal["connecting", "connected", "reconnecting", "stopped", "closed"]


class Listener(Target, Protocol):
    """What hears of a key: :meth:`deliver` when it may have changed, on the callbacks' thread."""

    def refused(self, error: Refusal) -> None:
        """A write of this process was refused (called on the background thread)."""


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
        self._settings = settings
        self._session = Session(limits=Limits(message_bytes=settings.message_limit_bytes))
        self._listeners: dict[str, weakref.WeakSet[Listener]] = {}
        self._complaint: Refusal | None = None
        self._socket: WebSocketClientConnection | None = None
        self._task: asyncio.Task[None] | None = None
        self._wanted: asyncio.Event | None = None
        self._started = False
        self._linger = True
        self._pumping = False
        self._ever_connected = False
        self._backoff = Backoff()
        _connections.add(self)

    # What the public objects call, on any thread.

    def start(self) -> None:
        """Begin to connect, unless that was done in this process already, or it is closed."""
        if self._started:
            return
        with self.guard:
            if not self._started and self.status != "closed":
                self._started = True
                self._call(self._launch)

    def subscribe(self, key: str, listener: Listener, *, initial: bytes | None) -> StateReplica:
        """Hear of a key, as long as the listener lives, and offer its initial value.

        Raises :class:`~driftdb_jupyter.protocol.errors.TooLarge` for the key or the value, and
        :class:`~driftdb_jupyter.protocol.errors.NotConnected` after :meth:`close`.
        """
        self.start()
        with self.guard:
            self._check_open()
            self._prune()
            replica = self._session.state(key)
            if initial is not None:
                replica.offer(initial)
            self._listeners.setdefault(key, weakref.WeakSet()).add(listener)
            self._complaint = None
            self._retry()
            self._pump_soon()
        return replica

    def unsubscribe(self, key: str, listener: Listener) -> None:
        """Hear of a key no more."""
        with self.guard:
            if key in self._listeners:
                self._listeners[key].discard(listener)
            self._prune()

    def write(self, replica: StateReplica, value: bytes, *, by: Listener | None = None) -> None:
        """Show a value at once, and put it on its way; ``by`` knows of it and isn't told.

        Raises :class:`~driftdb_jupyter.protocol.errors.TooLarge`, and
        :class:`~driftdb_jupyter.protocol.errors.NotConnected` after :meth:`close`.
        """
        self.start()
        with self.guard:
            self._check_open()
            if replica.write(value):
                self._pass_on(by=by)
                self._pump_soon()

    def wait_ready(self, replica: StateReplica, timeout_seconds: float) -> None:
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
                f"{f': {self.error}' if self.error else ''}. Run this again to try again, "
                "or pass a longer timeout_seconds=."
            )

    def flush(self, timeout_seconds: float) -> bool:
        """Wait until the room took (or refused) every write; False if it didn't in time.

        Gives up at once when the connection is stopped or closed.
        """
        with self.guard:
            self.guard.wait_for(
                lambda: self._session.settled or self.status in ("stopped", "closed"),
                timeout_seconds,
            )
            return self._session.settled

    def retry(self) -> None:
        """Try at once to connect, if there is no connection."""
        self.start()
        with self.guard:
            self._retry()

    def close(self) -> None:
        """Close for good, now."""
        with self.guard:
            self._set("closed", None)
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
        self._task = asyncio.get_running_loop().create_task(self._run())
        self._task.add_done_callback(_report)

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
            final = isinstance(error, (Forbidden, RoomNotFound)) or not self._ever_connected
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
            socket = await self._connect()
        except Exception as error:
            return explain(error, self.location)
        complaint: DriftDBError | None = None
        try:
            assert socket.protocol is not None
            socket.protocol.set_nodelay(True)
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
                self._session.disconnected(close_code=socket.close_code)
                self._pass_on()
            socket.close(1000)
        return closed(socket.close_code, self.location) or complaint

    async def _connect(self) -> WebSocketClientConnection:
        settings = self._settings
        attempt = asyncio.ensure_future(
            websocket_connect(
                HTTPRequest(
                    self.location.socket_url(self._session.secret),
                    headers=self.location.headers,
                    ssl_options=self.location.tls(),
                    connect_timeout=settings.connect_timeout_seconds,
                    request_timeout=settings.connect_timeout_seconds,
                ),
                ping_interval=settings.ping_interval_seconds,
                ping_timeout=settings.ping_interval_seconds,
                max_message_size=settings.receive_limit_bytes,
            )
        )
        try:
            return await asyncio.shield(attempt)
        except asyncio.CancelledError:
            attempt.add_done_callback(_close_late)
            raise

    def _receive(self, frame: str | bytes) -> None:
        with self.guard:
            self._session.receive(frame)
            if self._session.answered:
                self._backoff.reset()
            self._pass_on()
            self.guard.notify_all()
        self._pump()
        self._close_if_done()

    def _pump(self) -> None:
        with self.guard:
            self._pumping = False
            socket, outgoing = self._socket, self._session.outgoing()
        for frame in outgoing:
            assert socket is not None
            try:
                sent = asyncio.ensure_future(socket.write_message(frame))
            except WebSocketClosedError:
                return  # read_message tells, and what was under way is sent again
            sent.add_done_callback(_ignore_closed)

    # Under the guard.

    def _check_open(self) -> None:
        if self.status == "closed":
            raise NotConnected(f"the connection to {self.location.url} was closed")

    def _pass_on(self, *, by: Listener | None = None) -> None:
        for key, error in self._session.events():
            if key is None:
                self._complaint = error
                # Not here: a log handler may wait for a thread that waits for the guard.
                self._call(partial(_log.warning, "%s: %s", self.location.url, error))
                self.guard.notify_all()
            else:
                for listener in list(self._listeners.get(key, ())):
                    if error is not None:
                        listener.refused(error)
                    elif listener is not by:
                        callbacks.schedule(listener)

    def _prune(self) -> None:
        for key in [key for key, listeners in self._listeners.items() if not listeners]:
            if self._session.forget(key):
                del self._listeners[key]

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
            self.guard.notify_all()

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
        self._started = False
        self._pumping = False
        self._complaint = None
        self._session.forked()
        if self.status != "closed":
            self.status, self.error = "connecting", None


def live_connections() -> list[Connection]:
    """Return this process's connections that were begun and not closed."""
    return [each for each in list(_connections) if each.status != "closed" and each._started]


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("a connection failed by a fault of ours", exc_info=error)


def _close_late(attempt: asyncio.Future[WebSocketClientConnection]) -> None:
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result().close()


def _ignore_closed(sent: asyncio.Future[None]) -> None:
    if not sent.cancelled():
        sent.exception()


_connections: weakref.WeakSet[Connection] = weakref.WeakSet()


def _forked() -> None:
    for connection in list(_connections):
        connection.forked()


on_fork(_forked)
