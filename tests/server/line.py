"""An outbox on a real socket pair."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from driftdb_jupyter.protocol.codec import Listing
from driftdb_jupyter.protocol.frame import TEXT
from driftdb_jupyter.server.sending.answer import Answer
from driftdb_jupyter.server.sending.backlog import Backlog
from driftdb_jupyter.server.sending.outbox import Flusher, Outbox
from driftdb_jupyter.server.sending.plain_stream import PlainStream
from driftdb_jupyter.server.sending.snapshot import Listed

__all__ = ["LIMIT_BYTES", "Line", "an_answer"]

LIMIT_BYTES = 100_000


def an_answer(content: bytes) -> Answer:
    """An answer that is made in pieces of one byte, and the rest of its content."""
    listing = Listing(content[:1], list, b"", b"", lambda items: ())
    return Answer(TEXT, listing, Listed([content[1:]], Backlog(), len))


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
        self.ended: list[int] = []
        self.backlog = Backlog()
        self.outbox = Outbox(
            self.stream,
            self.flusher,
            self.backlog,
            limit_bytes=LIMIT_BYTES,
            ends=self._end,
            rises=rises or (lambda outbox: None),
        )

    def _end(self, code: int, reason: str) -> None:
        self.ended.append(code)

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
