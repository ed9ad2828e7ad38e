"""Accepting connections without spinning where the system has no more descriptors.

Tornado's own handler is called again at once when ``accept`` fails, because the connection still
waits: the loop spins, and each turn writes a traceback. Here, as in asyncio's servers, nothing is
accepted for a second then.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from time import monotonic
from typing import Any

from tornado.ioloop import IOLoop
from tornado.tcpserver import TCPServer

__all__ = ["accept_patiently"]

_PAUSE_SECONDS = 1.0
_SILENCE_SECONDS = 60.0
_BATCH = 128


def accept_patiently(server: TCPServer, log: logging.Logger) -> bool:
    """Let a server that listens pause when it can't accept; returns whether that was possible.

    It leans on names of Tornado's that are private: where they are gone, the server stays as it is.
    """
    own: Any = server
    names = ("_sockets", "_handlers", "_handle_connection")
    if not all(hasattr(own, name) for name in names):
        return False
    for number, listening in own._sockets.items():
        own._handlers[number]()  # removes Tornado's
        own._handlers[number] = _Acceptor(listening, own._handle_connection, log).stop
    return True


class _Acceptor:
    """Accepts the connections of one listening socket."""

    def __init__(
        self,
        listening: socket.socket,
        accepted: Callable[[socket.socket, Any], None],
        log: logging.Logger,
    ) -> None:
        self._socket = listening
        self._accepted = accepted
        self._log = log
        self._told_at = -_SILENCE_SECONDS
        self._pause: asyncio.TimerHandle | None = None
        self._loop = IOLoop.current()
        self._begin()

    def stop(self) -> None:
        """Accept no more."""
        if self._pause is None:
            self._loop.remove_handler(self._socket)
        else:
            self._pause.cancel()
            self._pause = None
        self._stopped = True

    def _begin(self) -> None:
        self._stopped = False
        self._pause = None
        self._loop.add_handler(self._socket, self._accept, IOLoop.READ)

    def _accept(self, listening: socket.socket, events: int) -> None:
        for _ in range(_BATCH):
            if self._stopped:
                return
            try:
                connection, address = self._socket.accept()
            except BlockingIOError:
                return
            except ConnectionAbortedError:
                continue
            except OSError as error:  # EMFILE, ENFILE, ENOBUFS, ENOMEM: only time helps
                self._wait(error)
                return
            self._accepted(connection, address)

    def _wait(self, error: OSError) -> None:
        self._loop.remove_handler(self._socket)
        loop = asyncio.get_running_loop()
        self._pause = loop.call_later(_PAUSE_SECONDS, self._begin)
        now = monotonic()
        if now - self._told_at >= _SILENCE_SECONDS:
            self._told_at = now
            self._log.error(
                "DriftDB: no connection can be accepted (%s); trying again each second until some "
                "are closed",
                error.strerror,
            )
