"""Opens a socket to a room."""

from __future__ import annotations

import asyncio
import ssl
from typing import TypeVar

from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.iostream import StreamClosedError
from tornado.websocket import WebSocketClientConnection, websocket_connect

from ...protocol.errors import Unreachable
from ..settings import Settings
from .batch_socket import BatchSocket, connect
from .location import Location
from .scheme import check_scheme
from .ticket import ticket_by_link

__all__ = ["open_batch_socket", "open_socket"]


_SOON_SECONDS = 1.0
"""After how long without an answer to a TLS handshake the server is asked without TLS."""

_SUBPROTOCOL = "driftdb"

S = TypeVar("S", bound=WebSocketClientConnection)


async def open_socket(
    location: Location, secret: str, settings: Settings
) -> WebSocketClientConnection:
    """Open a room's socket for the client with that secret (protocol, "Over WebSocket").

    Raises what :func:`~.errors.explain` explains. A handshake that nobody
    waits for any more is closed when it comes.
    """
    attempt = websocket_connect(
        await _request(location, secret, settings), max_message_size=settings.receive_limit_bytes
    )
    return await _answer(asyncio.ensure_future(attempt), location)


async def open_batch_socket(location: Location, secret: str, settings: Settings) -> BatchSocket:
    """Open a room's socket, as :func:`open_socket` does, that is read in batches."""
    attempt = connect(
        await _request(location, secret, settings), max_message_bytes=settings.receive_limit_bytes
    )
    return await _answer(attempt, location)


async def _request(location: Location, secret: str, settings: Settings) -> HTTPRequest:
    url = location.socket_url
    if location.link is not None:
        url += f"?ticket={await ticket_by_link(location, settings)}"
    # The secret stands in no URL, for proxies log those.
    offered = {"Sec-WebSocket-Protocol": f"{_SUBPROTOCOL}, {secret}"}
    return HTTPRequest(
        url,
        headers=await location.headers_now() | offered,
        ssl_options=location.tls(),
        connect_timeout=settings.connect_timeout_seconds,
        request_timeout=settings.connect_timeout_seconds,
    )


async def _answer(attempt: asyncio.Future[S], location: Location) -> S:
    try:
        if location.server.startswith("https:"):
            await asyncio.wait({attempt}, timeout=_SOON_SECONDS)
            if not attempt.done():
                await check_scheme(location)
        socket = await asyncio.shield(attempt)
        if socket.selected_subprotocol != _SUBPROTOCOL:
            raise Unreachable(
                f"the server at {location.server} is older than this client, or something on the "
                "way drops Sec-WebSocket-Protocol: it doesn't know who writes, so nothing could be "
                "acknowledged. Restart the server with this version, or let the header through."
            )
        return socket
    except (StreamClosedError, ConnectionResetError, ssl.SSLError, HTTPClientError) as error:
        # A certificate that isn't trusted is none of that: such a server does speak TLS.
        trusted = not isinstance(error, ssl.SSLCertVerificationError)
        if trusted and (not isinstance(error, HTTPClientError) or error.code == 599):
            await check_scheme(location)
        raise
    except (asyncio.CancelledError, Unreachable):
        attempt.add_done_callback(_close_late)
        raise


def _close_late(attempt: asyncio.Future[S]) -> None:
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result().close()
