"""The bad network does what it says, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from itertools import islice
from random import Random

import pytest
import pytest_asyncio

from .proxy import FAULTS, Link, Proxy, forecast, proxying

pytestmark = pytest.mark.asyncio
ALL_BYTES = bytes(range(256)) * 64


class Line:
    """A proxy between a client and a server that a test holds both ends of."""

    def __init__(self, proxy: Proxy, accepted: asyncio.Queue[End]) -> None:
        self.proxy = proxy
        self._accepted = accepted

    async def open(self) -> tuple[End, End, Link]:
        """A client's end, the server's end, and what is between them."""
        linked: asyncio.Queue[Link] = asyncio.Queue()
        self.proxy.on_link = linked.put_nowait
        client = End(*await asyncio.open_connection("127.0.0.1", self.proxy.port))
        return client, await self._accepted.get(), await linked.get()


class End:
    """One end of a connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def hears(self, expected: bytes) -> None:
        assert await asyncio.wait_for(self.reader.readexactly(len(expected)), 60) == expected

    async def hears_nothing(self) -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(self.reader.read(1), 0.1)

    async def all(self) -> bytes:
        return await asyncio.wait_for(self.reader.read(), 60)


@pytest_asyncio.fixture
async def line() -> AsyncIterator[Line]:
    accepted: asyncio.Queue[End] = asyncio.Queue()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted.put_nowait(End(reader, writer))
        with suppress(asyncio.CancelledError, OSError):
            await writer.wait_closed()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with proxying(f"http://127.0.0.1:{port}/") as proxy:
        yield Line(proxy, accepted)
    server.close()


async def test_without_a_fault_all_bytes_and_both_ends_come_through(line: Line) -> None:
    client, server, _ = await line.open()
    client.writer.write(ALL_BYTES)
    client.writer.write_eof()
    assert await server.all() == ALL_BYTES
    server.writer.write(ALL_BYTES)  # the other direction is still open
    server.writer.close()
    assert await client.all() == ALL_BYTES
    client.writer.close()


async def test_a_cut_ends_both_sides_behind_the_very_byte(line: Line) -> None:
    client, server, link = await line.open()
    link.up.limit = 7
    client.writer.write(b"0123456789")
    await link.up.at_limit.wait()
    cut = asyncio.ensure_future(link.cut())
    assert await server.all() == b"0123456"
    assert await client.all() == b""
    server.writer.write(b"too late, and no reason for a reset")
    await server.writer.drain()
    client.writer.close()
    server.writer.close()
    await cut


async def test_a_reset_breaks_both_sides_off(line: Line) -> None:
    client, server, link = await line.open()
    link.reset()
    for end in (client, server):
        with pytest.raises(ConnectionResetError):
            await end.all()
        end.writer.close()


async def test_a_stalled_direction_waits_and_loses_nothing(line: Line) -> None:
    client, server, link = await line.open()
    link.up.stalled = True
    client.writer.write(b"later")
    await server.hears_nothing()
    server.writer.write(b"now")
    await client.hears(b"now")
    link.up.stalled = False
    await server.hears(b"later")
    client.writer.close()
    server.writer.close()


async def test_a_stalled_direction_makes_its_writer_wait(line: Line) -> None:
    client, server, link = await line.open()
    link.down.stalled = True
    server.writer.transport.set_write_buffer_limits(0)
    server.writer.write(b"x" * 8_000_000)
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(server.writer.drain(), 0.2)
    link.reset()
    client.writer.close()
    server.writer.close()


async def test_a_half_open_link_swallows_everything_and_tells_nobody_of_an_end(line: Line) -> None:
    client, server, link = await line.open()
    link.up.swallows = link.down.swallows = True
    client.writer.write(b"is anybody there?")
    server.writer.write(b"are you?")
    await server.hears_nothing()
    await client.hears_nothing()
    client.writer.close()
    await server.hears_nothing()
    server.writer.close()


async def test_halved_writes_arrive_in_pieces_and_whole(line: Line) -> None:
    client, server, link = await line.open()
    link.up.halving = Random(1)
    client.writer.write(ALL_BYTES)
    first = await server.reader.read(len(ALL_BYTES))
    assert 0 < len(first) < len(ALL_BYTES)
    await server.hears(ALL_BYTES[len(first) :])
    client.writer.close()
    server.writer.close()


async def test_a_rate_lets_so_many_bytes_pass_in_a_second(line: Line) -> None:
    client, server, link = await line.open()
    link.up.rate = 10_000
    began = asyncio.get_running_loop().time()
    client.writer.write(b"x" * 3000)
    await server.hears(b"x" * 3000)
    # The pause after the last piece is not waited for.
    assert asyncio.get_running_loop().time() - began >= 2500 / 10_000
    client.writer.close()
    server.writer.close()


async def test_a_calm_network_has_no_faults_any_more(line: Line) -> None:
    client, server, link = await line.open()
    silent, other_server, half_open = await line.open()
    link.up.stalled = half_open.up.swallows = True
    client.writer.write(b"waiting")
    line.proxy.calm()
    await server.hears(b"waiting")
    with pytest.raises(ConnectionResetError):
        await silent.all()
    for end in (client, server, silent, other_server):
        end.writer.close()


async def test_a_seed_always_foretells_the_same() -> None:
    def foretold(seed: str) -> list[object]:
        return list(islice(forecast(Random(seed)), 200))

    assert foretold("a:1") == foretold("a:1")
    assert foretold("a:1") != foretold("a:2")
    assert {strike.fault for strike in islice(forecast(Random(1)), 200)} == set(FAULTS)


async def test_with_a_seed_faults_happen_by_themselves(line: Line) -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(1000):
                writer.write(data)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with proxying(url, seed=1, faults=("cut", "reset")) as proxy:
        while len(proxy.strikes) < 2:
            reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
            with suppress(OSError):
                while True:
                    writer.write(b"x" * 1000)
                    if not await reader.read(1000):
                        break
            writer.close()
    server.close()
