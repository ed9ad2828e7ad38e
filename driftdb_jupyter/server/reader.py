"""Reading WebSocket frames in batches.

Tornado awaits several futures for every frame. This reader takes what the socket has and walks
the plain frames in it (whole, masked, not fragmented, not compressed) in one go; all that is rare
goes Tornado's own way, through the same buffer. It leans on private names of
:class:`tornado.websocket.WebSocketProtocol13`: where one of them is gone, Tornado's reader is used.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import cast

import tornado.util
from tornado.iostream import StreamClosedError
from tornado.websocket import WebSocketHandler, WebSocketProtocol, WebSocketProtocol13

from ..protocol.frame import BINARY, TEXT

mask: Callable[[bytes, bytes], bytes] | None = getattr(tornado.util, "_websocket_mask", None)

__all__ = ["BatchReader", "upgrade"]

CLOSE_INVALID_TEXT = 1007
CLOSE_TOO_LARGE = 1009
CLOSE_INTERNAL_ERROR = 1011

_CHUNK_BYTES = 65536
_SMALL_CHUNK_BYTES = 8192
_LARGE_BATCH = 8
_FINAL_TEXT, _FINAL_BINARY = 0x80 | TEXT, 0x80 | BINARY
_MASKED = 0x80
_LENGTH_16, _LENGTH_64 = 126, 127
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
    # Called after so many messages of one batch that their answers are worth a write of their own.
    on_large_batch: Callable[[], None]

    _buffer = b""
    _position = 0

    async def _receive_frame_loop(self) -> None:
        try:
            while not self.client_terminated:
                waiting = self._walk()
                if waiting is not None:
                    await waiting
                elif self._is_rare():
                    await self._receive_frame()
                else:
                    await self._fill()
        except StreamClosedError:
            self._abort()
        except Exception:
            self.handler.log_exception(*sys.exc_info())
            self.close(CLOSE_INTERNAL_ERROR)
        finally:
            self._buffer = b""
            self.handler.on_ws_connection_close(self.close_code, self.close_reason)

    def _walk(self) -> Awaitable[None] | None:
        """Hand out the plain frames at the front of the buffer.

        Stops at one that is cut off or rare, and where there is something to wait for.
        """
        if self._fragmented_message_buffer is not None or self.server_terminated:
            return None
        buffer, position = self._buffer, self._position
        available = len(buffer)
        limit = self.params.max_message_size
        unmask = cast("Callable[[bytes, bytes], bytes]", mask)
        on_frame = self.on_frame
        count = 0
        waiting = None
        while waiting is None and available - position >= 6:
            first, length = buffer[position], buffer[position + 1] - _MASKED
            if (first != _FINAL_TEXT and first != _FINAL_BINARY) or not 0 <= length < _LENGTH_64:
                break
            start = position + 6
            if length == _LENGTH_16:
                length = buffer[position + 2] << 8 | buffer[position + 3]
                start += 2
            end = start + length
            if end > available or length > limit:
                break
            message = unmask(buffer[start - 4 : start], buffer[start:end])
            if first == _FINAL_TEXT and not message.isascii() and not _is_utf8(message):
                break
            self._position = position = end
            count += 1
            waiting = on_frame(first & 0x0F, message)
        if count >= _LARGE_BATCH:
            self.on_large_batch()
        return waiting

    def _is_rare(self) -> bool:
        """Whether the next frame is one for Tornado's own reader; as far as the buffer tells."""
        buffer, position = self._buffer, self._position
        available = len(buffer) - position
        if available < 2:
            return False
        first, length = buffer[position], buffer[position + 1] - _MASKED
        if (
            (first != _FINAL_TEXT and first != _FINAL_BINARY)
            or not 0 <= length < _LENGTH_64
            or self._fragmented_message_buffer is not None
            or self.server_terminated
        ):
            return True
        head = 6
        if length == _LENGTH_16:
            if available < 4:
                return False
            length = buffer[position + 2] << 8 | buffer[position + 3]
            head = 8
        # A whole frame that _walk left alone is text that is no UTF-8.
        return length > self.params.max_message_size or available >= head + length

    async def _fill(self) -> None:
        """Add to the buffer what the socket has, waiting for it where there is nothing."""
        rest = self._buffer[self._position :]
        self._buffer = rest  # an idle connection keeps no bytes that were read
        self._position = 0
        # The others have their turn, also when this peer always has more to say; and by then there
        # often is something, which spares a wait for the socket.
        await asyncio.sleep(0)
        chunk = await self.stream.read_bytes(_CHUNK_BYTES, partial=True)
        # Tornado clears a buffer of that size for every look at the socket.
        busy = len(chunk) >= self.stream.read_chunk_size
        self.stream.read_chunk_size = _CHUNK_BYTES if busy else _SMALL_CHUNK_BYTES
        self._buffer = rest + chunk if rest else chunk

    async def _receive_frame(self) -> None:
        head, length = await self._measure()
        if length > self.params.max_message_size:
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
            await self._fill()

    async def _skip(self, count: int) -> None:
        while count > len(self._buffer) - self._position:
            count -= len(self._buffer) - self._position
            self._position = len(self._buffer)
            await self._fill()
        self._position += count

    async def _read_bytes(self, n: int) -> bytes:
        start = self._position
        data = self._buffer[start : start + n]
        self._position = start + len(data)
        if len(data) < n:
            data += await self.stream.read_bytes(n - len(data))
        self._wire_bytes_in += n
        return data

    def _handle_message(self, opcode: int, data: bytes) -> asyncio.Future[None] | None:
        if opcode not in (TEXT, BINARY) or self._frame_compressed:
            return super()._handle_message(opcode, data)
        if self.client_terminated or self.server_terminated:
            return None
        if opcode == TEXT and not _is_utf8(data):
            self.close(CLOSE_INVALID_TEXT, "text that is no UTF-8")
            return None
        return cast("asyncio.Future[None] | None", self.on_frame(opcode, data))


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
