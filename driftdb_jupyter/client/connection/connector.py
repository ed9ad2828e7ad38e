"""Keeps a room's socket open, and comes back when it is cut."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any

from tornado.httpclient import HTTPClientError

from ...protocol.errors import BadMessage, DriftDBError, NotConnected, TooLarge
from ..runtime.callbacks import callbacks
from ..settings import Settings
from ..transport.errors import CLOSE_EXPIRED, closed, explain
from ..transport.heartbeat import Heartbeat
from ..transport.link import Link
from ..transport.location import Location
from ..transport.route import local_address
from .driver import Driver
from .inbox import Job

__all__ = ["Connector"]

_log = logging.getLogger("driftdb_jupyter")

_PAUSE_SECONDS = 1.0


class Connector:
    """Opens links for a driver, one after the other, as its supervisor says.

    Everything in it runs on the background thread. No exception ends it: a fault of ours in one
    connection is logged and counts as a lost connection.
    """

    def __init__(self, location: Location, settings: Settings, driver: Driver) -> None:
        self.heartbeat = _new_heartbeat(settings)
        self.location = location
        self._settings = settings
        self._driver = driver
        self._supervisor = driver.supervisor
        self._link: Link | None = None
        self._remote: Any = None
        self._wanted: asyncio.Event | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._has_warned = False

    @property
    def started(self) -> bool:
        """Whether it runs, or ran and was closed."""
        return self._wanted is not None

    def start(self) -> None:
        """Begin to connect, unless that was done already."""
        if self._wanted is not None or self._supervisor.status == "closed":
            return
        self._wanted = asyncio.Event()
        self._driver.on_want = self._want
        self._driver.on_close = self._cancel
        self._keep(self._run)
        self._keep(self._watch)

    async def gone(self) -> None:
        """Wait until it has ended."""
        if self._tasks:
            await asyncio.wait(self._tasks)

    def forget_start(self) -> None:
        """Count as not started, in a forked child."""
        self._wanted = None

    def forked(self) -> None:
        """Forget the parent's socket and tasks in a forked child."""
        self.heartbeat = _new_heartbeat(self._settings)
        self._link = None
        self._tasks = []

    def _keep(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run something for as long as the connection isn't closed, whatever comes out of it."""
        task = asyncio.get_running_loop().create_task(work())
        self._tasks.append(task)

        def ended(task: asyncio.Task[None]) -> None:
            self._tasks.remove(task)
            if not task.cancelled() and (error := task.exception()) is not None:
                _log.error("%s: a fault of ours", self.location.url, exc_info=error)
            if self._supervisor.status != "closed":
                asyncio.get_running_loop().call_later(_PAUSE_SECONDS, again)

        def again() -> None:
            if self._supervisor.status != "closed":
                self._keep(work)

        task.add_done_callback(ended)

    def _want(self) -> None:
        if self._wanted is not None:
            self._wanted.set()

    def _cancel(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def _run(self) -> None:
        wanted, supervisor = self._wanted, self._supervisor
        assert wanted is not None
        while supervisor.status != "closed":
            fault, began = False, time.monotonic()
            try:
                error = await self._visit()
            except Exception as trouble:
                _log.exception("the connection to %s failed by a fault of ours", self.location.url)
                fault = True
                error = NotConnected(
                    f"the connection to {self.location.url} failed by a fault of this client: "
                    f"{type(trouble).__name__}",
                    in_python="Please report it, with what the log says. .retry() tries again.",
                )
            wanted.clear()
            delay = supervisor.ended(error, fault=fault, lasted_seconds=time.monotonic() - began)
            self._driver.wake()
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(wanted.wait(), delay)

    async def _visit(self) -> DriftDBError | None:
        """Connect once, and stay as long as it lasts; returns why it couldn't, or can't again."""
        driver, location = self._driver, self.location
        try:
            link = await self._open()
        except Exception as error:
            return explain(error, location)
        complaint: DriftDBError | None = None
        try:
            self._link, self._remote = link, link.remote
            driver.attach(link)
            await link.receive(driver.receive)
        except BadMessage as error:
            _log.warning("%s: %s", location.url, error)
            complaint = error
        finally:
            self._link = None
            link.close(for_good=self._supervisor.status == "closed")
            driver.detach(link.close_code)
        if link.close_code == CLOSE_EXPIRED and location.source is not None:
            location.source.forget()
        if link.too_long and not driver.session.ask_for_less():
            complaint = TooLarge(
                f"{location.url} sent a message of more than "
                f"{self._settings.receive_limit_bytes} bytes, which is what "
                "DRIFTDB_RECEIVE_LIMIT_BYTES allows. Set it higher.",
                in_python="In Python, .retry() tries again.",
            )
        reason = closed(link.close_code, location)
        if isinstance(reason, BadMessage) and not self._has_warned:
            self._has_warned = True  # once is enough, where it happens again and again
            _log.warning("%s", reason)
        return reason or complaint

    async def _open(self) -> Link:
        """Open a link; asks for another token where the server doesn't take the one that it had."""
        location, secret = self.location, self._driver.session.secret
        try:
            return await Link.open(location, secret, self._settings, self.heartbeat)
        except HTTPClientError as error:
            source = location.source
            if error.code != HTTPStatus.UNAUTHORIZED or source is None or not source.forget():
                raise
        return await Link.open(location, secret, self._settings, self.heartbeat)

    async def _watch(self) -> None:
        """Notice a dead connection, a machine that slept, another network, and what was left."""
        address = local_address(self._remote)
        while True:
            await asyncio.sleep(self.heartbeat.tick_seconds)
            now = time.monotonic()
            doubtful = self.heartbeat.woke(now=now, wall=time.time())
            before, address = address, local_address(self._remote)
            if address != before and before is not None:
                doubtful = True
            self._driver.inbox.poke()
            callbacks.poke()
            callbacks.look(self._settings.slow_callback_seconds)
            if self._driver.listeners.deserted():
                self._driver.inbox.put(Job(self._driver.prune))
            if self._link is not None:
                self._link.look(now, doubtful=doubtful)
                continue
            back = before is None and address is not None
            if self._supervisor.status == "reconnecting" and (doubtful or back):
                self._want()


def _new_heartbeat(settings: Settings) -> Heartbeat:
    return Heartbeat(
        interval_seconds=settings.ping_interval_seconds, now=time.monotonic(), wall=time.time()
    )
