"""Sending a long body over HTTP: made as the client takes it, and given up where it doesn't."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from typing import Any

from tornado.iostream import StreamClosedError
from tornado.web import RequestHandler

from ..sending.answer import Answer
from ..sending.backlog import Backlog
from ..sending.send_queue import Buffer
from ..sending.unacknowledged import reset_on_close, unacknowledged_bytes

__all__ = ["Response", "send_answer", "send_pieces"]

_PIECE_BYTES = 65536


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
                for start in range(0, len(piece), _PIECE_BYTES):
                    part = bytes(memoryview(piece)[start : start + _PIECE_BYTES])
                    handler.write(part)
                    await handler.flush()
                    response.bytes_sent += len(part)
            finally:
                backlog.release(piece, len(piece))
            await backlog.turns.come()
        await handler.finish()
    except StreamClosedError as error:  # the client has gone, or was given up
        # The stream holds the errors, they hold this frame, and only a collection would free them.
        error.__traceback__ = None
        if error.real_error is not None:
            error.real_error.__traceback__ = None
    finally:
        backlog.unwatch(response)


class Response:
    """The client of a request, as a receiver (see :class:`.backlog.Receiver`).

    Make it before the answer is finished. ``bytes_sent``: what was handed to the kernel since.
    """

    def __init__(self, handler: RequestHandler) -> None:
        connection: Any = handler.request.connection
        self.bytes_sent = 0
        self._socket: socket.socket = connection.stream.socket
        self._close: Callable[[], None] = connection.stream.close

    @property
    def bytes_taken(self) -> int:
        """The number of bytes that the other end has acknowledged so far."""
        return self.bytes_sent - unacknowledged_bytes(self._socket)

    def give_up(self) -> None:
        """End the connection; what waits goes with it."""
        reset_on_close(self._socket)
        self._close()
