"""A page that can't reach a room's server is in the room through its kernel.

What its front end would send over a WebSocket it sends over the widget's comm, and a
:class:`Tunnel` passes both ways on. It has a WebSocket of its own to the room, with the page's
secret and the kernel's permissions, and lives on the background thread: so what comes from the
room reaches the page while a cell computes. What the page sends waits for the kernel, where the
kernel handles comms only between two cells.

The messages are custom ones of ipywidgets, ``tunnel`` being the page's name for it. From the page:
``{"tunnel", "open": SECRET}``, ``{"tunnel", "send": TEXT}``, ``{"tunnel", "close": true}``, and
``{"tunnel"}`` alone as a sign of life. From here, numbered from 0 (for Jupyter drops messages where
there are too many): ``{"tunnel", "n", "opened": true}``, ``{"tunnel", "n", "heard": [TEXT, …]}``
(empty as a sign of life) and ``{"tunnel", "n", "closed": CODE}``.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from collections.abc import Mapping
from typing import Any, Protocol

from tornado.websocket import WebSocketClientConnection, WebSocketClosedError

from ..client.connection.connection import Connection
from ..client.runtime.background import background
from ..client.settings import Settings
from ..client.transport.location import Location
from ..client.transport.opening import open_socket

__all__ = ["Tunnel", "carry"]

BEAT_SECONDS = 10.0
SILENT_BEATS = 4
"""The number of beats after which a silent page is gone, while its messages are handled."""
GATHER_SECONDS = 0.03
"""How often at most a message goes to the page: Jupyter lets 1,000 a second of a kernel pass."""
GATHER_BYTES = 256 * 1024
TUNNEL_LIMIT = 100
"""How many pages; more are refused, as a room would that is full."""

_log = logging.getLogger("driftdb_jupyter")

_SECRET = re.compile(r"[\w-]{16,64}")
_NAME = re.compile(r"[\w-]{1,80}")
_FULL = 1013


class Comm(Protocol):
    """The parts of a comm that are used; ``send`` may be called from any thread."""

    def send(self, data: dict[str, Any]) -> None: ...


_tunnels: dict[str, Tunnel] = {}


def carry(content: object, comm: Comm, connection: Connection) -> None:
    """Take a page's message for a tunnel to that connection's room; what is none is ignored."""
    if not isinstance(content, Mapping):
        return
    name, secret = content.get("tunnel"), content.get("open")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        return
    tunnel = _tunnels.get(name)
    if tunnel is None:
        if isinstance(secret, str) and _SECRET.fullmatch(secret):
            tunnel = Tunnel(name, comm)
            if len(_tunnels) >= TUNNEL_LIMIT:
                tunnel.tell(closed=_FULL)
            else:
                _tunnels[name] = tunnel
                tunnel.open(connection.location, secret, connection.settings)
        return
    tunnel.alive()
    if isinstance(text := content.get("send"), str):
        tunnel.send(text)
    elif content.get("close") is True:
        tunnel.close()


class Tunnel:
    """One page's socket to a room, through this process."""

    def __init__(self, name: str, comm: Comm) -> None:
        self._name = name
        self._comm = comm
        self._told = 0
        self._silent = 0
        self._task: asyncio.Task[None] | None = None
        self._outgoing: asyncio.Queue[str] = asyncio.Queue()
        self._heard: list[str] = []
        self._size = 0
        self._come, self._gone = asyncio.Event(), asyncio.Event()
        self._watch: asyncio.TimerHandle | None = None

    # On the thread that handles the page's messages.

    def open(self, location: Location, secret: str, settings: Settings) -> None:
        """Connect, and tell the page when that is done or failed."""

        def start() -> None:
            self._task = asyncio.get_running_loop().create_task(
                self._run(location, secret, settings)
            )

        background().call(start)
        self._look()

    def send(self, text: str) -> None:
        """Pass a message on to the room."""
        background().call(lambda: self._outgoing.put_nowait(text))

    def alive(self) -> None:
        """Note that the page is there."""
        self._silent = 0

    def close(self) -> None:
        """End it; the page knows."""
        _tunnels.pop(self._name, None)
        if self._watch is not None:
            self._watch.cancel()
        background().call(lambda: self._task and self._task.cancel())

    def _look(self) -> None:
        # On this loop, which stands still while a cell computes and the page can't be heard.
        if self._silent >= SILENT_BEATS:
            self.close()
            return
        self._silent += 1
        self._watch = asyncio.get_running_loop().call_later(BEAT_SECONDS, self._look)

    # On the background thread.

    def tell(self, **what: object) -> None:
        """Say something to the page."""
        content = {"tunnel": self._name, "n": self._told, **what}
        self._told += 1
        self._comm.send({"method": "custom", "content": content})

    async def _run(self, location: Location, secret: str, settings: Settings) -> None:
        code = 1006
        try:
            socket = await open_socket(location, secret, settings)
            self.tell(opened=True)
            passing = [asyncio.create_task(self._send_all(socket))]
            passing.append(asyncio.create_task(self._tell_all()))
            try:
                await self._hear_all(socket)
            finally:
                for task in passing:
                    task.cancel()
                code = socket.close_code or code
                socket.close(1000)
                self.tell(heard=self._heard)
        except Exception as error:
            # The room's own connection of this process tells people why it can't be reached.
            _log.debug("no tunnel to %s: %s", location.url, error)
        finally:
            _tunnels.pop(self._name, None)
            self.tell(closed=code)

    async def _send_all(self, socket: WebSocketClientConnection) -> None:
        with contextlib.suppress(WebSocketClosedError):
            while True:
                await socket.write_message(await self._outgoing.get())

    async def _hear_all(self, socket: WebSocketClientConnection) -> None:
        while (text := await socket.read_message()) is not None:
            assert isinstance(text, str)
            self._heard.append(text)
            self._size += len(text)
            self._come.set()
            while self._size >= GATHER_BYTES:
                self._gone.clear()
                await self._gone.wait()

    async def _tell_all(self) -> None:
        """Tell what comes in larger pieces, and now and then that nothing came."""
        while True:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._come.wait(), BEAT_SECONDS)
            heard, self._heard, self._size = self._heard, [], 0
            self._come.clear()
            self._gone.set()
            self.tell(heard=heard)
            await asyncio.sleep(GATHER_SECONDS)
