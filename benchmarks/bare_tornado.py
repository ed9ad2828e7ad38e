#!/usr/bin/env python3
"""A server of Tornado's own WebSocket handler, with nothing of ours.

    python benchmarks/bare_tornado.py PORT

The least that opening a connection can cost a Tornado server. Rooms are names without any meaning,
and every message is answered with an empty ``init``, which is what the load generator waits for.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import sys

from tornado.web import Application, RequestHandler
from tornado.websocket import WebSocketHandler

INIT = json.dumps({"type": "init", "key": "k", "data": []}, separators=(",", ":"))


class New(RequestHandler):
    """``POST /new``."""

    def post(self) -> None:
        """Answer with an id."""
        self.write({"room": secrets.token_hex(8)})


class Connect(WebSocketHandler):
    """``GET /room/ID/connect``."""

    def on_message(self, message: str | bytes) -> None:
        """Answer as a room without any values does."""
        self.write_message(INIT)


async def serve(port: int) -> None:
    """Serve until the process is ended."""
    Application([("/new", New), ("/room/[^/]+/connect", Connect)]).listen(port, "127.0.0.1")
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
