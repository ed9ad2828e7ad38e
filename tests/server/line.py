"""An outbox on a real socket pair."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

from driftdb_jupyter.server.outbox import Flusher, Outbox
from driftdb_jupyter.server.plain_stream import PlainStream

__all__ = ["LIMIT_BYTES", "Line"]

LIMIT_BYTES = 100_000


class Line:
    """An outbox, and the far end of its connection."""

    def __init__(
        self, flusher: Flusher | None = None, *, rises: Callable[[Outbox], None] | None = None
    ) -> None:
        near, self.far = socket.socketpair()
        for end in (near, self.far):
            end.setblocking(False)
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        self.stream = PlainStream(near)
        self.flusher = flusher or Flusher()
        self.overflowed = 0
        connection: Any = self
        self.outbox = Outbox(
            connection,
            self.flusher,
            compressed=False,
            limit_bytes=LIMIT_BYTES,
            overflowed=self._overflow,
            rises=rises or (lambda outbox: None),
        )

    def _overflow(self) -> None:
        self.overflowed += 1

    async def read(self, count: int) -> bytes:
        loop = asyncio.get_running_loop()
        data = b""
        while len(data) < count:
            data += await loop.sock_recv(self.far, count - len(data))
        return data

    def arrived(self) -> bytes:
        """What has arrived already."""
        try:
            return self.far.recv(65536)
        except BlockingIOError:
            return b""

    def close(self) -> None:
        self.stream.close()
        self.far.close()
