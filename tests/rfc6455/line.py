"""A connection without a socket: its bytes arrive in just the pieces that a test wants."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from typing import Any

from tornado.iostream import StreamClosedError

from driftdb_jupyter.protocol.frame import TEXT, frame
from driftdb_jupyter.server.limits.floods import Floods
from driftdb_jupyter.server.limits.incomplete import Incomplete
from driftdb_jupyter.server.receiving.deflate import Deflate
from driftdb_jupyter.server.receiving.reader import BatchReader
from driftdb_jupyter.server.sending.traffic import Traffic

from .case import LIMIT_BYTES

__all__ = ["ScriptedStream", "said_to"]


class ScriptedStream:
    """A socket whose bytes arrive in just these pieces; then it is cut off."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter([piece for piece in pieces if piece])
        self._closed = False
        self.read_chunk_size = 65536
        self.written = bytearray()

    async def read_bytes(self, count: int, partial: bool) -> bytes:
        assert partial
        piece = b"" if self._closed else next(self._pieces, b"")
        if not piece:
            raise StreamClosedError
        assert len(piece) <= count
        return piece

    def write(self, data: bytes) -> asyncio.Future[None]:
        if self._closed:
            raise StreamClosedError
        self.written += data
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        future.set_result(None)
        return future

    def close(self) -> None:
        self._closed = True

    def closed(self) -> bool:
        return self._closed


class _Echo:
    """Sends messages back at the end of the batch, or where the connection ends."""

    max_message_size = LIMIT_BYTES

    def __init__(self, stream: ScriptedStream, deflate: Deflate | None) -> None:
        self._stream = stream
        self._waiting: list[bytes] = []
        handler: Any = self
        self.reader = BatchReader(handler)
        self.reader.stream = stream
        self.reader.flusher = self.reader.outbox = handler
        self.reader.floods = Floods()
        self.reader.traffic = Traffic()
        self.reader.on_messages = self._take_all
        self.reader.settled = self.reader.on_part = lambda: None
        self.reader.incomplete = Incomplete(2 * LIMIT_BYTES)
        self.reader._deflate = deflate
        self.ends: list[tuple[int | None, str | None]] = []

    def _take_all(self, opcode: int, messages: Iterator[bytes]) -> None:
        for message in messages:
            self._take(opcode, message)

    def _take(self, opcode: int, message: bytes) -> None:
        if opcode == TEXT:
            message.decode()
        if self.reader.deflate is not None:
            self.reader.write_message(message, binary=opcode != TEXT)
        else:
            self._waiting.append(frame(opcode, message))

    def flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        if waiting:
            self._stream.write(b"".join(waiting))

    def breathe(self) -> None: ...

    def on_ping(self, content: bytes) -> None: ...

    def on_pong(self, content: bytes) -> None: ...

    def on_ws_connection_close(self, code: int | None, reason: str | None) -> None:
        self.ends.append((code, reason))

    def log_exception(self, *exc_info: Any) -> None:
        raise AssertionError from exc_info[1]


async def said_to(pieces: Iterable[bytes], *, deflate: Deflate | None = None) -> bytes:
    """What our reader answers to what arrives in these pieces."""
    stream = ScriptedStream(pieces)
    echo = _Echo(stream, deflate)
    await echo.reader._receive_frame_loop()
    echo.flush()
    assert len(echo.ends) == 1
    assert echo.reader.incomplete.byte_count == 0
    return bytes(stream.written)
