"""The HTTP server of the standalone server, which bounds the connections of one address."""

from __future__ import annotations

from typing import Any

from tornado.httpserver import HTTPServer
from tornado.iostream import IOStream

from ..hosting.hub import Hub
from ..sending.tornado_sender import forget_frames
from .forwarded import Proxies

__all__ = ["Listener"]


class Listener(HTTPServer):
    """Takes no more connections over HTTP from one address than it may have.

    They may be silent, or send as slowly as they like until their time is up; each takes a
    descriptor, and memory for a head that has begun. A connection that became a WebSocket is no
    longer counted here but as a peer's. Set ``hub``, ``proxies`` and ``address_limit`` before it
    listens. All that come through a trusted proxy have its address, and how many they may be is the
    proxy's to say.
    """

    hub: Hub
    proxies: Proxies
    address_limit: int

    def handle_stream(self, stream: IOStream, address: Any) -> None:
        """Serve a connection, or close it at once."""
        host = _host(address)
        caller = self.hub.callers[host]
        if caller.streams >= self.address_limit and not self.proxies.include(host):
            self.hub.events.turned_away(host)
            stream.close()
            return
        caller.streams += 1
        super().handle_stream(stream, address)

    def on_close(self, server_conn: Any) -> None:
        """Note that a connection has ended, or is a WebSocket's now."""
        super().on_close(server_conn)
        forget_frames(server_conn.stream)
        caller = self.hub.callers[_host(server_conn.context.address)]
        caller.streams = max(0, caller.streams - 1)  # it may have been forgotten meanwhile


def _host(address: Any) -> str:
    return str(address[0]) if isinstance(address, tuple) else ""
