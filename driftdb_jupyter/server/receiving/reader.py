"""Reading WebSocket frames in batches, and by the letter of RFC 6455.

Tornado awaits several futures for every frame. This reader takes what the socket has and walks the
frames in it in one go, on a plain socket where the bytes arrive. What holds between two calls:

- ``_buffer[_position:]`` are the bytes that were received and not walked yet. A frame whose end is
  far away is gathered in ``_partial``, until ``_missing`` more bytes have come; the buffer is empty
  then.
- ``_fragments`` is the message whose last fragment has not come yet, else ``None``.
- ``_messages`` are those that are being handed on, and are in the buffer no more.
- ``_unfinished`` is what the next message has to wait for. Nothing is walked until it is done.
- While it ``_waits_for_turn``, the socket is not read. (Under TLS ``_unfinished`` is the turn.)
- After a violation, and after the peer's close frame, it is ``_ended``: nothing is walked any more,
  the handler has been told, and what still arrives is dropped, so that no reset of the connection
  overtakes our close frame (RFC 6455, section 7.1.1).

Whole text and binary messages of less than 64 KiB take the short way, by
:meth:`BatchReader._gather`.
All other frames are rare: :meth:`BatchReader._measure` refuses what the RFC forbids as soon as a
frame's head is there, and :meth:`BatchReader._take_rare` does what they say.
"""

from __future__ import annotations

import asyncio
import codecs
import struct
import sys
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from contextvars import Context
from hashlib import sha1
from http import HTTPStatus
from typing import Any, cast

import tornado.util
from tornado.httputil import HTTPHeaders
from tornado.iostream import IOStream, StreamClosedError
from tornado.websocket import WebSocketHandler, WebSocketProtocol

from ...protocol.frame import BINARY, CLOSE, COMPRESSED, CONTINUATION, PING, PONG, TEXT, frame
from ..limits.floods import Floods
from ..limits.incomplete import Incomplete
from ..sending.outbox import Flusher, Outbox
from ..sending.plain_stream import PlainStream
from ..sending.traffic import Traffic
from .deflate import Deflate

_utf8_decoder = codecs.getincrementaldecoder("utf-8")
mask: Callable[[bytes, bytes], bytes] | None = getattr(tornado.util, "_websocket_mask", None)

__all__ = ["BatchReader", "available"]

# RFC 6455, section 7.4.1.
CLOSE_PROTOCOL_ERROR = 1002
CLOSE_INCONSISTENT = 1007
CLOSE_TOO_LARGE = 1009
CLOSE_INTERNAL_ERROR = 1011
CLOSE_TRY_AGAIN_LATER = 1013

_ACCEPT_SALT = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_KEY_BYTES = 16

_CHUNK_BYTES = 65536
_SMALL_CHUNK_BYTES = 8192
# A frame of which more is missing is gathered; copying the buffer for each chunk would cost more.
_GATHERED_BYTES = 1024
# That much of an incomplete message is not worth counting.
_FREE_BYTES = 4096
_BREATH = 8
# So many messages of one peer are taken as they arrive; after more it may have to wait its turn.
_FREE = 24
# A long message counts as one more for each 512 bytes.
_LONG_SHIFT = 9
# After this number of messages of one peer the others have their turn, if not before.
_TURN = 128
# How long each such turn takes at least of one that was told that it is over, but talks on.
_CLOSING_TURN_SECONDS = 0.002
# How long the peer may take to end the connection after our close frame.
_CLOSING_SECONDS = 5
_LINGER_SECONDS = 1

_FINAL = 0x80
_RESERVED = 0x70
_MASKED = 0x80
_CONTROL = 0x08
_OPCODE = 0x0F
_OPCODES = frozenset((CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG))
# The first byte of a whole message.
_TEXT, _BINARY = _FINAL | TEXT, _FINAL | BINARY
_LENGTH_16 = 126
_LENGTH_64_LEAST = 0x10000
_MASKED_16 = _MASKED | _LENGTH_16
# The length and the mask of a longer frame, behind its first two bytes.
_read_long_head = struct.Struct(">H4s").unpack_from
_SHORT_HEAD_BYTES = 6
_HEAD_BYTES = 8
# How long frames are whose length is in their second byte, by that byte; 0: not there.
_SHORT_FRAMES = [0] * _MASKED + [_SHORT_HEAD_BYTES + n for n in range(_LENGTH_16)] + [0, 0]
_CONTROL_BYTES = 125
_REASON_BYTES = _CONTROL_BYTES - 2


def available() -> bool:
    """Return True if this Tornado has all that the reader needs of it.

    Otherwise its own has to do.
    """
    return mask is not None and not BatchReader.__abstractmethods__


class Violation(Exception):
    """The peer did what RFC 6455 forbids; the connection fails with this code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class BatchReader(WebSocketProtocol):
    """The server's end of a WebSocket."""

    # Slots, because instances share the names of their attributes only as far as the first few have
    # set them early: an idle connection would take up to 0.8 KB more.
    __slots__ = (
        "_buffer",
        "_deflate",
        "_ended",
        "_fragments",
        "_fragments_compressed",
        "_fragments_decoder",
        "_fragments_opcode",
        "_goodbye",
        "_holds",
        "_limit",
        "_messages",
        "_messages_opcode",
        "_missing",
        "_next_pong",
        "_partial",
        "_pong",
        "_position",
        "_subprotocol",
        "_task",
        "_timer",
        "_told",
        "_unfinished",
        "_waits_for_turn",
        "close_code",
        "close_reason",
        "floods",
        "flusher",
        "incomplete",
        "on_messages",
        "on_part",
        "outbox",
        "settled",
        "traffic",
    )

    # The handler sets these when it is opened.
    # Takes an opcode and messages of it, whose text is valid UTF-8, one after the other: a call for
    # several costs a third less than one for each. Returns what to wait for before the next one is
    # taken, and leaves that and the rest in the iterator.
    on_messages: Callable[[int, Iterator[bytes]], Awaitable[None] | None]
    # Called when a part of a long frame has come: in the middle of one no peer can answer a ping.
    on_part: Callable[[], None]
    # Returns what to wait for before the peer's close frame is answered: the answers still due.
    settled: Callable[[], Awaitable[None] | None]
    # Holds the answers, which are written before a pong and before a close frame.
    outbox: Outbox
    # Bounds the incomplete messages of all connections.
    incomplete: Incomplete
    # Writes the answers of all connections; it has a turn in the middle of long batches.
    flusher: Flusher
    # Shares the loop with the other connections in the middle of long batches.
    floods: Floods
    # Counts what comes, of all connections.
    traffic: Traffic

    # The socket; Tornado's stream under TLS.
    stream: Any

    def __init__(self, handler: WebSocketHandler) -> None:
        super().__init__(handler)
        # What the peer's close frame said, or what the connection failed with.
        self.close_code: int | None = None
        self.close_reason: str | None = None
        self._limit = handler.max_message_size
        self._buffer = b""
        self._position = 0
        self._partial: bytearray | None = None
        self._missing = 0
        self._holds = False
        self._fragments: bytearray | None = None
        self._fragments_opcode = 0
        self._fragments_compressed = False
        self._fragments_decoder: codecs.IncrementalDecoder | None = None
        self._messages: Iterator[bytes] | None = None
        self._messages_opcode = TEXT
        self._unfinished: Awaitable[None] | None = None
        self._waits_for_turn = False
        self._ended = False
        self._told = False
        self._deflate: Deflate | None = None
        self._goodbye: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._pong: asyncio.Future[None] | None = None
        self._next_pong: bytes | None = None
        self._task: asyncio.Task[None] | None = None
        self._subprotocol: str | None = None

    # The handshake (RFC 6455, section 4.2.2).

    async def accept_connection(self, handler: WebSocketHandler) -> None:
        """Answer the handshake, open the handler, and begin to read.

        Returns without waiting for the connection's end, so that the request can be freed.
        """
        headers = handler.request.headers
        key = headers.get("Sec-WebSocket-Key", "")
        is_http_1_1 = handler.request.version == "HTTP/1.1"
        if not (is_http_1_1 and headers.get("Host") and _is_key(key)):
            handler.set_status(HTTPStatus.BAD_REQUEST)
            handler.finish()
            return
        self._choose_subprotocol(handler, headers)
        if handler.get_compression_options() is not None:
            self._deflate = Deflate.accept(headers.get("Sec-WebSocket-Extensions", ""))
            if self._deflate is not None:
                handler.set_header("Sec-WebSocket-Extensions", self._deflate.agreed)
        handler.clear_header("Content-Type")
        handler.set_status(HTTPStatus.SWITCHING_PROTOCOLS)
        handler.set_header("Upgrade", "websocket")
        handler.set_header("Connection", "Upgrade")
        accept = b64encode(sha1(key.encode() + _ACCEPT_SALT).digest())
        handler.set_header("Sec-WebSocket-Accept", accept)
        handler.flush()
        self._take_socket(handler.detach())
        handler.application.log_request(handler)
        handler.on_finish()
        handler.request.server_connection = None  # it would keep Tornado's stream
        try:
            opened = handler.open(*handler.open_args, **handler.open_kwargs)
            if opened is not None:
                await opened
        except Exception:
            handler.log_exception(*sys.exc_info())
            self._abort()
            self._tell()
            return
        self._task = asyncio.create_task(self._receive_frame_loop())

    def _choose_subprotocol(self, handler: WebSocketHandler, headers: HTTPHeaders) -> None:
        offered = headers.get("Sec-WebSocket-Protocol", "")
        names = [name.strip() for name in offered.split(",")] if offered else []
        self._subprotocol = handler.select_subprotocol(names)
        if self._subprotocol:
            handler.set_header("Sec-WebSocket-Protocol", self._subprotocol)

    def _take_socket(self, stream: IOStream) -> None:
        """Read from the socket without Tornado's stream, where it is a plain one."""
        taken = PlainStream.take_over(stream)
        if taken is None:
            self.stream = stream
        else:
            self.stream, self._buffer = taken

    # Reading.

    async def _receive_frame_loop(self) -> None:
        try:
            while True:
                try:
                    if self._unfinished is not None:
                        unfinished, self._unfinished = self._unfinished, None
                        await unfinished
                    elif self._partial is not None or not self._walk():
                        await self._receive()
                except StreamClosedError:
                    return
                except Exception:
                    self.handler.log_exception(*sys.exc_info())
                    self._fail(CLOSE_INTERNAL_ERROR, "the server failed; its log says why")
        finally:
            self._abort()
            self._tell()

    async def _receive(self) -> None:
        """Take what the socket has, waiting for it, until reading has to pause."""
        stream = self.stream
        if isinstance(stream, PlainStream):
            await stream.receive(self._take)
            return
        pauses = False
        while not pauses:
            # The others have their turn, also when this peer always has more to say; and by then
            # there often is something, which spares a wait for the socket.
            await asyncio.sleep(0)
            chunk = await stream.read_bytes(_CHUNK_BYTES, partial=True)
            # Tornado clears a buffer of that size for every look at the socket.
            busy = len(chunk) >= stream.read_chunk_size
            stream.read_chunk_size = _CHUNK_BYTES if busy else _SMALL_CHUNK_BYTES
            pauses = self._take(chunk)

    def _take(self, chunk: bytes) -> bool:
        """Take more bytes; returns whether reading has to pause."""
        if self._ended:
            return False
        self.traffic.bytes_received += len(chunk)
        if not chunk and self._partial is None:
            return self._walk()  # its turn has come
        if self._partial is not None:
            self._partial += chunk
            self._missing -= len(chunk)
            if self._missing > 0:
                self.on_part()
                self._hold(len(self._partial))
                return self._has_more(chunk)
            self._buffer, self._partial = bytes(self._partial), None
        else:
            rest = self._buffer[self._position :]
            self._buffer = rest + chunk if rest else chunk
        self._position = 0
        if self._walk():
            return True
        if len(chunk) == _CHUNK_BYTES:
            return self._has_more(chunk)
        if self._partial is None and not self._waits_for_turn:
            self.floods.others.hear(id(self))
        return False

    def _has_more(self, chunk: bytes) -> bool:
        """Wait for a turn if others do, and this was no more than the first part of what came.

        Returns whether reading has to pause.
        """
        if len(chunk) < _CHUNK_BYTES or self._waits_for_turn or self._ended:
            return False
        return (self.floods.crowded or self.floods.over()) and self._wait_for_turn()

    def _wait_for_turn(self) -> bool:
        """Take no more until the turn to do so has come; returns whether reading has to pause."""
        stream = self.stream
        if isinstance(stream, PlainStream):
            self._waits_for_turn = True
            stream.pause()
            self.floods.wait(self._take_turn, id(self))
            return False
        come = self._unfinished = asyncio.get_running_loop().create_future()

        def begin() -> bool:
            if come.done():  # the connection has ended
                return False
            come.set_result(None)
            return True

        self.floods.wait(begin, id(self))
        return True

    def _take_turn(self) -> bool:
        """Take what waits in the buffer and in the socket, until the turn is over.

        Returns whether there can be anything.
        """
        self._waits_for_turn = False
        stream = self.stream
        if stream.closed():
            return False
        floods = self.floods
        heard = floods.others.heard
        while stream.resume() and not self._waits_for_turn:
            if floods.over():
                self._wait_for_turn()
        floods.others.heard = heard  # this one says much
        return True

    def _walk(self) -> bool:
        """Take the frames at the front of the buffer.

        Returns whether reading has to pause: a message has to be waited for.
        """
        on_messages = _ignore if self.server_terminated else self.on_messages
        missing = 0
        count = 0
        weight = 0
        next_breath = _BREATH
        try:
            while True:
                messages = self._messages
                if messages is None:
                    if len(self._buffer) - self._position < 2:
                        break
                    gathered, more = self._gather(next_breath - weight)
                    if gathered:
                        count += len(gathered)
                        weight += more
                        messages = self._messages = iter(gathered)
                if messages is not None:
                    unfinished = on_messages(self._messages_opcode, messages)
                    if unfinished is None:
                        self._messages = None
                else:
                    found = self._measure(self._position)
                    if found is None:
                        break
                    start, end = found
                    if end > len(self._buffer):
                        missing = end - len(self._buffer)
                        break
                    count += 1
                    weight += 1 + (end - start >> _LONG_SHIFT)
                    unfinished = self._take_rare(start, end)
                    if self._ended:
                        return False
                if unfinished is not None:
                    self._unfinished = unfinished
                    return True
                if weight >= next_breath:
                    next_breath = weight + _BREATH
                    self.flusher.breathe()
                    floods = self.floods
                    if ((weight >= _FREE or floods.crowded) and floods.over()) or weight >= _TURN:
                        if self.server_terminated:
                            self._unfinished = asyncio.sleep(_CLOSING_TURN_SECONDS)
                            return True
                        return self._wait_for_turn()
        except Violation as violation:
            self._fail(violation.code, violation.reason)
            return False
        finally:
            self.traffic.messages_received += count
        self._forget(missing)
        return False

    def _gather(self, most: int) -> tuple[list[bytes], int]:
        """Take whole messages of one kind at the front of the buffer, and return their weight, too.

        At most that many short ones, or one long. Stops before any other frame, and before whatever
        is wrong, which then takes the way of rare frames.
        """
        messages: list[bytes] = []
        weight = 0
        buffer, position = self._buffer, self._position
        available = len(buffer)
        last = available - _HEAD_BYTES
        kind = buffer[position] if position <= last else None
        if (kind != _TEXT and kind != _BINARY) or self._fragments is not None:
            return messages, weight
        limit = self._limit
        unmask = cast("Callable[[bytes, bytes], bytes]", mask)
        while weight < most and position <= last and buffer[position] == kind:
            second = buffer[position + 1]
            size = _SHORT_FRAMES[second]
            if size:
                start = position + _SHORT_HEAD_BYTES
                end = position + size
                key = buffer[position + 2 : start]
            elif second == _MASKED_16:
                length, key = _read_long_head(buffer, position + 2)
                start = position + _HEAD_BYTES
                end = start + length
                # What may have to wait, behind an earlier one, is not worth counting.
                if not _LENGTH_16 <= length <= limit or (weight and length > _FREE_BYTES):
                    break
                weight += length >> _LONG_SHIFT
            else:
                break
            if end > available:
                break
            message = unmask(key, buffer[start:end])
            if kind == _TEXT and not message.isascii() and not _is_utf8(message):
                break
            messages.append(message)
            weight += 1
            position = end
        self._position = position
        self._messages_opcode = kind & _OPCODE
        return messages, weight

    def _forget(self, missing: int) -> None:
        """Free what was walked: an idle connection keeps none of it.

        ``missing`` is how many bytes of the last frame have not come yet, as far as that is known.
        """
        rest = self._buffer[self._position :]
        self._position = 0
        if missing > _GATHERED_BYTES:
            self._buffer, self._partial, self._missing = b"", bytearray(rest), missing
            self.on_part()
        else:
            self._buffer = rest
        if rest or self._fragments or self._holds:
            self._hold(len(rest))

    def _hold(self, byte_count: int) -> None:
        """Note that this many bytes, and the fragments, wait for the rest of their message."""
        byte_count += len(self._fragments or b"")
        if byte_count > _FREE_BYTES:
            self._holds = True
            self.incomplete.hold(self, byte_count)
        else:
            self._let_go()

    def _measure(self, position: int) -> tuple[int, int] | None:
        """Return where a frame's content begins and ends, ``None`` if its head is incomplete.

        Raises :class:`Violation`.
        """
        buffer, fragments = self._buffer, self._fragments
        first, second = buffer[position], buffer[position + 1]
        opcode = first & _OPCODE
        reserved = first & _RESERVED
        length = second & ~_MASKED
        if opcode not in _OPCODES:
            raise _protocol_error(f"expected an opcode that RFC 6455 knows, got {opcode}")
        if reserved and not (
            reserved == COMPRESSED and self._deflate is not None and opcode in (TEXT, BINARY)
        ):
            raise _protocol_error("expected reserved bits to be 0")
        if not second & _MASKED:
            raise _protocol_error("expected a masked frame")
        if opcode & _CONTROL:
            if not first & _FINAL:
                raise _protocol_error("expected a control frame in one piece")
            if length > _CONTROL_BYTES:
                raise _protocol_error(f"expected at most {_CONTROL_BYTES} bytes in a control frame")
        elif opcode == CONTINUATION and fragments is None:
            raise _protocol_error("expected a new message, got a continuation")
        elif opcode != CONTINUATION and fragments is not None:
            raise _protocol_error("expected a continuation, got a new message")
        start = position + 2
        if length >= _LENGTH_16:
            least, size = (_LENGTH_16, 2) if length == _LENGTH_16 else (_LENGTH_64_LEAST, 8)
            if len(buffer) - start < size:
                return None
            length = int.from_bytes(buffer[start : start + size], "big")
            if length < least or length >> 63:
                raise _protocol_error("expected a length in its shortest form, below 2**63")
            start += size
        if length + len(fragments or b"") > self._limit and not opcode & _CONTROL:
            raise _too_large(self._limit)
        start += 4
        return start, start + length

    def _take_rare(self, start: int, end: int) -> Awaitable[None] | None:
        """Take the next frame, of any kind, whose content lies between these places.

        Returns what to wait for before the next one. Raises :class:`Violation`.
        """
        buffer, first = self._buffer, self._buffer[self._position]
        unmask = cast("Callable[[bytes, bytes], bytes]", mask)
        content = unmask(buffer[start - 4 : start], buffer[start:end])
        self._position = end
        opcode = first & _OPCODE
        if opcode == PING:
            self._answer_ping(content)
            self.handler.on_ping(content)
        elif opcode == PONG:
            self.handler.on_pong(content)
        elif opcode == CLOSE:
            return self._take_close(content)
        elif opcode != CONTINUATION and first & _FINAL:
            return self._deliver(opcode, content, compressed=bool(first & COMPRESSED))
        else:
            return self._take_fragment(first, opcode, content)
        return None

    def _take_fragment(self, first: int, opcode: int, content: bytes) -> Awaitable[None] | None:
        fragments = self._fragments
        if fragments is None:
            fragments = self._fragments = bytearray()
            self._fragments_opcode = opcode
            self._fragments_compressed = bool(first & COMPRESSED)
            plain_text = opcode == TEXT and not self._fragments_compressed
            self._fragments_decoder = _utf8_decoder() if plain_text else None
        fragments += content
        if self._fragments_decoder is not None:
            # Invalid text fails before its end has come.
            try:
                self._fragments_decoder.decode(content, bool(first & _FINAL))
            except UnicodeDecodeError:
                raise _no_utf8() from None
        if not first & _FINAL:
            return None
        self._fragments = self._fragments_decoder = None
        opcode, compressed = self._fragments_opcode, self._fragments_compressed
        return self._deliver(opcode, bytes(fragments), compressed=compressed)

    def _deliver(self, opcode: int, message: bytes, *, compressed: bool) -> Awaitable[None] | None:
        if self.server_terminated:
            return None
        if compressed:
            message = self._inflate(message)
        if opcode == TEXT and not message.isascii() and not _is_utf8(message):
            raise _no_utf8()
        return self.on_messages(opcode, iter((message,)))

    def _inflate(self, content: bytes) -> bytes:
        assert self._deflate is not None
        try:
            message = self._deflate.inflate(content, self._limit)
        except ValueError:
            raise Violation(CLOSE_INCONSISTENT, "expected deflated data") from None
        if len(message) > self._limit:
            raise _too_large(self._limit)
        return message

    def _answer_ping(self, content: bytes) -> None:
        """Send a pong. While an earlier one waits to be taken, only the newest ping is remembered.

        So a peer that doesn't read can't pile up pongs (RFC 6455, section 5.5.3).
        """
        if self.server_terminated:
            return
        if self._pong is not None:
            self._next_pong = content
            return
        self.outbox.flush()
        try:
            written = self.stream.write(frame(PONG, content))
        except StreamClosedError:
            return
        if not written.done():
            self._pong = written
            written.add_done_callback(self._pong_is_taken)

    def _pong_is_taken(self, written: asyncio.Future[None]) -> None:
        self._pong = None
        content, self._next_pong = self._next_pong, None
        if content is not None and not written.cancelled() and written.exception() is None:
            self._answer_ping(content)

    # The end.

    def close(self, code: int | None = None, reason: str | None = None) -> None:
        """Send what waits and a close frame, then wait a few seconds for the peer's."""
        if not self.server_terminated:
            self.outbox.flush()
            self.server_terminated = True
            content = b"" if code is None else code.to_bytes(2, "big") + _cut(reason or "")
            pong = b"" if self._next_pong is None else frame(PONG, self._next_pong)
            try:
                self._goodbye = self.stream.write(pong + frame(CLOSE, content))
            except StreamClosedError:
                self._abort()
                return
        if self._timer is None:
            self._abort_in(_CLOSING_SECONDS)

    def _take_close(self, content: bytes) -> Awaitable[None] | None:
        code, reason = None, None
        if content:
            code = int.from_bytes(content[:2], "big")
            if len(content) < 2 or not _is_close_code(code):
                raise _protocol_error("expected a close code that may be sent")
            try:
                reason = content[2:].decode()
            except UnicodeDecodeError:
                raise _no_utf8() from None
        self.close_code, self.close_reason = code, reason
        self.client_terminated = True
        unsettled = self.settled()
        if unsettled is not None and not self.server_terminated:
            return self._answer_close(code, unsettled)
        self.close(code)
        self._end()
        return None

    async def _answer_close(self, code: int | None, unsettled: Awaitable[None]) -> None:
        waiting = asyncio.wait_for(unsettled, _CLOSING_SECONDS)
        with suppress(asyncio.TimeoutError):
            # Its timer is one that would hold the handler: see :meth:`_abort_in`.
            await Context().run(asyncio.ensure_future, waiting)
        self.close(code)
        self._end()

    def _fail(self, code: int, reason: str) -> None:
        """Fail the connection (RFC 6455, section 7.1.7)."""
        self.close_code, self.close_reason = code, reason
        self.close(code, reason)
        self._end()

    def give_up(self) -> None:
        """Fail the connection, so that other connections have the memory of its message."""
        self._fail(CLOSE_TRY_AGAIN_LATER, "too many messages have begun and not ended")

    def _end(self) -> None:
        """Tell the handler, walk no more, and end the connection once our close frame is sent."""
        if self._ended:
            return
        self._ended = True
        self._buffer = b""
        self._messages = None
        self._let_go()
        self._partial = self._fragments = self._fragments_decoder = self._deflate = None
        self._tell()
        goodbye = self._goodbye
        if goodbye is None or goodbye.done():
            self._end_writing()
        else:
            goodbye.add_done_callback(lambda _: self._end_writing())

    def _let_go(self) -> None:
        if self._holds:
            self._holds = False
            self.incomplete.forget(self)

    def _end_writing(self) -> None:
        stream = self.stream
        if isinstance(stream, PlainStream):
            stream.end_writing()  # so the peer sees the end, and its own end ends the stream
        elif self.client_terminated:
            stream.close()
        elif self._timer is not None:
            # Under TLS there is no half of an end: the peer gets a moment to read why.
            self._timer.cancel()
            self._abort_in(_LINGER_SECONDS)

    def _abort_in(self, seconds: float) -> None:
        # Under Jupyter the context holds the handler, and a timer holds its context until its time,
        # also when it was cancelled.
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(seconds, self._abort, context=Context())

    def _abort(self) -> None:
        """End the connection now."""
        self.client_terminated = self.server_terminated = True
        self._let_go()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.stream.close()

    def _tell(self) -> None:
        """Tell the handler, once, that the connection has ended for it."""
        if not self._told:
            self._told = True
            self.handler.on_ws_connection_close(self.close_code, self.close_reason)

    def on_connection_close(self) -> None:
        """Nothing: the handler passes on what it heard from here."""

    def is_closing(self) -> bool:
        """Return True if either side has begun to close the connection."""
        return self.client_terminated or self.server_terminated or bool(self.stream.closed())

    # What else a connection of Tornado's can.

    @property
    def deflate(self) -> Callable[[bytes], bytes] | None:
        """Compresses the content of a message, ``None`` where that was not agreed on."""
        return None if self._deflate is None else self._deflate.deflate

    @property
    def selected_subprotocol(self) -> str | None:
        """The subprotocol that the handler chose of the client's offers."""
        return self._subprotocol

    def write_message(
        self, message: str | bytes | dict[str, Any], binary: bool = False
    ) -> asyncio.Future[None]:
        """Send a message, compressed where that was agreed on.

        The future is done when the socket has taken it, or has a :class:`StreamClosedError`.
        """
        assert not isinstance(message, dict)
        content = message.encode() if isinstance(message, str) else message
        opcode = BINARY if binary else TEXT
        if self._deflate is not None:
            opcode, content = opcode | COMPRESSED, self._deflate.deflate(content)
        try:
            written: asyncio.Future[None] = self.stream.write(frame(opcode, content))
        except StreamClosedError as error:
            written = asyncio.get_running_loop().create_future()
            written.set_exception(error)
        return written

    def write_ping(self, data: bytes) -> None:
        """Send a ping. Raises :class:`StreamClosedError`."""
        self.stream.write(frame(PING, data))

    def set_nodelay(self, x: bool) -> None:
        """Set whether small writes go out at once (TCP_NODELAY)."""
        self.stream.set_nodelay(x)

    def start_pinging(self) -> None:
        """Nothing: the hub asks all connections for a sign of life with one timer."""

    def _process_server_headers(self, key: str | bytes, headers: HTTPHeaders) -> None:
        raise NotImplementedError("expected a server's end")


def _ignore(opcode: int, messages: Iterator[bytes]) -> None:
    """Drop messages that came after our close frame."""


def _is_key(key: str) -> bool:
    """Return True if it is a ``Sec-WebSocket-Key`` (RFC 6455, section 4.2.1)."""
    try:
        return len(b64decode(key, validate=True)) == _KEY_BYTES
    except ValueError:
        return False


def _is_close_code(code: int) -> bool:
    """Return True if it may stand in a close frame (RFC 6455, section 7.4, and IANA's registry)."""
    return 1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999


def _cut(reason: str) -> bytes:
    """Return a reason as UTF-8, no longer than a close frame has room for."""
    return reason.encode()[:_REASON_BYTES].decode(errors="ignore").encode()


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _no_utf8() -> Violation:
    return Violation(CLOSE_INCONSISTENT, "expected text in UTF-8")


def _protocol_error(reason: str) -> Violation:
    return Violation(CLOSE_PROTOCOL_ERROR, reason)


def _too_large(limit: int) -> Violation:
    return Violation(CLOSE_TOO_LARGE, f"expected a message of at most {limit} bytes")
