"""A plain socket in the place of Tornado's stream, on real sockets."""

from __future__ import annotations

import asyncio
import gc
import socket
import struct
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing
from functools import partial
from time import sleep
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from tornado.http1connection import HTTP1Connection, HTTP1ServerConnection
from tornado.iostream import IOStream, SSLIOStream, StreamClosedError

from driftdb_jupyter.server.http.handlers import Connect
from driftdb_jupyter.server.sending.backlog import Backlog
from driftdb_jupyter.server.sending.plain_stream import PlainStream

from ...conformance.peer import fetch
from ...conformance.servers import Server, standalone

pytestmark = pytest.mark.asyncio

RESET_ON_CLOSE = struct.pack("ii", 1, 0)


def connected() -> tuple[socket.socket, socket.socket]:
    """Both ends of a TCP connection, the second of which does not block."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        far = socket.create_connection(server.getsockname())
        near, _ = server.accept()
    far.setblocking(False)
    return near, far


class Ends:
    """A stream and the far end of its connection."""

    def __init__(self) -> None:
        near, self.far = connected()
        self.stream = PlainStream(near)
        self.chunks: list[bytes] = []

    def take(self, chunk: bytes) -> bool:
        self.chunks.append(chunk)
        return chunk.endswith(b".")

    async def send(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self.far, data)

    def arrived(self) -> bytes:
        try:
            return self.far.recv(65536)
        except BlockingIOError:
            return b""

    async def read(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            data += await asyncio.get_running_loop().sock_recv(self.far, count - len(data))
        return data


@pytest_asyncio.fixture
async def ends() -> AsyncIterator[Ends]:
    ends = Ends()
    yield ends
    ends.stream.close()
    ends.far.close()


async def tick(times: int = 5) -> None:
    for _ in range(times):
        await asyncio.sleep(0)


class TestReading:
    async def test_what_arrives_is_handed_over_until_it_is_enough(self, ends: Ends) -> None:
        reading = ends.stream.receive(ends.take)
        await ends.send(b"one")
        await tick()
        assert (ends.chunks, reading.done()) == ([b"one"], False)
        await ends.send(b"two.")
        await reading
        assert ends.chunks == [b"one", b"two."]

    async def test_nothing_is_read_until_it_is_asked_for_again(self, ends: Ends) -> None:
        await ends.send(b"1.")
        await ends.stream.receive(ends.take)
        await ends.send(b"2.")
        await tick()
        assert ends.chunks == [b"1."]
        await ends.send(b"3.")
        await ends.stream.receive(ends.take)
        assert ends.chunks == [b"1.", b"2.3."]

    async def test_a_peer_that_always_has_more_to_say_leaves_turns_to_others(
        self, ends: Ends
    ) -> None:
        turns = 0

        def take(chunk: bytes) -> bool:
            ends.chunks.append(chunk)
            asyncio.get_running_loop().call_soon(turn)
            assert turns == len(ends.chunks) - 1
            return sum(map(len, ends.chunks)) >= 500_000

        def turn() -> None:
            nonlocal turns
            turns += 1

        sending = asyncio.create_task(ends.send(bytes(500_000)))
        await ends.stream.receive(take)
        await sending
        assert max(map(len, ends.chunks)) <= 65536

    async def test_one_that_was_answered_is_looked_at_again_but_not_for_ever(
        self, ends: Ends
    ) -> None:
        turns: list[int] = []

        def answer(chunk: bytes) -> bool:
            asyncio.get_running_loop().call_soon(lambda: turns.append(len(ends.chunks)))
            ends.chunks.append(chunk)
            ends.stream.send(b"?")
            if len(ends.chunks) < 10:
                ends.far.send(b"answer")
            return len(ends.chunks) == 10

        reading = ends.stream.receive(answer)
        await ends.send(b"first")
        await reading
        assert ends.chunks == [b"first"] + [b"answer"] * 9
        assert {4, 8} <= set(turns)

    async def test_who_takes_may_fail(self, ends: Ends) -> None:
        def take(chunk: bytes) -> bool:
            raise LookupError(chunk)

        reading = ends.stream.receive(take)
        await ends.send(b"what")
        with pytest.raises(LookupError, match="what"):
            await reading
        assert not ends.stream.closed()

    async def test_who_takes_may_close(self, ends: Ends) -> None:
        def take(chunk: bytes) -> bool:
            ends.stream.close()
            return True

        reading = ends.stream.receive(take)
        await ends.send(b"enough")
        with pytest.raises(StreamClosedError):
            await reading

    async def test_whom_nobody_awaits_any_more_is_not_read(self, ends: Ends) -> None:
        reading = ends.stream.receive(ends.take)
        reading.cancel()
        await ends.send(b"late.")
        await tick()
        assert ends.chunks == []


def half_close(far: socket.socket) -> None:
    far.shutdown(socket.SHUT_WR)


def close(far: socket.socket) -> None:
    far.close()


def reset(far: socket.socket) -> None:
    far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    far.close()


class TestTheEnd:
    @pytest.mark.parametrize("end", [half_close, close, reset])
    async def test_it_comes_with_the_peers(
        self, ends: Ends, end: Callable[[socket.socket], None]
    ) -> None:
        reading = ends.stream.receive(ends.take)
        end(ends.far)
        with pytest.raises(StreamClosedError):
            await reading
        assert ends.stream.closed()
        with pytest.raises(StreamClosedError):
            await ends.stream.receive(ends.take)
        with pytest.raises(StreamClosedError):
            ends.stream.write(b"late")
        assert ends.stream.send(b"late") == 0

    @pytest.mark.parametrize("end", [close, reset])
    async def test_it_is_met_by_a_write_where_nobody_reads(
        self, ends: Ends, end: Callable[[socket.socket], None]
    ) -> None:
        written = ends.stream.write(bytes(20_000_000))
        await tick()
        end(ends.far)
        with pytest.raises(StreamClosedError):
            await written
        assert ends.stream.closed()

    async def test_closing_lets_go_of_the_socket_and_of_who_waits(self, ends: Ends) -> None:
        reading = ends.stream.receive(ends.take)
        written = ends.stream.write(bytes(20_000_000))
        ends.stream.close()
        ends.stream.close()
        for future in (reading, written):
            with pytest.raises(StreamClosedError):
                await future
        assert not ends.stream.writing()
        assert ends.stream.socket.fileno() == -1


class TestWriting:
    async def test_a_peer_that_does_not_read_leaves_it_waiting_in_order(self, ends: Ends) -> None:
        pieces = [bytes([number]) * 1_000_000 for number in range(20)]
        sent = ends.stream.send(pieces[0])
        assert sent > 0
        written = [ends.stream.write(data) for data in (pieces[0][sent:], *pieces[1:])]
        assert ends.stream.writing()
        await tick()
        assert not written[-1].done()
        first = b"".join(iter(ends.arrived, b""))  # there is room now
        assert ends.stream.send(b"never before them") == 0
        assert first + await ends.read(20_000_000 - len(first)) == b"".join(pieces)
        await asyncio.gather(*written)
        assert not ends.stream.writing()
        assert ends.stream.send(b"again") == 5

    async def test_every_byte_that_the_kernel_has_taken_is_counted(self, ends: Ends) -> None:
        assert ends.stream.send(b"at once") == ends.stream.bytes_sent == 7
        ends.stream.write(bytes(20_000_000))
        before = ends.stream.bytes_sent
        assert 7 < before < 20_000_007
        read = await ends.read(15_000_000)
        while ends.stream.bytes_sent < len(read):
            await tick()
        assert before < ends.stream.bytes_sent <= 20_000_007
        await ends.read(5_000_007)
        await tick()
        assert ends.stream.bytes_sent == 20_000_007

    async def test_a_waiting_write_does_not_keep_it_from_reading(self, ends: Ends) -> None:
        written = ends.stream.write(bytes(20_000_000))
        await ends.send(b"question.")
        await ends.stream.receive(ends.take)
        assert ends.chunks == [b"question."]
        assert not written.done()


class TestTakingOver:
    async def test_what_tornado_had_read_comes_along(self) -> None:
        near, far = connected()
        old = IOStream(near)
        with closing(far):
            far.send(b"head\nrest")
            assert await old.read_until(b"\n") == b"head\n"
            taken = PlainStream.take_over(old)
            assert taken is not None
            stream, first = taken
            old.close()  # has nothing to do with the socket any more
            assert first == b"rest"
            far.send(b"more")
            chunks: list[bytes] = []
            await stream.receive(lambda chunk: not chunks.append(chunk))  # type: ignore[func-returns-value]
            assert chunks == [b"more"]
            assert stream.send(b"answer") == 6
            stream.set_nodelay(True)
            stream.close()

    async def test_a_stream_that_waits_for_its_peer_is_taken(self) -> None:
        near, far = connected()
        taken = PlainStream.take_over(IOStream(near))
        assert taken is not None
        stream, first = taken
        assert first == b""
        stream.close()
        far.close()

    async def test_a_closed_a_writing_and_a_tls_stream_stay_tornados(self) -> None:
        near, far = connected()
        stream = IOStream(near)
        stream.write(bytes(20_000_000)).add_done_callback(lambda future: future.exception())
        assert PlainStream.take_over(stream) is None
        stream.close()
        assert PlainStream.take_over(stream) is None
        tls: Any = SSLIOStream.__new__(SSLIOStream)
        assert PlainStream.take_over(tls) is None
        far.close()

    async def test_a_peer_that_has_gone_already_is_left_to_tornado(self) -> None:
        near, far = connected()
        stream = IOStream(near)
        far.close()
        await tick()
        assert PlainStream.take_over(stream) is None
        assert stream.closed()


KINDS = (Connect, HTTP1Connection, HTTP1ServerConnection, IOStream, PlainStream)


def alive() -> dict[int, object]:
    """What there is of these kinds, by its identity."""
    gc.collect()
    return {id(it): it for it in gc.get_objects() if isinstance(it, KINDS)}


def handshake(server: Server, room: str) -> socket.socket:
    """A socket that has joined a room, with nothing of Tornado's on this side."""
    address = urlsplit(server.root)
    joined = socket.create_connection((address.hostname, address.port or 80))
    joined.sendall(
        b"GET /room/%b/connect HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
        b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n" % room.encode()
    )
    assert joined.recv(12).endswith(b" 101")
    return joined


@pytest.mark.parametrize("end", [half_close, close, reset])
async def test_no_connection_leaves_anything_behind(
    end: Callable[[socket.socket], None],
) -> None:
    with standalone() as server:
        answer = await fetch(server.root + "new", method="POST")
        before = server.run(alive)  # of other servers in this process
        joined = [handshake(server, answer.json["room"]) for _ in range(10)]
        new = _new(server, before)
        connects = [name for name in new.elements() if name.endswith("Connect")]
        assert (len(connects), new["PlainStream"]) == (10, 10)
        # Tornado's stream and what served the request end with the handshake.
        await _until(lambda: not {"IOStream", "HTTP1ServerConnection"} & set(_new(server, before)))
        for far in joined:
            end(far)
        await _until(lambda: not _new(server, before))
        for far in joined:
            far.close()


def _new(server: Server, before: dict[int, object]) -> Counter[str]:
    new = server.run(alive).items()
    return Counter(type(it).__name__ for number, it in new if number not in before)


async def _until(condition: Callable[[], bool]) -> None:
    async def poll() -> None:
        while not condition():
            await asyncio.sleep(0.01)

    await asyncio.wait_for(poll(), 60)


async def test_what_is_made_for_many_is_made_a_little_in_each_turn_of_the_loop() -> None:
    made = 0

    def pieces() -> Iterator[bytes]:
        nonlocal made
        for _ in range(20):
            made += 1
            sleep(0.001)
            yield b"x" * 1000

    backlog, many = Backlog(), [Ends() for _ in range(20)]
    ended: list[int] = []
    for number, ends in enumerate(many):
        ends.stream.backlog = backlog
        ends.stream.put_pieces(pieces(), partial(ended.append, number))
    while len(ended) < len(many):
        before = made
        await asyncio.sleep(0)
        assert made - before <= 8
    for ends in many:
        assert await ends.read(20_000) == b"x" * 20_000
        ends.stream.close()
        ends.far.close()
