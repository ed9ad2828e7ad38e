"""The way in for kernels where the server's own is closed to them.

A Jupyter server may demand certificates of its clients, as those of a JupyterHub do that is
encrypted within itself (``internal_ssl``). Kernels have none that it takes. They run on its
machine, so they are given a port of the loopback address, on which the server answers nobody else.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any

from jupyter_server.serverapp import ServerApp
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPMessageDelegate, HTTPServerRequest
from tornado.netutil import bind_sockets
from tornado.routing import Router
from tornado.web import Application

__all__ = ["KernelListener", "demands_certificates"]

_HOST = "127.0.0.1"
# Of those who have shown no secret yet; rooms take larger bodies, as far as their own limits go.
_BODY_LIMIT_BYTES = 64 * 1024
_HEAD_LIMIT_BYTES = 16 * 1024
_IDLE_SECONDS = 60.0


def demands_certificates(server: ServerApp) -> bool:
    """Return True if a server answers only clients that show a certificate."""
    options: dict[str, Any] = server.ssl_options or {}
    return options.get("cert_reqs") == ssl.CERT_REQUIRED


class KernelListener:
    """Serves an application's paths below ``root`` to those whom ``knows`` knows.

    ``knows`` is asked about the header ``Authorization`` of each request, and of nobody else
    anything is answered but 404.
    """

    def __init__(self, application: Application, root: str, knows: Callable[[str], bool]) -> None:
        self._server = HTTPServer(
            _Door(application, root, knows),
            idle_connection_timeout=_IDLE_SECONDS,
            max_body_size=_BODY_LIMIT_BYTES,
            max_header_size=_HEAD_LIMIT_BYTES,
        )
        (listening, *_) = sockets = bind_sockets(0, _HOST)
        self._server.add_sockets(sockets)
        self.url = f"http://{_HOST}:{listening.getsockname()[1]}{root}"

    @property
    def http_server(self) -> HTTPServer:
        """The server, which listens already."""
        return self._server

    async def stop(self) -> None:
        """Listen no more, and close what is open."""
        self._server.stop()
        await self._server.close_all_connections()


class _Door(Router):
    def __init__(self, application: Application, root: str, knows: Callable[[str], bool]) -> None:
        self._application = application
        self._knows = knows
        self._root = root

    def find_handler(self, request: HTTPServerRequest, **more: Any) -> HTTPMessageDelegate | None:
        """Find the application's, or none."""
        known = self._knows(request.headers.get("Authorization", ""))
        if not known or not request.path.startswith(self._root):
            return None
        return self._application.find_handler(request, **more)
