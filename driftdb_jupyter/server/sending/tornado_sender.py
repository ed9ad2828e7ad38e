"""Sending through a stream of Tornado's: under TLS, compressed, or with Tornado's own reader.

Tornado's stream keeps all that it is given until the socket has taken it. So it is given one piece
at a time, the next when it has none left. In between Tornado's own frames may go out.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator

from tornado.iostream import IOStream, StreamClosedError

from .backlog import Backlog
from .send_queue import Buffer, SendQueue
from .unacknowledged import reset_on_close

__all__ = ["TornadoSender", "forget_frames"]

# Short, because a piece counts as taken when the socket has taken all of it.
_PIECE_BYTES = 16384
# How many pieces a connection is sent at once where no other waits.
_PIECES_AT_ONCE = 4


def forget_frames(stream: IOStream) -> None:
    """Have the error that ended a stream hold no frames.

    They hold the stream, and whoever was writing to it, up to a collection.
    """
    error: BaseException | None = stream.error
    while error is not None:
        error.__traceback__ = None
        error = error.__context__


class TornadoSender:
    """As much of :class:`~.plain_stream.PlainStream` as an outbox needs, over Tornado's stream."""

    __slots__ = (
        "_backlog",
        "_given_bytes",
        "_queue",
        "_resting",
        "_stream",
        "bytes_sent",
        "on_sent",
    )

    def __init__(self, stream: IOStream, backlog: Backlog) -> None:
        self._backlog = backlog
        self._queue = SendQueue(backlog)
        self.bytes_sent = 0
        self.on_sent: Callable[[], None] | None = None
        self._stream = stream
        self._given_bytes = 0
        self._resting = False

    def send(self, data: bytes) -> int:
        """Send a short piece where nothing waits; return the number of bytes that were sent."""
        if self._queue or self._given_bytes or len(data) > _PIECE_BYTES or self._stream.closed():
            return 0
        self._give(data)
        return len(data)

    def put(self, data: bytes, sent: int = 0) -> None:
        """Send it after all that waits."""
        self._queue.put(data, sent)
        self._send_waiting()

    def put_pieces(
        self, pieces: Iterator[Buffer], ended: Callable[[], None], *, waiting_bytes: int = 0
    ) -> None:
        """Send what is made after all that waits (see :meth:`.SendQueue.put_pieces`)."""
        self._queue.put_pieces(pieces, ended, waiting_bytes=waiting_bytes)
        self._send_waiting(1 if self._backlog.turns else _PIECES_AT_ONCE)

    @property
    def socket(self) -> socket.socket | None:
        """The connection's; ``None`` when it has ended."""
        found: socket.socket | None = self._stream.socket
        return found

    @property
    def waiting_bytes(self) -> int:
        """The number of bytes that wait to be sent, not counting pieces of answers."""
        return self._queue.waiting_bytes

    def writing(self) -> bool:
        """Return True if something waits to be sent."""
        return bool(self._queue) or self._given_bytes > 0

    def keep_begun(self) -> bool:
        """Drop what waits (see :meth:`.SendQueue.keep_begun`)."""
        return self._queue.keep_begun()

    def closed(self) -> bool:
        """Return True if the connection has ended."""
        return bool(self._stream.closed())

    def reset(self) -> None:
        """End the connection; what waits to be sent is lost."""
        if not self._stream.closed():
            reset_on_close(self._stream.socket)
            self._stream.close()

    def finish(self) -> None:
        """End after what waits: give it to Tornado's stream, but for the answers."""
        forget_frames(self._stream)
        self._queue.drop_answers()
        while (piece := self._queue.front()) and not self.closed():
            data = bytes(piece)
            piece.release()
            self._queue.took(len(data))
            self._give(data)
        self._queue.clear()

    def _send_waiting(self, piece_count: int = 0) -> None:
        """Send what waits, and make ``piece_count`` pieces before the others have a turn."""
        queue = self._queue
        while not self._given_bytes and not self._resting:
            if self._stream.closed():
                queue.clear()
                return
            if queue.makes:
                if not piece_count:
                    self._rest()
                    return
                piece_count -= 1
            piece = queue.front()
            if piece is None:
                return
            if not piece:
                self._rest()
                return
            with piece, piece[:_PIECE_BYTES] as part:
                data = bytes(part)
            queue.took(len(data))
            self._give(data)

    def _rest(self) -> None:
        self._resting = True
        self._backlog.turns.wait(self._rested)

    def _rested(self) -> None:
        self._resting = False
        self._send_waiting(1)

    def _give(self, data: bytes) -> None:
        try:
            written = self._stream.write(data)
        except StreamClosedError:
            self._queue.clear()
            return
        if written.done():
            self._note(written, len(data))
        else:
            self._given_bytes += len(data)
            written.add_done_callback(lambda future: self._written(future, len(data)))

    def _written(self, future: asyncio.Future[None], length: int) -> None:
        self._given_bytes -= length
        self._note(future, length)
        self._send_waiting()
        if self.on_sent is not None:
            self.on_sent()

    def _note(self, future: asyncio.Future[None], length: int) -> None:
        if not future.cancelled() and future.exception() is None:  # else it ends by itself
            self.bytes_sent += length
