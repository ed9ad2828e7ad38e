"""The queue of what waits to be sent to one connection, and how it gets there.

Flusher, recipients and outboxes know each other's insides, because a call more for each frame or
each outbox is what fan-out costs (figures: benchmarks, scenarios fan-out and rooms). What holds
between two calls from outside:

- An outbox is a list: the frames that came to it in this tick and were not written.
- The flusher's ``run`` are newer frames, all of which go to all outboxes of ``recipients``, and to
  no other; it is empty exactly where ``recipients`` is ``None``. Whoever puts a frame elsewhere,
  or changes who the recipients are, calls :meth:`Flusher.settle` first.
- Every outbox with frames in it is among the flusher's ``unwritten``, and a flush is scheduled.

What an attribute holds and isn't a method is called in two steps on the way of a push, here and
elsewhere: CPython takes ``x.attribute()`` for the call of a method, and looks for one in vain, each
time.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

from tornado.iostream import IOStream

from ...protocol.codec import Codec
from ...protocol.entry import Entry
from ...protocol.frame import BINARY, COMPRESSED, TEXT, frame, payload
from ...rooms.stream import Stream
from .answer import Answer, fragments, one_frame
from .backlog import Backlog
from .close_codes import CLOSE_FAULT, CLOSE_TOO_SLOW
from .plain_stream import PlainStream
from .send_queue import Buffer
from .tornado_sender import TornadoSender
from .traffic import Traffic
from .unacknowledged import unacknowledged_bytes

__all__ = ["Flusher", "Outbox", "Recipients"]

_log = logging.getLogger("driftdb_jupyter")

# How many connections are written to before the others have their turn: some 10 ms.
_WRITES_A_TURN = 1000
# What takes more than a moment to compress.
_LONG_BYTES = 4096


class Flusher:
    """Writes what the outboxes gathered in one tick of the loop, at its end.

    Most of a tick's frames go to the same recipients one after the other: such a run is gathered
    once for all of them, and joined once. ``traffic`` counts them.
    """

    __slots__ = ("_scheduled", "recipients", "run", "traffic", "unwritten")

    def __init__(self, traffic: Traffic | None = None) -> None:
        self.traffic = traffic or Traffic()
        self.recipients: Mapping[int, Outbox] | None = None
        self.run: list[bytes] = []
        self.unwritten: list[Outbox] = []
        self._scheduled = False

    def fan_out(self, frame: bytes, recipients: Mapping[int, Outbox]) -> None:
        """Put one frame into many outboxes; :meth:`settle` before the mapping changes."""
        if recipients is not self.recipients:
            self.settle()
            self.recipients = recipients
            self._schedule()
        self.run.append(frame)

    def put(self, frame: bytes, outbox: Outbox) -> None:
        """Put a frame into one outbox."""
        self.settle()
        if not outbox:
            self.unwritten.append(outbox)
        outbox.append(frame)
        self.traffic.messages_sent += 1
        self._schedule()

    def settle(self) -> None:
        """Put the run into the outboxes of its recipients, so that what comes next is later."""
        if self.recipients is None:
            return
        outboxes, run = self.recipients.values(), self.run
        self.recipients, self.run = None, []
        self.traffic.messages_sent += len(run) * len(outboxes)
        joined = b"".join(run) if len(run) > 1 else run[0]
        unwritten = self.unwritten
        for outbox in outboxes:
            if not outbox:
                unwritten.append(outbox)
            if outbox.joins:
                outbox.append(joined)
            else:
                outbox.extend(run)

    def flush(self) -> None:
        """Write it now."""
        self.settle()
        unwritten, self.unwritten = self.unwritten, []
        _write(unwritten)

    def breathe(self) -> None:
        """Write in the middle of a batch of messages, if just one connection is concerned.

        It can go on then while the rest is read; with more of them the writes would cost more than
        that gains. Otherwise all is written at the end of the tick, also after a large batch:
        many writes in a row wake the readers fewer times.
        """
        if len(self.unwritten) + len(self.recipients or ()) <= 1:
            self.flush()

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._flush_scheduled)

    def _flush_scheduled(self) -> None:
        self._scheduled = False
        self.flush_some()

    def flush_some(self) -> None:
        """Write it to as many connections as others can wait for, the rest in the next tick."""
        self.settle()
        unwritten = self.unwritten
        if len(unwritten) <= _WRITES_A_TURN:
            self.flush()
            return
        self.unwritten = unwritten[_WRITES_A_TURN:]
        self._schedule()
        _write(unwritten[:_WRITES_A_TURN])


class Recipients:
    """The outboxes that get the same pushes of a key, to the byte.

    ``stamps``: whether the pushes say who wrote them and when. ``held``: whether they say what the
    stream holds then, which ``stream`` returns.
    """

    __slots__ = ("_encode", "_flusher", "_start", "codec", "held", "outboxes", "stamps")

    def __init__(
        self,
        key: str,
        codec: Codec,
        flusher: Flusher,
        *,
        stamps: bool,
        held: bool = False,
        stream: Callable[[str], Stream] = lambda key: Stream(),
    ) -> None:
        self.codec = codec
        self.held = held
        self.outboxes: dict[int, Outbox] = {}  # by their identity
        self.stamps = stamps
        self._encode = codec.stamped_push_frame if stamps else codec.push_frame
        if held:
            self._encode = lambda start, entry: self._encode_held(start, entry, stream(key))
        self._flusher = flusher
        self._start = codec.push_start(key)

    def broadcast(self, entries: Sequence[Entry]) -> None:
        """Encode entries once, and put them into all outboxes.

        Where that fails, whoever misses one is closed before it hears of a later one.
        """
        flusher, outboxes = self._flusher, self.outboxes
        encode, start = self._encode, self._start
        try:
            for entry in entries:
                if flusher.recipients is outboxes:
                    flusher.run.append(encode(start, entry))
                else:
                    flusher.fan_out(encode(start, entry), outboxes)
        except Exception:
            _log.exception("A push can't be encoded for its subscribers, who are closed")
            self.fail()

    def say(self, encode: Callable[[Codec], bytes]) -> None:
        """Send a message of another kind to all outboxes; where that fails, they are closed."""
        try:
            self._flusher.fan_out(frame(self.codec.opcode, encode(self.codec)), self.outboxes)
        except Exception:
            _log.exception("A message can't be encoded for its subscribers, who are closed")
            self.fail()

    def _encode_held(self, start: bytes, entry: Entry, stream: Stream) -> bytes:
        oldest = stream.oldest if entry.seq <= stream.newest else None  # else it is a relay
        first = None if oldest is None else oldest.seq
        return self.codec.held_push_frame(start, entry, first, stamps=self.stamps)

    def fail(self) -> None:
        """Close all of them: they missed something, and come back to be told."""
        for outbox in list(self.outboxes.values()):
            outbox.fail()


def _write(outboxes: Sequence[Outbox]) -> None:
    """Write what is in them; an error in one is not the others' matter."""
    for outbox in outboxes:
        try:
            outbox.write()
        except Exception:
            _log.exception("A connection can't be written to, and is dropped")
            outbox.drop()


class Sender(Protocol):
    """The receiver of what an outbox sends: :class:`PlainStream` has the words."""

    bytes_sent: int
    on_sent: Callable[[], None] | None

    @property
    def socket(self) -> socket.socket | None: ...

    @property
    def waiting_bytes(self) -> int: ...

    def writing(self) -> bool: ...

    def send(self, data: bytes) -> int: ...

    def put(self, data: bytes, sent: int = 0) -> None: ...

    def put_pieces(
        self, pieces: Iterator[Buffer], ended: Callable[[], None], *, waiting_bytes: int = 0
    ) -> None: ...

    def closed(self) -> bool: ...

    def reset(self) -> None: ...

    def finish(self) -> None: ...

    def keep_begun(self) -> bool: ...


class Outbox(list[bytes]):
    """The frames of one tick for one connection, and what waits because it hasn't taken it yet.

    A list, so that the fan-out to many outboxes costs no more than an append for each.
    ``stream`` is the connection's; ``deflate`` compresses the content of a message, ``None`` where
    that was not agreed on. ``joins``: whether what is appended may be several frames in one.
    ``ends`` closes the connection, with a code and a reason (protocol, "Errors and closing"):
    with 4408 when more waits than ``limit_bytes``, not counting answers that are made as they are
    taken, and with 1011 after a fault. The outbox is ``congested`` from a quarter of the limit on
    until it has sunk to half of the quarter, and ``rises`` is called once each time.
    """

    __slots__ = (
        "_backlog",
        "_deflate",
        "_ends",
        "_flusher",
        "_framed",
        "_limit",
        "_rises",
        "_send",
        "_sender",
        "_taken",
        "closed",
        "congested",
        "joins",
    )

    def __init__(
        self,
        stream: IOStream | PlainStream,
        flusher: Flusher,
        backlog: Backlog,
        *,
        deflate: Callable[[bytes], bytes] | None = None,
        limit_bytes: int,
        ends: Callable[[int, str], None],
        rises: Callable[[Outbox], None],
    ) -> None:
        super().__init__()
        self._sender: Sender
        if isinstance(stream, PlainStream):
            self._sender, self._framed = stream, one_frame
            stream.backlog = backlog
        else:
            # Frames of Tornado's own, a pong or the close, may come between any two pieces.
            self._sender, self._framed = TornadoSender(stream, backlog), fragments
        if deflate is not None:
            self._framed = fragments
        self._sender.on_sent = self._sent
        self._send = self._sender.send
        self._deflate = deflate
        self._backlog = backlog
        self._flusher = flusher
        self._limit = limit_bytes
        self._ends = ends
        self._rises = rises
        self._taken: int | None = None
        self.closed = False
        self.congested = False
        self.joins = deflate is None

    @property
    def bytes_sent(self) -> int:
        """The number of bytes that this side's kernel has taken so far."""
        return self._sender.bytes_sent

    @property
    def bytes_taken(self) -> int:
        """The number of them that the other end has acknowledged, as far as the system tells."""
        return self._sender.bytes_sent - unacknowledged_bytes(self._sender.socket)

    @property
    def waiting_bytes(self) -> int:
        """The number of bytes that wait, not counting answers that are made as they are taken."""
        return self._sender.waiting_bytes

    @property
    def waits(self) -> bool:
        """Whether something waits for the connection to take more."""
        return self._sender.writing()

    def progresses(self) -> bool:
        """Return True if the other end has acknowledged more of what was sent since the last time.

        Answers no the first time.
        """
        before, self._taken = self._taken, self.bytes_taken
        return before is not None and self._taken > before

    def put(self, frame: bytes) -> None:
        """Send a frame at the end of this tick."""
        self._flusher.put(frame, self)

    def put_short_answer(self, frame: bytes) -> asyncio.Future[None] | None:
        """Send an answer that is not worth making bit by bit; returns what :meth:`put_answer` does.

        Where nothing waits it counts as any other frame.
        """
        if not self._sender.writing():
            self.put(frame)
            return None
        return self._put_pieces(iter((frame,)), lambda: None)

    def put_answer(self, answer: Answer) -> asyncio.Future[None] | None:
        """Send an answer behind all that was put before, however long it is.

        Returns a future where the connection did not take it at once, which is done when it has, or
        has ended: until then nothing more is to be read from that peer.
        """
        return self._put_pieces(self._framed(answer), answer.close)

    def flush(self) -> None:
        """Write what has gathered for this connection."""
        self._flusher.settle()
        self.write()

    def write(self) -> None:
        """Write what is in it."""
        sender = self._sender
        if self.closed or sender.closed():
            self.close()
            return
        if not self:
            return
        if self._deflate is not None:
            self._put_compressed(self._deflate)
            return
        data = self[0] if len(self) == 1 else b"".join(self)
        self.clear()
        send = self._send
        sent = send(data)
        if sent == len(data):
            return
        sender.put(data, sent)
        self._note_waiting()

    def give_up(self) -> None:
        """Drop what waits, as the peer takes too little of it, and close the connection (4408)."""
        self.clear()
        if not self._sender.keep_begun():
            self._sender.reset()  # in the middle of an answer nothing can be said
        self._ends(CLOSE_TOO_SLOW, "too slow: too much was waiting to be read")

    def fail(self) -> None:
        """Close the connection, which can't be sent what comes next (1011)."""
        self._ends(CLOSE_FAULT, "the server failed to send a message; its log says why")

    def drop(self) -> None:
        """End the connection: nobody knows how much of what was written has been sent."""
        self.clear()
        self._sender.reset()
        self.fail()

    def close(self) -> None:
        """Take no more frames; what waits is sent as long as the connection stays open."""
        if self.closed:
            return
        self.closed = True
        self.congested = False
        self.clear()
        self._sender.finish()
        self._backlog.unwatch(self)
        # What holds this, or the connection that does: only a collection would free them.
        self._ends, self._rises = _end_no_more, _rise_no_more
        self._sender.on_sent = None

    def _put_pieces(
        self, pieces: Iterator[Buffer], ended: Callable[[], None]
    ) -> asyncio.Future[None] | None:
        self.flush()
        if self.closed:
            ended()
            return None
        taken: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def end() -> None:
            ended()
            if not taken.done():
                taken.set_result(None)

        self._sender.put_pieces(pieces, end)
        if taken.done():
            return None
        self._backlog.watch(self)
        return taken

    def _put_compressed(self, deflate: Callable[[bytes], bytes]) -> None:
        frames = self[:]
        self.clear()
        for each in frames:
            if payload(each)[0] in (TEXT, BINARY):
                self._sender.put_pieces(
                    _compressed(each, deflate), lambda: None, waiting_bytes=len(each)
                )
            else:
                self._sender.put(each)
        self._note_waiting()

    def _note_waiting(self) -> None:
        if not self._sender.writing():
            return
        self._backlog.watch(self)
        waiting_bytes = self._sender.waiting_bytes
        if waiting_bytes > self._limit:
            self.give_up()
        elif waiting_bytes > self._limit // 4 and not self.congested:
            self.congested = True
            self._rises(self)

    def _sent(self) -> None:
        if not self._sender.writing():
            self._backlog.unwatch(self)
        if self.congested and self._sender.waiting_bytes <= self._limit // 8:
            self.congested = False


def _end_no_more(code: int, reason: str) -> None:
    """Do nothing: the connection has ended, or is ending."""


def _rise_no_more(outbox: Outbox) -> None:
    """Do nothing: nobody is interested any more."""


def _compressed(whole: bytes, deflate: Callable[[bytes], bytes]) -> Iterator[Buffer]:
    """Return a frame with its content compressed, when its turn has come."""
    opcode, content = payload(whole)
    if len(content) > _LONG_BYTES:
        yield b""  # that takes a while: the others have their turn
    yield frame(opcode | COMPRESSED, deflate(content))
