"""Sending a long body over HTTP: made as the client takes it, and given up where it doesn't."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from typing import Any

from tornado.iostream import IOStream, StreamClosedError
from tornado.web import RequestHandler

from ..sending.answer import Answer
from ..sending.backlog import Backlog
from ..sending.send_queue import Buffer
from ..sending.tornado_sender import forget_frames
from ..sending.unacknowledged import reset_on_close, unacknowledged_bytes

__all__ = ["Response", "send_answer", "send_pieces"]

# Short, because Tornado holds a part twice until the client has taken all of it.
_PART_BYTES = 16384
_COPIES = 2


async def send_answer(handler: RequestHandler, answer: Answer, backlog: Backlog) -> None:
    """Finish a request with an answer, however long it is."""
    try:
        await send_pieces(handler, answer.pieces(), backlog)
    finally:
        answer.close()


async def send_pieces(handler: RequestHandler, pieces: Iterable[Buffer], backlog: Backlog) -> None:
    """Finish a request with the body that ``pieces`` make, one after the other.

    The next one is made when the client has taken the last. A client that takes too little is
    closed (see :mod:`.backlog`).
    """
    connection: Any = handler.request.connection
    if connection.stream.closed():
        return  # of what a client has sent together, some comes when it has gone
    response = Response(handler)
    try:
        await backlog.turns.come()
        for piece in pieces:
            if not piece:
                await backlog.turns.come()
                continue
            backlog.hold(piece, len(piece))
            backlog.watch(response)
            try:
                for start in range(0, len(piece), _PART_BYTES):
                    part = bytes(memoryview(piece)[start : start + _PART_BYTES])
                    handler.write(part)
                    backlog.add(_COPIES * len(part))
                    try:
                        await handler.flush()
                    finally:
                        backlog.add(-_COPIES * len(part))
                    response.bytes_sent += len(part)
            finally:
                backlog.release(piece, len(piece))
            await backlog.turns.come()
        await handler.finish()
    except StreamClosedError as error:  # the client has gone, or was given up
        error.__traceback__ = None
    finally:
        backlog.unwatch(response)
        forget_frames(connection.stream)


class Response:
    """The client of a request, as a receiver (see :class:`.backlog.Receiver`).

    Make it before the answer is finished. ``bytes_sent``: what Tornado's stream has got rid of as
    whole parts. That alone would be no progress: a slow client takes a part for a minute.
    """

    def __init__(self, handler: RequestHandler) -> None:
        connection: Any = handler.request.connection
        self.bytes_sent = 0
        self._stream: IOStream = connection.stream
        self._socket: socket.socket = connection.stream.socket

    @property
    def bytes_taken(self) -> int:
        """The number of bytes that the other end has acknowledged so far."""
        # Tornado tells nobody how much of a part the kernel has taken.
        sent: int = getattr(self._stream, "_total_write_done_index", self.bytes_sent)
        return sent - unacknowledged_bytes(self._socket)

    def give_up(self) -> None:
        """End the connection; what waits goes with it."""
        reset_on_close(self._socket)
        self._stream.close()
