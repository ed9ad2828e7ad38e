"""Whether a server speaks TLS, where a URL says otherwise."""

from __future__ import annotations

import asyncio
import ssl
from urllib.parse import urlsplit

from ...protocol.errors import Unreachable
from .location import Location

__all__ = ["check_scheme"]

_SECONDS = 2.0


async def check_scheme(location: Location) -> None:
    """Raise :class:`Unreachable` if a server speaks HTTP at an ``https:`` URL, or the reverse.

    Such a server may wait for the rest of a request for ever. Does nothing where what it speaks
    isn't found out soon.
    """
    secure = location.server.startswith("https:")
    try:
        other = await asyncio.wait_for(_speaks(location, tls=not secure), _SECONDS)
    except (OSError, EOFError, asyncio.TimeoutError):
        return
    if other and secure:
        raise Unreachable(f"{location.server} speaks no TLS: its URL begins with http://.")
    if other:
        raise Unreachable(f"{location.server} speaks TLS: its URL begins with https://.")


async def _speaks(location: Location, *, tls: bool) -> bool:
    parts = urlsplit(location.server)
    context = None
    if tls:  # nothing is sent over it, so nobody has to be trusted
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    port = parts.port or (80 if tls else 443)
    reader, writer = await asyncio.open_connection(parts.hostname, port, ssl=context)
    try:
        if tls:
            return True
        writer.write(b"HEAD / HTTP/1.0\r\n\r\n")
        status = await reader.readexactly(12)  # "HTTP/1.1 200"
        # With 400 nginx answers where it expects TLS.
        return status.startswith(b"HTTP/") and not status.endswith(b"400")
    finally:
        writer.close()
