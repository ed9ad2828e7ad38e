"""The batch reader gives what Tornado's own reader gives, however the bytes arrive.

The cases are those that a server is tried with (``tests/rfc6455``), with and without masks.
"""

from __future__ import annotations

import asyncio
import random
import struct
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from tornado.ioloop import IOLoop
from tornado.iostream import StreamClosedError
from tornado.websocket import WebSocketProtocol13, _WebSocketParams

from driftdb_jupyter.client.transport.batch_socket import BatchSocket, _BatchProtocol

from ...rfc6455.case import LIMIT_BYTES
from ...rfc6455.cases import CASES
from ...rfc6455.frames import CLOSE, CONTINUATION, PING, TEXT, client_frame, frames_in

SENT = {name: case.sent for name, case in CASES.items() if case.offers is None}


class Pieces:
    """A stream whose bytes arrive in just these pieces, as Tornado's ``IOStream`` gives them."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter([piece for piece in pieces if piece])
        self._arrived = b""
        self._closed = False
        self.io_loop = IOLoop.current()
        self.written: list[bytes] = []

    def read_bytes(self, count: int, partial: bool = False) -> asyncio.Future[bytes]:
        return asyncio.ensure_future(self._read(count, partial))

    async def _read(self, count: int, partial: bool) -> bytes:
        while not self._closed and len(self._arrived) < (1 if partial else count):
            piece = next(self._pieces, None)
            if piece is None:
                self._closed = True
            else:
                self._arrived += piece
        if self._closed:
            raise StreamClosedError
        found, self._arrived = self._arrived[:count], self._arrived[count:]
        return found

    def write(self, data: bytes) -> asyncio.Future[None]:
        if self._closed:
            raise StreamClosedError
        self.written.append(data)
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        written.set_result(None)
        return written

    def close(self) -> None:
        self._closed = True

    def closed(self) -> bool:
        return self._closed


class Delegate:
    """What a protocol tells of what it reads."""

    def __init__(self) -> None:
        self.messages: list[str | bytes] = []
        self.pings: list[bytes] = []
        self.ends: list[tuple[int | None, str | None]] = []
        self.too_long = False

    def take(self, messages: list[bytes]) -> None:
        self.messages += [message.decode() for message in messages]

    def on_message(self, message: str | bytes) -> None:
        self.messages.append(message)

    def on_ping(self, content: bytes) -> None:
        self.pings.append(content)

    def on_pong(self, content: bytes) -> None: ...

    def on_ws_connection_close(self, code: int | None, reason: str | None) -> None:
        self.ends.append((code, reason))

    def log_exception(self, *exc_info: Any) -> None:
        raise AssertionError from exc_info[1]


def read(kind: type[WebSocketProtocol13], pieces: Iterable[bytes]) -> dict[str, Any]:
    """All that can be seen of a reader: messages, pings, the end, and what it sent."""

    async def work() -> dict[str, Any]:
        delegate, stream = Delegate(), Pieces(pieces)
        handler: Any = delegate
        parameters = _WebSocketParams(max_message_size=LIMIT_BYTES)
        protocol = kind(handler, mask_outgoing=False, params=parameters)
        anything: Any = stream
        protocol.stream = anything
        error = None
        try:
            await protocol._receive_frame_loop()
        except Exception as raised:
            error = type(raised)
        written = frames_in(b"".join(stream.written))
        return {
            "messages": delegate.messages,
            "pings": delegate.pings,
            "ends": delegate.ends,
            "written": written,
            "terminated": (protocol.client_terminated, protocol.server_terminated),
            "closed": stream.closed(),
            "error": error,
            "too long": delegate.too_long,
        }

    return asyncio.run(work())


def unmasked(sent: bytes) -> bytes:
    """The same frames as a server sends them; what follows a cut or a false length stays."""
    found, position = b"", 0
    while len(sent) - position >= 2:
        length, start = sent[position + 1] & 0x7F, position + 2
        size = {126: 2, 127: 8}.get(length, 0)
        if size:
            length = int.from_bytes(sent[start : start + size], "big")
            start += size
        if not sent[position + 1] & 0x80 or start + 4 + length > len(sent):
            break
        mask = sent[start : start + 4] * (length // 4 + 1)
        content = bytes(
            a ^ b for a, b in zip(sent[start + 4 : start + 4 + length], mask, strict=False)
        )
        found += sent[position : position + 1] + bytes((sent[position + 1] & 0x7F,))
        found += sent[position + 2 : start] + content
        position = start + 4 + length
    return found + sent[position:]


def cuts(sent: bytes) -> Iterator[list[bytes]]:
    """Ways in which bytes may arrive: at once, cut once near the start, byte by byte, at random."""
    yield [sent[at : at + 65_536] for at in range(0, len(sent), 65_536)]
    for at in range(1, min(len(sent), 16)):
        yield [sent[:at], sent[at:]]
    if len(sent) < 1000:
        yield [sent[at : at + 1] for at in range(len(sent))]
    places = random.Random(sent)
    for _ in range(3):
        ends = sorted(places.randrange(len(sent) + 1) for _ in range(4))
        yield [sent[a:b] for a, b in zip([0, *ends], [*ends, len(sent)], strict=True)]


@pytest.mark.parametrize("name", SENT)
def test_it_reads_what_tornado_reads(name: str) -> None:
    for sent in (unmasked(SENT[name]), SENT[name]):
        expected = read(WebSocketProtocol13, [sent])
        del expected["too long"]  # Tornado doesn't tell
        for pieces in cuts(sent):
            found = read(_BatchProtocol, pieces)
            too_long = [content[:2] for opcode, content in found["written"] if opcode == CLOSE]
            assert found.pop("too long") == (too_long == [struct.pack(">H", 1009)])
            assert found == expected, [len(piece) for piece in pieces]


def frame(opcode: int, content: bytes, *, final: bool = True) -> bytes:
    """A frame of a server."""
    return client_frame(opcode, content, final=final, masked=False)


def test_many_messages_with_others_in_between_come_in_their_order() -> None:
    sent = b"".join(
        (
            *(frame(TEXT, b"%d" % number) for number in range(100)),
            frame(TEXT, "ä".encode()[:1], final=False),
            frame(PING, b"ping"),
            frame(CONTINUATION, "ä".encode()[1:]),
            *(frame(TEXT, b"%d" % number) for number in range(100, 200)),
            frame(CLOSE, struct.pack(">H", 4408) + b"too slow"),
            frame(TEXT, b"behind the close"),
        )
    )
    numbers = list(map(str, range(200)))
    for pieces in cuts(sent):
        found = read(_BatchProtocol, pieces)
        assert found["messages"] == [*numbers[:100], "ä", *numbers[100:]]
        assert found["pings"] == [b"ping"]
        assert found["ends"] == [(4408, "too slow")]


def test_a_close_frame_whose_reason_is_no_text_is_the_end_all_the_same() -> None:
    sent = frame(TEXT, b"before") + frame(CLOSE, struct.pack(">H", 4408) + b"\xff")
    found = read(_BatchProtocol, [sent])
    assert (found["messages"], found["ends"]) == (["before"], [(4408, None)])


class Client(BatchSocket):
    """A socket that was opened, without a server."""

    def __init__(self, *before: bytes) -> None:
        self._messages = list(before)
        self._on_message_callback = self._take_one
        self._hear = None
        self._end = asyncio.get_running_loop().create_future()


def test_what_came_before_somebody_received_is_heard_first_and_after_the_end_too() -> None:
    async def work() -> list[Any]:
        heard: list[Any] = []
        client = Client(b"1", b"2")
        client.on_message(b"3")
        client._take_one(None)
        await client.receive(lambda messages: heard.extend(messages))
        return heard

    assert asyncio.run(work()) == [b"1", b"2", b"3"]


def test_an_error_of_who_receives_is_raised_and_nothing_more_is_heard() -> None:
    async def work(client: Client) -> list[Any]:
        heard: list[Any] = []

        def hear(messages: Any) -> None:
            heard.extend(messages)
            raise ZeroDivisionError

        receiving = asyncio.create_task(client.receive(hear))
        await asyncio.sleep(0)
        client.take([b"1", b"2"])
        client.take([b"3"])
        with pytest.raises(ZeroDivisionError):
            await receiving
        return heard

    async def both() -> tuple[list[Any], list[Any]]:
        return await work(Client()), await work(Client(b"0"))

    assert asyncio.run(both()) == ([b"1", b"2"], [b"0"])


def test_no_two_frames_have_one_mask() -> None:
    async def masks() -> list[bytes]:
        client = Client()
        client._masks = b""
        return [client._mask() for _ in range(300)]

    found = asyncio.run(masks())
    assert {len(mask) for mask in found} == {4}
    assert len(set(found)) > 290


class AtOnce(Pieces):
    """A stream that has the next piece whenever it is read, as of a server that never pauses."""

    def read_bytes(self, count: int, partial: bool = False) -> asyncio.Future[bytes]:
        read: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        piece = next(self._pieces, None)
        if piece is None:
            read.set_exception(StreamClosedError())
        else:
            read.set_result(piece)
        return read


@pytest.mark.parametrize("length", [1, 65_532])
def test_while_messages_come_without_a_pause_others_have_their_turn(length: int) -> None:
    async def work() -> list[int]:
        seen: list[int] = []
        delegate, stream = Delegate(), AtOnce([frame(TEXT, b"x" * length)] * 20)
        handler: Any = delegate
        parameters = _WebSocketParams(max_message_size=2**20)
        protocol = _BatchProtocol(handler, mask_outgoing=True, params=parameters)
        anything: Any = stream
        protocol.stream = anything

        async def other() -> None:
            while not delegate.ends:
                seen.append(len(delegate.messages))
                await asyncio.sleep(0)

        await asyncio.gather(protocol._receive_frame_loop(), other())
        return seen

    assert len(set(asyncio.run(work()))) > 3


@pytest.mark.parametrize("length", [LIMIT_BYTES, LIMIT_BYTES + 1])
def test_what_is_longer_than_it_may_be_is_told_as_that(length: int) -> None:
    for pieces in cuts(frame(TEXT, b"before") + frame(TEXT, b"x" * length)):
        found = read(_BatchProtocol, pieces)
        assert found["too long"] == (length > LIMIT_BYTES)
        assert [len(each) for each in found["messages"]] == [6, length][: 2 - found["too long"]]
