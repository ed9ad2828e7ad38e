"""What waits to be sent to one connection, and how it gets there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Protocol

from tornado.iostream import IOStream, StreamClosedError

from ..protocol.frame import BINARY, TEXT, payload
from .plain_stream import PlainStream

__all__ = ["Flusher", "Outbox"]


class Connection(Protocol):
    """The WebSocket under an outbox: Tornado's ``WebSocketProtocol13``."""

    stream: IOStream | PlainStream

    def write_message(self, message: str | bytes, binary: bool = False) -> asyncio.Future[None]:
        """Send one message the ordinary way."""


class Flusher:
    """Writes what the outboxes gathered in one tick of the loop, at its end.

    Most of a tick's frames go to one audience after the other: such a run is gathered once for
    all of them, and joined once. Whatever might come between ends it with :meth:`settle`.
    ``audience`` are the outboxes of the run that is gathered now, ``run`` its frames: who sees that
    it is theirs may append to it without a call.
    """

    __slots__ = ("_scheduled", "_waiting", "audience", "run")

    def __init__(self) -> None:
        self.audience: Mapping[int, Outbox] | None = None
        self.run: list[bytes] = []
        self._scheduled = False
        self._waiting: list[Outbox] = []

    def fan_out(self, frame: bytes, audience: Mapping[int, Outbox]) -> None:
        """Put one frame into many outboxes; :meth:`settle` before the mapping changes."""
        if audience is not self.audience:
            self.settle()
            self.audience = audience
            self._schedule()
        self.run.append(frame)

    def put(self, frame: bytes, outbox: Outbox) -> None:
        """Put a frame into one outbox."""
        self.settle()
        if not outbox:
            self._waiting.append(outbox)
        outbox.append(frame)
        self._schedule()

    def settle(self) -> None:
        """Put what is to be fanned out into the outboxes, so that what comes next is later."""
        if self.audience is None:
            return
        outboxes, run = self.audience.values(), self.run
        self.audience, self.run = None, []
        joined = b"".join(run) if len(run) > 1 else run[0]
        waiting = self._waiting
        for outbox in outboxes:
            if not outbox:
                waiting.append(outbox)
            if outbox.joins:
                outbox.append(joined)
            else:
                outbox.extend(run)

    def flush(self) -> None:
        """Write it now."""
        self.settle()
        waiting, self._waiting = self._waiting, []
        for outbox in waiting:
            outbox.write()

    def breathe(self) -> None:
        """Write in the middle of a batch of messages, where it is one connection that waits.

        It can go on then while the rest is read; with more of them the writes would cost more than
        that gains. Otherwise all is written at the end of the tick, also after a large batch:
        many writes in a row wake who reads them fewer times.
        """
        if len(self._waiting) + len(self.audience or ()) <= 1:
            self.flush()

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._flush_scheduled)

    def _flush_scheduled(self) -> None:
        self._scheduled = False
        self.flush()


class Outbox(list[bytes]):
    """The frames of one tick for one connection, and the count of bytes that it hasn't taken.

    A list, so that the fan-out to many outboxes costs no more than an append for each.
    ``joins``: whether what is appended may be several frames in one.
    ``limit_bytes``: what may wait before ``overflowed`` is called, not counting answers
    to ``get`` (protocol, "Errors and closing", 4408). It is ``congested`` from a quarter of that on
    until it has sunk to half of the quarter, and ``rises`` is called once each time. ``taken`` is
    how many of the bytes that had to wait the connection has taken so far.
    """

    __slots__ = (
        "_allowance",
        "_backlog",
        "_connection",
        "_drained",
        "_flusher",
        "_limit",
        "_overflowed",
        "_rises",
        "_send",
        "_stream",
        "closed",
        "congested",
        "joins",
        "taken",
    )

    def __init__(
        self,
        connection: Connection,
        flusher: Flusher,
        *,
        compressed: bool,
        limit_bytes: int,
        overflowed: Callable[[], None],
        rises: Callable[[Outbox], None],
    ) -> None:
        super().__init__()
        self._stream = connection.stream
        self._connection = connection if compressed else None
        self.joins = not compressed
        self._send: Callable[[bytes], int] | None = None
        if isinstance(connection.stream, PlainStream) and not compressed:
            self._send = connection.stream.send
        self._flusher = flusher
        self._limit = limit_bytes
        self._overflowed = overflowed
        self._rises = rises
        self._allowance = 0
        self._backlog = 0
        self._drained: asyncio.Future[None] | None = None
        self.closed = False
        self.congested = False
        self.taken = 0

    @property
    def backlog(self) -> int:
        """How many bytes wait, not counting answers to ``get``."""
        return self._backlog - self._allowance

    def put(self, frame: bytes) -> None:
        """Send a frame at the end of this tick."""
        self._flusher.put(frame, self)

    def put_init(self, frame: bytes) -> asyncio.Future[None] | None:
        """Send the answer to a ``get``, however long it is.

        Returns a future where the connection did not take it at once: until it is done nothing
        more is to be read from that peer.
        """
        self._allowance += len(frame)
        self.put(frame)
        if len(frame) > 0x10000:
            self.flush()
        if not self._backlog:
            return None
        if self._drained is None:
            self._drained = asyncio.get_running_loop().create_future()
        return self._drained

    def flush(self) -> None:
        """Write what has gathered for this connection."""
        self._flusher.settle()
        self.write()

    def write(self) -> None:
        """Write what is in it."""
        if self.closed or self._stream.closed():
            self.close()
            return
        if not self:
            return
        if self._connection is not None:
            self._write_compressed(self._connection)
            return
        data = self[0] if len(self) == 1 else b"".join(self)
        self.clear()
        if self._send is not None:
            sent = self._send(data)
            if sent == len(data):
                self._allowance = 0
                return
            data = data[sent:]
        try:
            self._wait_for(self._stream.write(data), len(data))
        except StreamClosedError:
            self.close()

    def close(self) -> None:
        """Take no more frames, and drop those that were not written."""
        self.closed = True
        self.congested = False
        self.clear()
        self._release()

    def _write_compressed(self, connection: Connection) -> None:
        frames = self[:]
        self.clear()
        for frame in frames:
            opcode, content = payload(frame)
            if opcode not in (TEXT, BINARY):
                self._wait_for(self._stream.write(frame), len(frame))
                continue
            # write_message reports a closed stream through its future alone.
            self._wait_for(connection.write_message(content, binary=opcode == BINARY), len(content))

    def _wait_for(self, written: asyncio.Future[None], length: int) -> None:
        self._backlog += length

        def done(future: asyncio.Future[None]) -> None:
            if not future.cancelled():
                future.exception()  # seen: the connection ends by itself
            self._backlog -= length
            self.taken += length
            if not self._backlog:
                self._allowance = 0
                self._release()
            if self.congested and self.backlog <= self._limit // 8:
                self.congested = False

        written.add_done_callback(done)
        if self.backlog > self._limit:
            self._overflowed()
        elif self.backlog > self._limit // 4 and not self.congested:
            self.congested = True
            self._rises(self)

    def _release(self) -> None:
        if self._drained is not None:
            if not self._drained.done():
                self._drained.set_result(None)
            self._drained = None
