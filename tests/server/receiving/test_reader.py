"""The batch reader against Tornado's own, on the same bytes, however they arrive.

What it makes of single frames, good and bad, is in ``tests/rfc6455``.
"""

from __future__ import annotations

import asyncio
import itertools
import socket
import struct
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from types import SimpleNamespace
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tornado.ioloop import IOLoop
from tornado.iostream import StreamClosedError
from tornado.websocket import WebSocketProtocol, WebSocketProtocol13, _WebSocketParams

from driftdb_jupyter.server.limits.floods import Floods
from driftdb_jupyter.server.limits.incomplete import Incomplete
from driftdb_jupyter.server.receiving.reader import BatchReader, available
from driftdb_jupyter.server.sending.plain_stream import PlainStream
from driftdb_jupyter.server.sending.traffic import Traffic

from ...rfc6455.frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    client_frame,
    close_frame,
    frames_in,
)


class ScriptedStream:
    """A socket whose bytes arrive in just these pieces; then it is cut off."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = [piece for piece in pieces if piece]
        self._buffer = b""
        self._closed = False
        self.read_chunk_size = 65536
        self.written = b""
        self.io_loop = IOLoop.current()

    def read_bytes(self, count: int, partial: bool = False) -> asyncio.Future[bytes]:
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        while not self._closed and self._pieces and len(self._buffer) < (1 if partial else count):
            self._buffer += self._pieces.pop(0)
        if self._closed or len(self._buffer) < (1 if partial else count):
            future.set_exception(StreamClosedError())
        else:
            taken, self._buffer = self._buffer[:count], self._buffer[count:]
            future.set_result(taken)
        return future

    def write(self, data: bytes) -> asyncio.Future[None]:
        self.written += data
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        future.set_result(None)
        return future

    def close(self) -> None:
        self._closed = True

    def closed(self) -> bool:
        return self._closed


class RecordingHandler:
    """Hears what a reader hears, in order."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, Any]] = []
        self.breaths: list[int] = []

    def on_messages(self, opcode: int, messages: Iterator[bytes]) -> Any:
        for message in messages:
            unfinished = self.take(opcode, message)
            if unfinished is not None:
                return unfinished
        return None

    def take(self, opcode: int, message: bytes) -> Any:
        self.on_message(message.decode() if opcode == TEXT else message)

    def breathe(self) -> None:
        self.breaths.append(len(self.heard))

    def flush(self) -> None: ...

    def on_message(self, message: str | bytes) -> None:
        self.heard.append(("message", message))

    def on_ping(self, data: bytes) -> None:
        self.heard.append(("ping", data))

    def on_pong(self, data: bytes) -> None:
        self.heard.append(("pong", data))

    def on_ws_connection_close(self, code: int | None = None, reason: str | None = None) -> None:
        self.heard.append(("closed", (code, reason)))

    def log_exception(self, *exc_info: Any) -> None:
        self.heard.append(("failed", exc_info[0]))


class Reading:
    """What came of reading some pieces.

    With Tornado's reader, with ours, or with ours on a real socket.
    """

    def __init__(
        self,
        pieces: Iterable[bytes],
        *,
        by: Literal["tornado", "batches", "socket"] = "batches",
        limit: int = 200_000,
    ) -> None:
        self._pieces = pieces
        self._by = by
        self._limit = limit
        self.handler = RecordingHandler()
        asyncio.run(self._read())

    async def _read(self) -> None:
        handler: Any = self.handler
        params = _WebSocketParams(max_message_size=self._limit)
        protocol: Any
        if self._by == "tornado":
            protocol = WebSocketProtocol13(handler, False, params)
        else:
            handler.max_message_size = self._limit
            protocol = BatchReader(handler)
            protocol.on_messages = handler.on_messages
            protocol.flusher = protocol.outbox = handler
            protocol.floods = Floods()
            protocol.traffic = Traffic()
            protocol.settled = protocol.on_part = lambda: None
            protocol.incomplete = Incomplete(1_000_000)
        if self._by == "socket":
            await self._read_from_a_socket(protocol)
        else:
            protocol.stream = ScriptedStream(self._pieces)
            await protocol._receive_frame_loop()
            self.written = protocol.stream.written
        protocol.client_terminated = True
        protocol.close()  # ends the timer of a closing handshake

    async def _read_from_a_socket(self, protocol: Any) -> None:
        near, far = socket.socketpair()
        with near, far:
            far.setblocking(False)
            protocol.stream = PlainStream(near)
            reading = asyncio.create_task(protocol._receive_frame_loop())
            for piece in self._pieces:
                with suppress(BrokenPipeError):  # closed before the last piece
                    await asyncio.get_running_loop().sock_sendall(far, piece)
                await asyncio.sleep(0)
            with suppress(OSError):
                far.shutdown(socket.SHUT_WR)
            await reading
            self.written = b""
            with suppress(ConnectionResetError):  # closed before all was read
                while chunk := far.recv(65536):
                    self.written += chunk

    @property
    def outcome(self) -> tuple[list[tuple[str, Any]], bytes]:
        return self.handler.heard, self.written


def same(pieces: list[bytes]) -> Reading:
    """Read what breaks no rule with all; assert that nothing tells them apart."""
    ours = Reading(pieces)
    assert ours.outcome == Reading(pieces, by="tornado").outcome
    assert ours.outcome == Reading(pieces, by="socket").outcome
    return ours


def cut(data: bytes, at: Iterable[int]) -> list[bytes]:
    marks = [0, *sorted(at), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(marks)]


CONVERSATION = [
    client_frame(TEXT, b"plain"),
    client_frame(BINARY, b"\x00\xff" * 70),
    client_frame(TEXT, b""),
    client_frame(TEXT, b"frag", final=False),
    client_frame(PING, b"in between"),
    client_frame(0, b"men", final=False),
    client_frame(0, "tä".encode()),
    client_frame(PONG, b"pong"),
    client_frame(TEXT, "ü".encode() * 100),
    client_frame(CLOSE, struct.pack(">H", 1000) + b"bye"),
]


def test_a_conversation_cut_at_every_position() -> None:
    data = b"".join(CONVERSATION)
    for position in range(len(data)):
        reading = same(cut(data, [position]))
    messages = [what for kind, what in reading.handler.heard if kind == "message"]
    assert messages == ["plain", b"\x00\xff" * 70, "", "fragmentä", "ü" * 100]
    assert reading.handler.heard[-1] == ("closed", (1000, "bye"))


def test_a_conversation_byte_by_byte() -> None:
    data = b"".join(CONVERSATION)
    same([data[i : i + 1] for i in range(len(data))])


@pytest.mark.parametrize("length", [125, 126, 65535, 65536, 150_000])
def test_every_length_has_its_form(length: int) -> None:
    data = client_frame(TEXT, b"x" * length) + client_frame(TEXT, b"next")
    for pieces in ([data], cut(data, [1, 3, 9, 13]), cut(data, range(0, len(data), 16384))):
        heard = same(pieces).handler.heard
        assert [what for kind, what in heard if kind == "message"] == ["x" * length, "next"]


frames = st.builds(
    client_frame,
    st.sampled_from([TEXT, TEXT, TEXT, BINARY, CONTINUATION, PING, PONG, CLOSE, 0x3, 0xB]),
    st.binary(max_size=8).map(bytes.hex).map(str.encode) | st.just(b"y" * 130),
    final=st.sampled_from([True, True, True, False]),
    masked=st.sampled_from([True] * 9 + [False]),
    flags=st.sampled_from([0] * 9 + [0x40, 0x10]),
)


@given(st.lists(frames, max_size=8), st.data())
def test_any_frames_in_any_pieces(sent: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(sent)
    marks = data.draw(st.lists(st.integers(0, len(whole)), max_size=6))
    pieces = cut(whole, marks)
    outcome = Reading([whole]).outcome
    assert Reading(pieces).outcome == outcome
    assert Reading(pieces, by="socket").outcome == outcome


class SlowHandler(RecordingHandler):
    """Takes a turn of the loop for each message."""

    def take(self, opcode: int, message: bytes) -> Any:
        self.heard.append(("begun", message))
        return asyncio.create_task(self._finish(message))

    async def _finish(self, message: bytes) -> None:
        await asyncio.sleep(0)
        self.heard.append(("done", message))


class SlowReading(Reading):
    async def _read(self) -> None:
        self.handler = SlowHandler()
        await super()._read()


@pytest.mark.parametrize("kinds", [(TEXT, TEXT, TEXT), (TEXT, BINARY, TEXT)])
def test_messages_wait_for_one_that_is_not_done(kinds: Sequence[int]) -> None:
    frames = [client_frame(kind, b"%d" % number) for number, kind in enumerate(kinds)]
    heard = SlowReading([b"".join(frames)]).handler.heard
    order = [(word, b"%d" % number) for number in range(3) for word in ("begun", "done")]
    assert heard[:6] == order


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (client_frame(TEXT, b"\xff"), 1007),
        (client_frame(TEXT, b"x" * 200_001), 1009),
        (client_frame(TEXT, b"x", length_bytes=2), 1002),
        (client_frame(TEXT, b"unmasked", masked=False), 1002),
    ],
)
def test_what_came_before_a_violation_is_done_first(wrong: bytes, code: int) -> None:
    frames = client_frame(TEXT, b"1") + client_frame(TEXT, b"2") + wrong
    reading = SlowReading([frames])
    done = [message for word, message in reading.handler.heard if word == "done"]
    assert done == [b"1", b"2"]
    assert reading.written[2:4] == struct.pack(">H", code)


def test_no_long_message_waits_behind_a_short_one_but_in_the_buffer() -> None:
    reader, _ = a_reader()
    left: list[bytes] = []

    def take(opcode: int, messages: Iterator[bytes]) -> Any:
        next(messages)
        left.extend(messages)
        return asyncio.get_running_loop().create_future()

    async def walk() -> None:
        reader.on_messages = take
        short, long = client_frame(TEXT, b"x" * 4096), client_frame(TEXT, b"x" * 60_000)
        assert reader._take(client_frame(TEXT, b"1") + short + long)

    asyncio.run(walk())
    assert [len(message) for message in left] == [4096]


def test_a_handler_that_fails_is_logged_and_the_connection_closed() -> None:
    class FailingHandler(RecordingHandler):
        def take(self, opcode: int, message: bytes) -> None:
            raise LookupError

    class FailingReading(Reading):
        async def _read(self) -> None:
            self.handler = FailingHandler()
            await super()._read()

    reading = FailingReading([client_frame(TEXT, b"1")])
    assert reading.handler.heard[0] == ("failed", LookupError)
    assert reading.written[2:4] == struct.pack(">H", 1011)
    assert [kind for kind, _ in reading.handler.heard] == ["failed", "closed"]


def test_the_flusher_has_its_turn_after_every_eighth_message_of_a_batch() -> None:
    many = [client_frame(TEXT, b"x")] * 20
    assert Reading([b"".join(many)]).handler.breaths == [8, 16]
    assert Reading(many).handler.breaths == []


@pytest.mark.parametrize(
    "one", [client_frame(TEXT, b"x"), client_frame(PING, b"rare")], ids=["plain", "rare"]
)
def test_the_others_have_their_turn_however_much_comes_at_once(one: bytes) -> None:
    class WatchedReading(Reading):
        async def _read(self) -> None:
            self.turns: list[int] = []
            watching = asyncio.create_task(self._watch())
            await super()._read()
            watching.cancel()

        async def _watch(self) -> None:
            while True:
                self.turns.append(len(self.handler.heard))
                await asyncio.sleep(0)

    reading = WatchedReading([one * 1000])
    turns = [*reading.turns, len(reading.handler.heard)]
    assert turns[-1] > 1000
    assert max(after - before for before, after in itertools.pairwise(turns)) < 200


def a_reader() -> tuple[Any, RecordingHandler]:
    """A reader and what it is heard by, with nothing to read."""
    handler: Any = RecordingHandler()
    handler.max_message_size = 1_000_000
    reader = BatchReader(handler)
    reader.stream = ScriptedStream([])
    reader.outbox = reader.flusher = handler
    reader.floods = Floods(clock=lambda: 0.0)
    reader.traffic = Traffic()
    reader.on_messages = handler.on_messages
    reader.settled = reader.on_part = lambda: None
    reader.incomplete = Incomplete(1_000_000)
    return reader, handler


def test_a_reader_has_no_attributes_beside_its_slots_and_those_of_tornado() -> None:
    async def take() -> Any:
        reader, _ = a_reader()
        whole, begun = client_frame(TEXT, b"whole"), client_frame(TEXT, b"begun", final=False)
        assert not reader._take(whole + client_frame(PING, b"") + begun)
        return reader

    tornado: Any = SimpleNamespace()
    WebSocketProtocol.__init__(tornado, RecordingHandler())
    assert vars(asyncio.run(take())).keys() == vars(tornado).keys()


def test_of_many_connections_that_flood_one_alone_has_a_turn_in_each_tick() -> None:
    many = client_frame(TEXT, b"x") * 1000

    async def flood(reader: Any) -> None:
        pauses = reader._take(many)
        while pauses:
            unfinished, reader._unfinished = reader._unfinished, None
            await unfinished
            pauses = reader._walk()

    async def flood_all() -> list[int]:
        readers, handlers = zip(*(a_reader() for _ in range(8)), strict=True)
        shared = Floods(clock=itertools.count(0, 0.001).__next__)  # all time is spent at once
        for reader in readers:
            reader.floods = shared
        floods = asyncio.gather(*(flood(reader) for reader in readers))
        heard = []
        while not floods.done():
            await asyncio.sleep(0)
            heard.append(sum(len(handler.heard) for handler in handlers))
        return heard

    heard = asyncio.run(flood_all())
    assert heard[-1] == 8 * 1000
    # As they came, each had a few; from then on only one of them in each tick.
    assert max(after - before for before, after in itertools.pairwise(heard)) <= 128


def test_a_long_message_counts_for_many() -> None:
    async def take_two() -> int:
        reader, handler = a_reader()
        reader.floods = Floods(clock=itertools.count(0, 0.001).__next__)
        assert not reader.floods.over()  # by now some of the time is spent
        assert reader._take(client_frame(TEXT, b"x" * 30_000) * 2)
        return len(handler.heard)

    assert asyncio.run(take_two()) == 1


@pytest.mark.parametrize("length", [1, 1000, 30_000, 900_000])
def test_who_says_little_waits_for_one_turn_of_all_that_flood(length: int) -> None:
    message = client_frame(TEXT, b"x" * length)
    little = client_frame(TEXT, b"little")

    async def flood_all() -> tuple[int, int]:
        async def read(name: int, end: socket.socket) -> None:
            def take(chunk: bytes) -> bool:
                received.append(name)
                return BatchReader._take(reader, chunk)

            reader, _ = a_reader()
            reader.floods = shared
            reader.stream = PlainStream(end)
            reader.on_messages = lambda opcode, messages: heard.extend(name for _ in messages)
            reader._take = take
            await reader._receive_frame_loop()

        heard, received = list[int](), list[int]()
        shared = Floods(clock=itertools.count(0, 0.001).__next__)  # all time is spent at once
        pairs = [socket.socketpair() for _ in range(9)]
        reading = [asyncio.create_task(read(name, ours)) for name, (ours, _) in enumerate(pairs)]
        for _, theirs in pairs[:8]:
            theirs.setblocking(False)
            with suppress(BlockingIOError):
                theirs.send(message * min(1000, -(-1_000_000 // len(message))))
        while not shared.crowded:
            await asyncio.sleep(0)
        for _ in range(5):
            await asyncio.sleep(0)
        before, received_before = len(heard), len(received)
        pairs[8][1].send(little)
        while 8 not in heard:
            await asyncio.sleep(0)
        between = heard.index(8) - before, received.index(8) - received_before
        for _, theirs in pairs:
            theirs.close()
        await asyncio.gather(*reading)
        return between

    messages, chunks = asyncio.run(flood_all())
    assert messages <= 8
    assert chunks <= 2


def test_the_begun_part_of_a_long_message_counts_also_while_it_waits_for_a_turn() -> None:
    message = client_frame(TEXT, b"x" * 300_000)
    pieces = [message[start : start + 65536] for start in range(0, len(message), 65536)]
    held = []

    async def read() -> list[tuple[str, Any]]:
        reader, handler = a_reader()
        reader.floods = Floods(clock=itertools.count(0, 0.001).__next__)
        reader.stream = ScriptedStream(pieces)

        def note() -> None:
            held.append(reader.incomplete.byte_count)
            reader.floods.over()  # by now the time of this tick is spent

        reader.on_part = note
        await reader._receive_frame_loop()
        return handler.heard

    heard = asyncio.run(read())
    assert [kind for kind, _ in heard] == ["message", "closed"]
    assert held[0] == 0
    assert all(before > 65_000 for before in held[1:])


@pytest.mark.parametrize("by_turns", [True, False])
def test_nothing_of_a_flood_is_lost_or_out_of_order(by_turns: bool) -> None:
    count = 3_000

    async def flood() -> tuple[list[Any], int]:
        reader, handler = a_reader()
        if by_turns:
            reader.floods = Floods(clock=itertools.count(0, 0.001).__next__)
        ours, theirs = socket.socketpair()
        reader.stream = PlainStream(ours)
        reading = asyncio.create_task(reader._receive_frame_loop())
        many = b"".join(client_frame(TEXT, b"%d" % number) for number in range(count))
        await asyncio.to_thread(theirs.sendall, many)
        theirs.close()
        await reading
        return [message for kind, message in handler.heard if kind == "message"], ours.fileno()

    heard, descriptor = asyncio.run(flood())
    assert heard == [str(number) for number in range(count)]
    assert descriptor == -1


class Silent(ScriptedStream):
    """A socket of a peer that takes nothing, until the test says so."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        super().__init__(pieces)
        self.untaken: list[asyncio.Future[None]] = []

    def write(self, data: bytes) -> asyncio.Future[None]:
        self.written += data
        self.untaken.append(asyncio.get_running_loop().create_future())
        return self.untaken[-1]


def test_a_peer_that_takes_no_pong_is_owed_the_newest_alone() -> None:
    async def flood() -> None:
        reader, _ = a_reader()
        reader.stream = stream = Silent([])
        reader._take(b"".join(client_frame(PING, b"%d" % number) for number in range(100)))
        assert frames_in(stream.written) == [(PONG, b"0")]
        stream.untaken[0].set_result(None)
        await asyncio.sleep(0)
        assert frames_in(stream.written) == [(PONG, b"0"), (PONG, b"99")]
        stream.untaken[1].set_result(None)
        await asyncio.sleep(0)
        reader._take(client_frame(PING, b"again"))
        assert frames_in(stream.written)[2:] == [(PONG, b"again")]

    asyncio.run(flood())


def test_nothing_is_said_behind_a_close_frame() -> None:
    async def close_first() -> None:
        reader, handler = a_reader()
        reader.stream = stream = ScriptedStream([])
        reader.close(4408, "x" * 100 + "€" * 100)
        reader.close(1000)
        reader._take(client_frame(TEXT, b"late") + client_frame(PING, b"?") + close_frame(4408))
        ((opcode, content),) = frames_in(stream.written)
        assert (opcode, content[:2]) == (CLOSE, struct.pack(">H", 4408))
        assert len(content) <= 125
        assert content[2:].decode() == "x" * 100 + "€" * 7
        assert handler.heard == [("ping", b"?"), ("closed", (4408, ""))]
        reader._abort()  # ends the timer

    asyncio.run(close_first())


def test_tornados_reader_does_where_a_name_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert available()
    monkeypatch.setattr("driftdb_jupyter.server.receiving.reader.mask", None)
    assert not available()
    monkeypatch.undo()
    monkeypatch.setattr(BatchReader, "__abstractmethods__", frozenset({"something_new"}))
    assert not available()
