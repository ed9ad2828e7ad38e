"""Tornado's client socket, which reads frames in batches.

Tornado awaits several futures for every frame. This walks the whole, unmasked text frames that have
arrived in one go, and hands them on together, with no turn of the loop in between. Everything else
(control frames, fragments, long frames) goes Tornado's own way, which reads from the same buffer.
It leans on private names of Tornado, all of them here;
``tests/client/transport/test_batch_socket.py`` holds it to Tornado's own reader.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from typing import Any, cast

from tornado.httpclient import HTTPRequest, _RequestProxy
from tornado.httputil import HTTPHeaders
from tornado.iostream import IOStream, StreamClosedError
from tornado.util import _websocket_mask
from tornado.websocket import WebSocketClientConnection, WebSocketProtocol13

__all__ = ["BatchSocket", "connect"]

_CHUNK_BYTES = 65536
_TEXT = 0x81  # a whole text message
_LENGTH_16, _LENGTH_64 = 126, 127
_MASKED = 0x80
_TOO_LARGE = 1009
_MASK_BYTES = 4
_MASKS_AT_ONCE = 64


class BatchSocket(WebSocketClientConnection):
    """The client's end of a WebSocket: :meth:`receive` reads it, :meth:`send` writes."""

    too_long = False
    """Whether it was closed because a message was longer than it may be."""

    def __init__(self, request: HTTPRequest, *, max_message_bytes: int) -> None:
        super().__init__(
            request, on_message_callback=self._take_one, max_message_size=max_message_bytes
        )
        self._messages: list[str | bytes] = []  # what came before somebody received
        self._hear: Callable[[Sequence[str | bytes]], object] | None = None
        self._end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._masks = b""

    async def receive(self, hear: Callable[[Sequence[str | bytes]], object]) -> None:
        """Call ``hear`` with all messages that have arrived, each time, until it is closed.

        Raises what ``hear`` raises, which is called no more then.
        """
        while self._messages:
            messages, self._messages = self._messages, []
            hear(messages)
        self._hear = hear
        try:
            await self._end
        finally:
            self._hear = None

    def send(self, messages: Sequence[bytes]) -> None:
        """Send text messages; does nothing when it is closed; :meth:`receive` ends then."""
        protocol = self.protocol
        if not isinstance(protocol, _BatchProtocol) or protocol.is_closing():
            return
        data = b"".join([_frame(message, self._mask()) for message in messages])
        stream = protocol.stream
        # The socket itself, where nothing waits: Tornado makes a future and a turn of the loop.
        if type(stream) is IOStream and not stream.writing() and not stream.closed():
            try:
                sent = stream.socket.send(data)
            except OSError:  # full; or an error, which the stream will meet
                sent = 0
            if sent == len(data):
                return
            data = data[sent:]
        try:
            written = stream.write(data)
        except StreamClosedError:
            return
        written.add_done_callback(_look_at)

    def get_websocket_protocol(self) -> WebSocketProtocol13:
        """Return what reads and writes frames (Tornado calls this)."""
        return _BatchProtocol(self, mask_outgoing=True, params=self.params)

    def take(self, messages: list[bytes]) -> None:
        """Hand on what has arrived."""
        self._messages += messages
        self._hand_on()

    def _take_one(self, message: str | bytes | None) -> None:
        if message is not None:
            self._messages.append(message)
            self._hand_on()
        elif not self._end.done():
            self._end.set_result(None)

    def _hand_on(self) -> None:
        hear = self._hear
        if hear is None:
            return
        messages, self._messages = self._messages, []
        try:
            hear(messages)
        except Exception as error:
            self._hear = None
            if not self._end.done():
                self._end.set_exception(error)

    def _mask(self) -> bytes:
        if not self._masks:
            self._masks = os.urandom(_MASK_BYTES * _MASKS_AT_ONCE)
        mask, self._masks = self._masks[:_MASK_BYTES], self._masks[_MASK_BYTES:]
        return mask


class _BatchProtocol(WebSocketProtocol13):
    handler: Any

    _buffer = b""
    _position = 0

    async def _receive_frame_loop(self) -> None:
        try:
            while not self.client_terminated:
                if self._walk():
                    await self._receive_frame()
                elif not self.client_terminated:
                    reading = asyncio.ensure_future(
                        self.stream.read_bytes(_CHUNK_BYTES, partial=True)
                    )
                    if reading.done():  # it comes without a pause: others have their turn
                        await asyncio.sleep(0)
                    self._buffer = self._buffer[self._position :] + await reading
                    self._position = 0
        except StreamClosedError:
            self._abort()
        finally:  # also after what Tornado fails over, as a close frame's reason that is no text
            self.handler.on_ws_connection_close(self.close_code, self.close_reason)

    def _walk(self) -> bool:
        """Take the frames at the front of the buffer.

        Returns True where the next one is Tornado's to read.
        """
        buffer, position = self._buffer, self._position
        available, limit = len(buffer), self.params.max_message_size
        messages: list[bytes] = []
        rare = self._fragmented_message_buffer is not None
        while not rare and available - position >= 2:
            length = buffer[position + 1]
            start = position + 2
            if buffer[position] != _TEXT or length & _MASKED:
                rare = True
                break
            if length >= _LENGTH_16:
                size = 2 if length == _LENGTH_16 else 8
                if available - start < size:
                    break
                length = int.from_bytes(buffer[start : start + size], "big")
                start += size
            end = start + length
            if end > available:
                rare = end - available > _CHUNK_BYTES or length > limit
                break
            message = buffer[start:end]
            if length > limit or not (message.isascii() or _is_text(message)):
                rare = True
                break
            messages.append(message)
            position = end
        self._position = position
        if messages:
            self.handler.take(messages)
        return rare

    async def _read_bytes(self, n: int) -> bytes:
        at_hand = self._buffer[self._position : self._position + n]
        self._position += len(at_hand)
        if len(at_hand) == n:
            return at_hand
        more = await self.stream.read_bytes(n - len(at_hand))
        return at_hand + more if at_hand else more

    def close(self, code: int | None = None, reason: str | None = None) -> None:
        if code == _TOO_LARGE:  # Tornado's own, of what it read
            self.handler.too_long = True
        super().close(code, reason)


def connect(request: HTTPRequest, *, max_message_bytes: int) -> asyncio.Future[BatchSocket]:
    """Open a socket, as :func:`tornado.websocket.websocket_connect` does."""
    request.headers = HTTPHeaders(request.headers)
    proxy = cast("HTTPRequest", _RequestProxy(request, HTTPRequest._DEFAULTS))
    socket = BatchSocket(proxy, max_message_bytes=max_message_bytes)
    return cast("asyncio.Future[BatchSocket]", socket.connect_future)


def _frame(message: bytes, mask: bytes) -> bytes:
    """Return a masked text frame (RFC 6455, section 5.2)."""
    length = len(message)
    if length < _LENGTH_16:
        head = bytes((_TEXT, _MASKED | length))
    elif length < 0x10000:
        head = b"%c%c%b" % (_TEXT, _MASKED | _LENGTH_16, length.to_bytes(2, "big"))
    else:
        head = b"%c%c%b" % (_TEXT, _MASKED | _LENGTH_64, length.to_bytes(8, "big"))
    return b"%b%b%b" % (head, mask, _websocket_mask(mask, message))


def _is_text(message: bytes) -> bool:
    """Return True if it is UTF-8; Tornado fails a connection over what isn't."""
    try:
        message.decode()
    except UnicodeDecodeError:
        return False
    return True


def _look_at(written: asyncio.Future[None]) -> None:
    """Take notice of an error: reading tells of the end, too."""
    if not written.cancelled():
        written.exception()
