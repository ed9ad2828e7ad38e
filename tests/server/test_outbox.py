"""What waits for a peer, over a real socket pair."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from tornado.iostream import IOStream

from driftdb_jupyter.protocol.frame import TEXT, frame
from driftdb_jupyter.server.outbox import Flusher, Outbox

LIMIT = 100_000


class Line:
    """An outbox, and the far end of its connection."""

    def __init__(self) -> None:
        near, self.far = socket.socketpair()
        for end in (near, self.far):
            end.setblocking(False)
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        self.stream = IOStream(near)
        self.flusher = Flusher()
        self.overflowed = 0
        connection: Any = self
        self.outbox = Outbox(
            connection,
            self.flusher,
            compressed=False,
            limit_bytes=LIMIT,
            overflowed=self._overflow,
        )

    def _overflow(self) -> None:
        self.overflowed += 1

    async def read(self, count: int) -> bytes:
        loop = asyncio.get_running_loop()
        data = b""
        while len(data) < count:
            data += await loop.sock_recv(self.far, count - len(data))
        return data

    def close(self) -> None:
        self.stream.close()
        self.far.close()


@pytest_asyncio.fixture
async def lines() -> AsyncIterator[list[Line]]:
    made: list[Line] = []
    yield made
    for line in made:
        line.close()


@pytest.mark.asyncio
async def test_the_frames_of_one_tick_arrive_in_order(lines: list[Line]) -> None:
    line = Line()
    lines.append(line)
    for number in range(5):
        line.outbox.put(frame(TEXT, b"%d" % number))
    assert await line.read(15) == b"".join(frame(TEXT, b"%d" % n) for n in range(5))


@pytest.mark.asyncio
async def test_one_frame_goes_to_all(lines: list[Line]) -> None:
    lines.extend([Line(), Line(), Line()])
    lines[0].flusher.fan_out(b"frame", [line.outbox for line in lines])
    assert [await line.read(5) for line in lines] == [b"frame"] * 3


@pytest.mark.asyncio
async def test_what_the_socket_does_not_take_follows_in_order(lines: list[Line]) -> None:
    line = Line()
    lines.append(line)
    sent = b""
    for number in range(20):
        piece = b"%d" % (number % 10) * 4000
        sent += piece
        line.outbox.put(piece)
        await asyncio.sleep(0)  # a tick for each
    assert line.stream.writing()
    assert await line.read(len(sent)) == sent
    assert line.overflowed == 0


@pytest.mark.asyncio
async def test_a_peer_that_does_not_read_overflows_past_the_limit(lines: list[Line]) -> None:
    line = Line()
    lines.append(line)
    line.outbox.put(b"x" * (LIMIT // 2))
    line.outbox.flush()
    assert line.overflowed == 0
    line.outbox.put(b"x" * LIMIT)
    line.outbox.flush()
    assert line.overflowed == 1


@pytest.mark.asyncio
async def test_an_init_alone_overflows_nobody_but_stops_reading(lines: list[Line]) -> None:
    line = Line()
    lines.append(line)
    drained = line.outbox.put_init(b"i" * (3 * LIMIT))
    assert drained is not None
    line.outbox.put(b"x" * (LIMIT // 2))
    line.outbox.flush()
    assert line.overflowed == 0
    assert not drained.done()
    await line.read(3 * LIMIT + LIMIT // 2)
    await drained
    # Now that it was read, the allowance that it brought is gone.
    line.outbox.put(b"x" * (2 * LIMIT))
    line.outbox.flush()
    assert line.overflowed == 1


@pytest.mark.asyncio
async def test_a_small_init_is_nothing_to_wait_for(lines: list[Line]) -> None:
    line = Line()
    lines.append(line)
    assert line.outbox.put_init(b"small") is None
    assert await line.read(5) == b"small"


@pytest.mark.asyncio
async def test_closing_lets_go_of_who_waits_and_of_the_frames(lines: list[Line]) -> None:
    line = Line()
    lines.append(line)
    drained = line.outbox.put_init(b"i" * (3 * LIMIT))
    assert drained is not None
    line.outbox.close()
    await drained
    line.outbox.put(b"late")
    line.outbox.flush()
    assert line.outbox == []


@pytest.mark.asyncio
async def test_a_peer_that_is_gone_closes_the_outbox_quietly(lines: list[Line]) -> None:
    line = Line()
    lines.append(line)
    line.far.close()
    for _ in range(3):
        line.outbox.put(b"x" * 5000)
        line.outbox.flush()
        await asyncio.sleep(0)
    assert line.outbox.closed or line.stream.closed()
