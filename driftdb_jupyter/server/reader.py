"""Reading WebSocket frames in batches.

Tornado awaits several futures for every frame. This reader takes what the socket has and walks
the plain frames in it (whole, masked, not fragmented, not compressed) in one go, on a plain socket
where the bytes arrive. All that is rare goes Tornado's own way, in the coroutine that waits
meanwhile, through the same buffer. It leans on private names of
:class:`tornado.websocket.WebSocketProtocol13`: where one of them is gone, Tornado's reader is used.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Any, cast

import tornado.util
from tornado.iostream import StreamClosedError
from tornado.websocket import WebSocketHandler, WebSocketProtocol, WebSocketProtocol13

from ..protocol.frame import BINARY, TEXT
from .outbox import Flusher
from .plain_stream import PlainStream

mask: Callable[[bytes, bytes], bytes] | None = getattr(tornado.util, "_websocket_mask", None)

__all__ = ["BatchReader", "upgrade"]

CLOSE_INVALID_TEXT = 1007
CLOSE_TOO_LARGE = 1009
CLOSE_INTERNAL_ERROR = 1011

_CHUNK_BYTES = 65536
_SMALL_CHUNK_BYTES = 8192
_BREATH = 8
# After so many messages of one peer the others have their turn.
_TURN = 128
# How long each such turn takes at least of one that was told that it is over, but talks on.
_CLOSING_SECONDS = 0.002
# The first byte of a whole message.
_TEXT, _BINARY = 0x80 | TEXT, 0x80 | BINARY
_MASKED = 0x80
_OPCODE = 0x0F
_LENGTH_16 = 126
_MASKED_16 = _MASKED | _LENGTH_16
_NAMES = (
    "_abort",
    "_handle_message",
    "_read_bytes",
    "_receive_frame",
    "_receive_frame_loop",
    "accept_connection",
)


def upgrade(
    handler: WebSocketHandler, protocol: WebSocketProtocol | None
) -> WebSocketProtocol | None:
    """Let a handshake that Tornado accepted go on with this module's reader."""
    if (
        type(protocol) is not WebSocketProtocol13
        or mask is None
        or not all(hasattr(protocol, name) for name in _NAMES)
    ):
        return protocol
    return BatchReader(handler, mask_outgoing=False, params=protocol.params)


class BatchReader(WebSocketProtocol13):
    """A WebSocket connection that reads in batches; it writes as its base class does."""

    # Takes an opcode and a message, text as UTF-8 that was checked; returns what to wait for
    # before the next one is read. To be set when the connection is open.
    on_frame: Callable[[int, bytes], Awaitable[None] | None]
    # What writes the answers; it has a turn in the middle of long batches.
    flusher: Flusher

    _buffer = b""
    _position = 0
    # What a message that was handed out has to wait for.
    _unfinished: Awaitable[None] | None = None

    def take_socket(self) -> None:
        """Read from the socket without Tornado's stream, where it is a plain one.

        To be called when the connection is open, and before anybody else asks for ``stream``.
        """
        taken = PlainStream.take_over(self.stream)
        if taken is not None:
            plain: Any
            plain, self._buffer = taken
            self.stream = plain

    async def _receive_frame_loop(self) -> None:
        rare = 0
        try:
            while not self.client_terminated:
                if self._unfinished is not None:
                    unfinished, self._unfinished = self._unfinished, None
                    await unfinished
                elif not self._walk():
                    await self._receive(self._take)
                elif self._unfinished is None:
                    await self._receive_frame()
                    rare += 1
                    if not rare % _TURN:
                        await asyncio.sleep(0)
        except StreamClosedError:
            self._abort()
        except Exception:
            self.handler.log_exception(*sys.exc_info())
            self.close(CLOSE_INTERNAL_ERROR)
        finally:
            self._buffer = b""
            self.handler.on_ws_connection_close(self.close_code, self.close_reason)

    def _walk(self) -> bool:
        """Hand out the plain frames at the front of the buffer.

        Returns whether it stopped at something else than the buffer's end or a frame that is cut
        off: at a rare one, or at a message that has to be waited for.
        """
        buffer, position = self._buffer, self._position
        available = len(buffer)
        if available - position < 2:
            return False
        if self._fragmented_message_buffer is not None:
            return True
        limit = self.params.max_message_size
        unmask = cast("Callable[[bytes, bytes], bytes]", mask)
        on_frame = _ignore if self.server_terminated else self.on_frame
        count = 0
        try:
            while available - position >= 2:
                first, second = buffer[position], buffer[position + 1]
                if first != _TEXT and first != _BINARY:
                    return True
                if _MASKED <= second < _MASKED_16:
                    start = position + 6
                    end = start + second - _MASKED
                elif second == _MASKED_16:
                    if available - position < 4:
                        return False
                    length = buffer[position + 2] << 8 | buffer[position + 3]
                    if length > limit:
                        return True
                    start = position + 8
                    end = start + length
                else:
                    return True
                if end > available:
                    return False
                message = unmask(buffer[start - 4 : start], buffer[start:end])
                if first == _TEXT and not message.isascii() and not _is_utf8(message):
                    return True
                position = end
                count += 1
                unfinished = on_frame(first & 0x0F, message)
                if unfinished is not None:
                    self._unfinished = unfinished
                    return True
                if not count % _BREATH:
                    self.flusher.breathe()
                    if count == _TURN:
                        closing = self.server_terminated
                        self._unfinished = asyncio.sleep(_CLOSING_SECONDS if closing else 0)
                        return True
            return False
        finally:
            self._position = position

    def _take(self, chunk: bytes) -> bool:
        """Go on with more bytes; returns whether the loop is needed for what comes now."""
        self._append(chunk)
        stopped = self._walk()
        self._forget()
        return stopped or self.server_terminated or self.client_terminated

    def _append(self, chunk: bytes) -> bool:
        self._forget()
        self._buffer = self._buffer + chunk if self._buffer else chunk
        return True

    def _forget(self) -> None:
        """Let go of what was read: an idle connection keeps none of it."""
        self._buffer = self._buffer[self._position :]
        self._position = 0

    async def _receive(self, take: Callable[[bytes], bool]) -> None:
        """Hand what the socket has to ``take``, waiting for it, until that returns ``True``."""
        self._forget()
        stream: Any = self.stream
        if isinstance(stream, PlainStream):
            await stream.receive(take)
            return
        enough = False
        while not enough:
            # The others have their turn, also when this peer always has more to say; and by then
            # there often is something, which spares a wait for the socket.
            await asyncio.sleep(0)
            chunk = await stream.read_bytes(_CHUNK_BYTES, partial=True)
            # Tornado clears a buffer of that size for every look at the socket.
            busy = len(chunk) >= stream.read_chunk_size
            stream.read_chunk_size = _CHUNK_BYTES if busy else _SMALL_CHUNK_BYTES
            enough = take(chunk)

    async def _receive_frame(self) -> None:
        head, length = await self._measure()
        fragments = self._fragmented_message_buffer
        is_continuation = not self._buffer[self._position] & _OPCODE
        whole = length + len(fragments or b"") if is_continuation else length
        if whole > self.params.max_message_size:
            self.close(CLOSE_TOO_LARGE, "message too large")
            # Were it left unread, the reset that follows would overtake the close frame.
            await self._skip(head + length)
            return
        await super()._receive_frame()

    async def _measure(self) -> tuple[int, int]:
        """How long the next frame's head is, and its payload."""
        await self._require(2)
        second = self._buffer[self._position + 1]
        length = second & ~_MASKED
        head = 2 if length < _LENGTH_16 else 4 if length == _LENGTH_16 else 10
        if head > 2:
            await self._require(head)
            digits = self._buffer[self._position + 2 : self._position + head]
            length = int.from_bytes(digits, "big")
        return head + (4 if second & _MASKED else 0), length

    async def _require(self, count: int) -> None:
        while len(self._buffer) - self._position < count:
            await self._receive(self._append)

    async def _skip(self, count: int) -> None:
        while count > len(self._buffer) - self._position:
            count -= len(self._buffer) - self._position
            self._position = len(self._buffer)
            await self._receive(self._append)
        self._position += count

    async def _read_bytes(self, n: int) -> bytes:
        pieces = []
        missing = n
        while True:
            piece = self._buffer[self._position : self._position + missing]
            self._position += len(piece)
            pieces.append(piece)
            missing -= len(piece)
            if not missing:
                break
            await self._receive(self._append)
        self._wire_bytes_in += n
        return b"".join(pieces)

    def _handle_message(self, opcode: int, data: bytes) -> asyncio.Future[None] | None:
        if opcode not in (TEXT, BINARY) or self._frame_compressed:
            return super()._handle_message(opcode, data)
        if self.client_terminated or self.server_terminated:
            return None
        if opcode == TEXT and not _is_utf8(data):
            self.close(CLOSE_INVALID_TEXT, "text that is no UTF-8")
            return None
        return cast("asyncio.Future[None] | None", self.on_frame(opcode, data))


def _ignore(opcode: int, message: bytes) -> None:
    """Take a message that nobody asked for any more."""


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
