"""Opens a socket to a room."""

from __future__ import annotations

import asyncio
from typing import TypeVar

from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from ..settings import Settings
from .batch_socket import BatchSocket, connect
from .location import Location

__all__ = ["dial", "dial_in_batches"]


S = TypeVar("S", bound=WebSocketClientConnection)


async def dial(location: Location, secret: str, settings: Settings) -> WebSocketClientConnection:
    """Open a room's socket for the client with that secret (protocol, "Over WebSocket").

    Raises what :func:`~.errors.explain` explains. A handshake that nobody
    waits for any more is closed when it comes.
    """
    attempt = websocket_connect(
        _request(location, secret, settings), max_message_size=settings.receive_limit_bytes
    )
    return await _answer(asyncio.ensure_future(attempt))


async def dial_in_batches(location: Location, secret: str, settings: Settings) -> BatchSocket:
    """Open a room's socket, as :func:`dial` does, that is read in batches."""
    attempt = connect(
        _request(location, secret, settings), max_message_bytes=settings.receive_limit_bytes
    )
    return await _answer(attempt)


def _request(location: Location, secret: str, settings: Settings) -> HTTPRequest:
    return HTTPRequest(
        location.socket_url(secret),
        headers=location.headers,
        ssl_options=location.tls(),
        connect_timeout=settings.connect_timeout_seconds,
        request_timeout=settings.connect_timeout_seconds,
    )


async def _answer(attempt: asyncio.Future[S]) -> S:
    try:
        return await asyncio.shield(attempt)
    except asyncio.CancelledError:
        attempt.add_done_callback(_close_late)
        raise


def _close_late(attempt: asyncio.Future[S]) -> None:
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result().close()
