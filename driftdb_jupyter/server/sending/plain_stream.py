"""A stream over a plain socket, which takes the place of Tornado's.

Tornado's stream looks at the socket three times for every batch of messages, and a future, a
wake-up and a turn of the loop lie between the arrival of bytes and their reader. This one hands
them over as they arrive: one call from the loop, and mostly one look at the socket. Sockets under
TLS keep Tornado's stream.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress

from tornado.ioloop import IOLoop
from tornado.iostream import IOStream, StreamClosedError

from .backlog import Backlog
from .send_queue import Buffer, SendQueue
from .unacknowledged import reset_on_close

__all__ = ["PlainStream"]

_CHUNK_BYTES = 65536
# A peer that was answered while its messages were being taken may have sent more: another look
# costs less than a turn of the loop. After this many the other connections have their turn.
_LOOKS = 4
# Windows refuses much larger ones.
_SEND_BYTES = 131072
# How many pieces a connection is sent at once where no other waits.
_PIECES_AT_ONCE = 4
_WRITES_A_TURN = 8


class PlainStream:
    """As much of :class:`IOStream` as a WebSocket needs.

    It closes when the peer does (also when the peer only stops sending), and at any error.

    ``bytes_sent`` counts every byte that the kernel has taken, of :meth:`send` and :meth:`write`
    alike: it grows while a peer reads, also in the middle of one long write. ``backlog`` counts
    what waits; ``on_sent`` is called when some of that was taken.
    """

    __slots__ = (
        "_closed",
        "_loop",
        "_pauses",
        "_queue",
        "_reading",
        "_reads",
        "_take",
        "_waits_for_turn",
        "_writes",
        "backlog",
        "bytes_sent",
        "on_sent",
        "socket",
    )

    def __init__(self, plain_socket: socket.socket) -> None:
        plain_socket.setblocking(False)
        # Tornado's own on Windows, where the running loop has no readers.
        running = asyncio.get_running_loop()
        self._loop: asyncio.AbstractEventLoop = getattr(IOLoop.current(), "selector_loop", running)
        self.socket = plain_socket
        self._closed = False
        self._pauses = False
        self._reads = False
        self._writes = False
        self._waits_for_turn = False
        self._take: Callable[[bytes], bool] | None = None
        self._reading: asyncio.Future[None] | None = None
        self._queue: SendQueue | None = None  # as long as the socket takes no more
        self.backlog: Backlog | None = None
        self.bytes_sent = 0
        self.on_sent: Callable[[], None] | None = None

    @classmethod
    def take_over(cls, stream: IOStream) -> tuple[PlainStream, bytes] | None:
        """Take the socket out of Tornado's stream, with the bytes that it has already read.

        Returns ``None`` if that is impossible: under TLS, while something waits to be written, and
        after the end of the connection.
        """
        if type(stream) is not IOStream or stream.closed() or stream.writing():
            return None
        read = asyncio.ensure_future(stream.read_bytes(stream.max_buffer_size, partial=True))
        if stream.closed():
            return None
        stream.io_loop.remove_handler(stream.socket)
        # A socket object of its own: nothing that still knows the stream can close this one.
        old = stream.socket
        family, kind, protocol = old.family, old.type, old.proto
        plain_socket = socket.socket(family, kind, protocol, fileno=old.detach())
        return cls(plain_socket), read.result() if read.done() else b""

    def receive(self, take: Callable[[bytes], bool]) -> asyncio.Future[None]:
        """Call ``take`` with every chunk that arrives, until it returns ``True``.

        Then the future is done. It fails with what ``take`` raised, or with
        :class:`StreamClosedError`. Between two calls nothing is read. In each turn of the loop a
        peer gets one chunk of at most 64 KiB, or a few while it is being answered.
        """
        reading: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self._closed:
            _fail(reading)
            return reading
        self._take, self._reading = take, reading
        if not self._pauses:
            self._wait_for_bytes()
        return reading

    def pause(self) -> None:
        """Read nothing until :meth:`resume`; also for ``take`` to call."""
        self._pauses = True

    def resume(self) -> bool:
        """Go on after a pause: call ``take`` with no bytes, then with what has arrived.

        Returns whether something had, so that there may be more.
        """
        self._pauses = False
        received = self._hand_over(b"") and self._look()
        reading = self._reading
        if self._pauses or reading is None or reading.done():
            return False
        if not received:
            self._wait_for_bytes()
        return received

    def send(self, data: bytes) -> int:
        """Send what the socket takes at once, and return how many bytes that was.

        It takes none while others wait, and after the end of the connection.
        """
        if self._queue is not None or self._closed:
            return 0
        try:
            sent = self.socket.send(data)
        except OSError:  # full; or an error, which the next write or read will meet
            return 0
        self.bytes_sent += sent
        return sent

    def write(self, data: bytes) -> asyncio.Future[None]:
        """Send the bytes after all that waits; the future is done when the kernel has taken them.

        Raises :class:`StreamClosedError`, and so does the future.
        """
        if self._closed:
            raise StreamClosedError
        if self._queue is None:
            data = data[self.send(data) :]
            if not data:
                written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                written.set_result(None)
                return written
        return self._waiting.put_single(data)

    def end_writing(self) -> None:
        """Half-close the connection: tell the peer that nothing more comes, and read on.

        Call it when nothing waits to be sent.
        """
        if not self._closed:
            with suppress(OSError):  # it has gone already
                self.socket.shutdown(socket.SHUT_WR)

    def put(self, data: bytes, sent: int = 0) -> None:
        """Send it after all that waits; ``sent``: so much of it :meth:`send` has sent already."""
        self._waiting.put(data, sent)

    def put_pieces(
        self, pieces: Iterator[Buffer], ended: Callable[[], None], *, waiting_bytes: int = 0
    ) -> None:
        """Send what is made after all that waits (see :meth:`.SendQueue.put_pieces`)."""
        begins = self._queue is None
        self._waiting.put_pieces(pieces, ended, waiting_bytes=waiting_bytes)
        if begins:
            self._send(1 if self._backlog.turns else _PIECES_AT_ONCE)

    @property
    def waiting_bytes(self) -> int:
        """The number of bytes that wait to be sent, not counting pieces of answers."""
        return 0 if self._queue is None else self._queue.waiting_bytes

    def keep_begun(self) -> bool:
        """Drop what waits (see :meth:`.SendQueue.keep_begun`)."""
        return self._queue is None or self._queue.keep_begun()

    def writing(self) -> bool:
        """Return True if something waits to be sent."""
        return self._queue is not None

    def finish(self) -> None:
        """End after what waits, which is sent as long as the connection stays open."""

    def set_nodelay(self, value: bool) -> None:
        """Set whether small writes go out at once (TCP_NODELAY)."""
        if not self._closed and self.socket.family in (socket.AF_INET, socket.AF_INET6):
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, value)

    def closed(self) -> bool:
        """Return True if the connection has ended."""
        return self._closed

    def reset(self) -> None:
        """End the connection; what the kernel has taken already is lost, too."""
        if not self._closed:
            reset_on_close(self.socket)
            self.close()

    def close(self) -> None:
        """End the connection; what waits to be sent is lost."""
        if self._closed:
            return
        self._closed = True
        if self._reads:
            self._loop.remove_reader(self.socket)
        if self._writes:
            self._loop.remove_writer(self.socket)
        self.socket.close()
        reading, self._reading, self._take = self._reading, None, None
        if reading is not None and not reading.done():
            _fail(reading)
        if self._queue is not None:
            queue, self._queue = self._queue, None
            queue.clear(StreamClosedError())
        if self.on_sent is not None:
            self.on_sent()

    def _wait_for_bytes(self) -> None:
        if not self._reads:
            self._reads = True
            self._loop.add_reader(self.socket, self._read)

    def _read(self) -> None:
        """Something has arrived."""
        reading = self._reading
        if self._pauses or reading is None or reading.done():
            self._reads = False
            self._loop.remove_reader(self.socket)
            return
        self._look()

    def _look(self) -> bool:
        """Hand over what has arrived; returns whether anything had."""
        received = False
        for _ in range(_LOOKS):
            sent = self.bytes_sent
            try:
                data = self.socket.recv(_CHUNK_BYTES)
            except (BlockingIOError, InterruptedError):
                return received
            except OSError:
                data = b""
            if not data:
                self.close()
                return False
            received = True
            if not self._hand_over(data) or self.bytes_sent == sent:
                return True
        return True

    def _hand_over(self, data: bytes) -> bool:
        """Call ``take``; returns whether to go on reading."""
        take, reading = self._take, self._reading
        if take is None or reading is None or reading.done():
            return False
        try:
            enough = take(data)
        except Exception as error:
            if not reading.done():
                reading.set_exception(error)
            return False
        if reading.done():
            return False
        if enough:
            reading.set_result(None)
        return not enough and not self._pauses

    @property
    def _waiting(self) -> SendQueue:
        """The queue, which is sent as soon as the socket takes more."""
        if self._queue is None:
            self._queue = SendQueue(self._backlog)
            self._loop.add_writer(self.socket, self._send_waiting)
            self._writes = True
        return self._queue

    @property
    def _backlog(self) -> Backlog:
        if self.backlog is None:
            self.backlog = Backlog()
        return self.backlog

    def _send_waiting(self) -> None:
        """Send what waits, now that the socket takes more."""
        self._send(0)

    def _go_on(self) -> None:
        """Make another piece, now that the turn for it has come."""
        self._waits_for_turn = False
        if not self._closed and self._queue is not None:
            self._send(1)

    def _send(self, piece_count: int) -> None:
        """Send what waits, and make at most ``piece_count`` pieces more."""
        queue = self._waiting
        before = self.bytes_sent
        rests = False
        try:
            for _ in range(_WRITES_A_TURN):
                if queue.makes:
                    rests = not piece_count
                    if rests:
                        break
                    piece_count -= 1
                piece = queue.front()
                if not piece:
                    rests = piece is not None
                    break
                with piece, piece[:_SEND_BYTES] as part:
                    sent = self.socket.send(part)
                self.bytes_sent += sent
                queue.took(sent)
        except (BlockingIOError, InterruptedError):
            pass
        except OSError:
            self.close()
            return
        except Exception:  # of what makes pieces: the frame can't be ended
            self.close()
            raise
        if not queue:
            self._queue = None
        self._wait_for_socket(bool(queue) and not rests)
        if rests and queue and not self._waits_for_turn:
            self._waits_for_turn = True
            self._backlog.turns.wait(self._go_on)
        if self.on_sent is not None and self.bytes_sent > before:
            self.on_sent()

    def _wait_for_socket(self, waits: bool) -> None:
        if waits and not self._writes:
            self._loop.add_writer(self.socket, self._send_waiting)
        elif self._writes and not waits:
            self._loop.remove_writer(self.socket)
        self._writes = waits


def _fail(future: asyncio.Future[None]) -> None:
    future.set_exception(StreamClosedError())
    future.exception()  # seen: not all of them are awaited
