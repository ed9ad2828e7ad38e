"""Opens a socket to a room."""

from __future__ import annotations

import asyncio

from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from ..settings import Settings
from .location import Location

__all__ = ["dial"]


async def dial(location: Location, secret: str, settings: Settings) -> WebSocketClientConnection:
    """Open a room's socket for the client with that secret (protocol, "Clients").

    Raises what :func:`~.errors.explain` explains. A handshake that nobody
    waits for any more is closed when it comes.
    """
    attempt = asyncio.ensure_future(
        websocket_connect(
            HTTPRequest(
                location.socket_url(secret),
                headers=location.headers,
                ssl_options=location.tls(),
                connect_timeout=settings.connect_timeout_seconds,
                request_timeout=settings.connect_timeout_seconds,
            ),
            max_message_size=settings.receive_limit_bytes,
        )
    )
    try:
        return await asyncio.shield(attempt)
    except asyncio.CancelledError:
        attempt.add_done_callback(_close_late)
        raise


def _close_late(attempt: asyncio.Future[WebSocketClientConnection]) -> None:
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result().close()
