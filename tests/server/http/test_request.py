"""What a request is held to before, and while, its body is read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress

import pytest

from driftdb_jupyter.server.http import request as request_module

from ...conformance.servers import TOKEN, Server, jupyter, standalone

pytestmark = pytest.mark.asyncio

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def open_server() -> Iterator[Server]:
    with standalone(named_rooms=True, body_timeout_seconds=0.2, secret="opens-all") as server:
        yield server


@pytest.fixture(scope="module", params=["jupyter", "standalone"])
def server(request: pytest.FixtureRequest, open_server: Server) -> Iterator[Server]:
    if request.param == "standalone":
        yield open_server
        return
    with jupyter() as server:
        yield server


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_module, "_LINGER_SECONDS", 0.5)


class Client:
    """One connection, on which a test writes what it likes."""

    def __init__(
        self, server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._server = server
        self._reader = reader
        self._writer = writer

    async def head(self, method: str, path: str, *headers: str, authorized: bool = True) -> None:
        """Send the head of a request."""
        token = [f"Authorization: token {TOKEN}"] if authorized else []
        root = "/" + self._server.root.split("/", 3)[3]
        lines = [f"{method} {root}{path} HTTP/1.1", "Host: localhost", *token, *headers, "", ""]
        await self.body("\r\n".join(lines).encode())

    async def body(self, data: bytes) -> None:
        """Send something more."""
        self._writer.write(data)
        await self._writer.drain()

    async def status(self) -> int:
        """Read an answer."""
        line = await self._line()
        length = 0
        while header := (await self._line()).strip():
            name, _, value = header.partition(b": ")
            length = int(value) if name.lower() == b"content-length" else length
        await self._reader.readexactly(length)
        return int(line.split()[1])

    async def is_cut_off(self) -> None:
        """Wait until the server has closed the connection, or reset it."""
        with suppress(ConnectionError):
            assert await asyncio.wait_for(self._reader.read(), 60) == b""

    async def _line(self) -> bytes:
        return await asyncio.wait_for(self._reader.readline(), 60)


@asynccontextmanager
async def connected(server: Server) -> AsyncIterator[Client]:
    host, _, port = server.root.split("/")[2].partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield Client(server, reader, writer)
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def holds(server: Server, enough: Callable[[int], bool]) -> None:
    """Wait until the server's own account of its memory is so."""
    while not enough(server.hub.memory.used_bytes):
        await asyncio.sleep(0.005)


@pytest.mark.parametrize("how", [f"Content-Length: {98 * MIB}", "Content-Length: 5000"])
@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "new"), ("GET", "health"), ("GET", "room/a"), ("GET", "driftdb.js")],
)
async def test_a_body_that_nobody_needs_is_refused_before_it_comes(
    server: Server, method: str, path: str, how: str
) -> None:
    if server.jupyter and path == "health":
        return
    async with connected(server) as client:
        await client.head(method, path, how)
        assert await client.status() == 413
        await client.is_cut_off()


async def test_what_is_not_there_takes_no_body_either(open_server: Server) -> None:
    async with connected(open_server) as client:
        await client.head("PUT", "nothing/here", f"Content-Length: {98 * MIB}")
        assert await client.status() == 413
    async with connected(open_server) as client:
        await client.head("POST", "nothing/here", "Content-Length: 10")
        await client.body(b"x" * 10)
        assert await client.status() == 404


async def test_a_message_that_is_far_too_long_is_refused_before_it_comes(server: Server) -> None:
    async with connected(server) as client:
        await client.head("POST", "room/a/send", f"Content-Length: {98 * MIB}")
        assert await client.status() == 413


async def test_a_body_of_no_declared_length_is_cut_off_at_its_bound(server: Server) -> None:
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    for path in ("new", "room/a/send"):
        async with connected(server) as client:
            await client.head("POST", path, "Transfer-Encoding: chunked")
            with pytest.raises(ConnectionError):
                await client.body(chunk * (98 * 16))
            assert server.hub.memory.used_bytes < 16 * MIB


async def test_a_small_body_that_nobody_needs_is_passed_over(server: Server) -> None:
    async with connected(server) as client:
        for headers, body in (
            (["Content-Length: 2"], b"{}"),
            (["Transfer-Encoding: chunked"], b"2\r\n{}\r\n0\r\n\r\n"),
            (["Transfer-Encoding: chunked"], b"0\r\n\r\n"),
        ):
            await client.head("POST", "new", *headers)
            await client.body(body)
            assert await client.status() == 200


async def test_an_answer_before_the_body_is_heard_by_a_client_that_sends_it_all_first(
    server: Server,
) -> None:
    body = b"x" * (12 * MIB)
    async with connected(server) as client:
        await client.head("POST", "room/a/send", f"Content-Length: {len(body)}")
        await client.body(body)
        assert await client.status() == 413


async def test_a_body_that_does_not_come_is_not_waited_for_for_ever(open_server: Server) -> None:
    for path in ("new", "room/a/send", "nothing/here"):
        async with connected(open_server) as client:
            await client.head("POST", path, "Content-Length: 1000")
            await client.body(b"{")
            await client.is_cut_off()


async def test_a_stranger_is_refused_before_the_body_comes() -> None:
    with jupyter() as server:
        async with connected(server) as client:
            await client.head("GET", "room/a", "Content-Length: 1000", authorized=False)
            assert await client.status() == 403


@pytest.mark.parametrize("path", ["admin/rooms/a", "admin/vacuum", "admin/check"])
async def test_the_administration_refuses_before_the_body_comes(
    open_server: Server, path: str
) -> None:
    async with connected(open_server) as client:
        await client.head("PUT" if "rooms" in path else "POST", path, f"Content-Length: {98 * MIB}")
        assert await client.status() == 403


async def test_bodies_on_their_way_are_charged_to_the_memory_of_the_server() -> None:
    with standalone(named_rooms=True, memory_limit_bytes=4 * MIB) as server:
        async with connected(server) as first, connected(server) as second:
            for client in (first, second):
                await client.head("POST", "room/a/send", f"Content-Length: {2 * MIB}")
            await first.body(b"x" * (2 * MIB - 1))
            await holds(server, lambda used: used >= 2 * MIB - 1)
            server.run(lambda: server.hub.memory.charge(3 * MIB))
            await second.body(b"x" * (2 * MIB))
            assert await second.status() == 429
            server.run(lambda: server.hub.memory.charge(-3 * MIB))
            await first.body(b"x")
            assert await first.status() == 413
        assert server.run(lambda: server.hub.memory.used_bytes) < MIB


async def test_a_message_that_is_cut_off_gives_its_memory_back() -> None:
    with standalone(named_rooms=True) as server:
        async with connected(server) as client:
            await client.head("POST", "room/a/send", f"Content-Length: {2 * MIB}")
            await client.body(b"x" * MIB)
            await holds(server, lambda used: used >= MIB)
        await holds(server, lambda used: used < MIB)


async def test_a_connection_goes_on_after_a_404_and_says_when_it_does_not(
    open_server: Server,
) -> None:
    async with connected(open_server) as client:
        for _ in range(3):
            await client.head("GET", "nothing/here")
            assert await client.status() == 404
    with standalone(request_limit_burst=1, request_limit_per_second=0.001) as server:
        async with connected(server) as client:
            await client.head("GET", "health")
            assert await client.status() == 200
            await client.head("GET", "health")
            heads = [await client._line() for _ in range(8)]
            assert b"429" in heads[0]
            assert b"Connection: close\r\n" in heads


async def test_no_answer_tells_the_servers_version(server: Server) -> None:
    async with connected(server) as client:
        await client.head("GET", "room/a")
        heads = [await client._line() for _ in range(8)]
        assert not any(line.lower().startswith(b"server:") for line in heads)
