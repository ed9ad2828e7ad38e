"""What requests over HTTP cost a server that are unfinished, slow or unread."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import psutil  # type: ignore[import-untyped]
import pytest

from ..conformance.peer import fetch
from ..faults.host import Host, hosting

pytestmark = pytest.mark.asyncio

MIB = 1024 * 1024
MOST_BYTES = 30 * MIB
SOON = ("--DriftDB.body_timeout_seconds=1", "--StandaloneServer.idle_timeout_seconds=1")

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def connections(host: Host, count: int) -> AsyncIterator[list[Streams]]:
    """Connections to a server on which nothing was said yet, with small buffers."""
    port = urlsplit(host.url).port
    opened = [await asyncio.open_connection("127.0.0.1", port, limit=1024) for _ in range(count)]
    try:
        yield opened
    finally:
        for _, writer in opened:
            writer.transport.abort()


def head(method: str, path: str, *headers: str) -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: localhost", *headers, "", ""]).encode()


async def heard_until_the_end(reader: asyncio.StreamReader) -> bytes:
    """What a server says until it ends a connection; a reset may overtake some of it."""
    heard = b""
    with suppress(ConnectionError):
        while chunk := await reader.read(65536):
            heard += chunk
    return heard


async def open_files(host: Host, most: int) -> None:
    """Wait until the server has no more connections open than that."""
    while len(psutil.Process(host.process_id).net_connections()) > most:
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("path", ["/new", "/health", "/room/a/send", "/room/a/page", "/none", "/"])
@pytest.mark.parametrize("declared", [True, False], ids=["declared", "chunked"])
async def test_bodies_that_never_end_take_no_memory(
    tmp_path: Path, path: str, declared: bool
) -> None:
    async with hosting(tmp_path) as host, connections(host, 6) as opened:
        await host.new_room()  # what is loaded for the first request is not the attack's
        before = host.memory_bytes
        how = f"Content-Length: {99 * MIB}" if declared else "Transfer-Encoding: chunked"

        async def send(writer: asyncio.StreamWriter) -> None:
            chunk = b"x" * MIB
            writer.write(head("POST", path, how))
            for _ in range(98):
                writer.write(chunk if declared else b"%x\r\n%s\r\n" % (MIB, chunk))
                await writer.drain()

        sent = await asyncio.gather(*(send(w) for _, w in opened), return_exceptions=True)
        assert all(error is None or isinstance(error, OSError) for error in sent)
        assert host.memory_bytes - before < MOST_BYTES
        assert (await host.health())["status"] == "ok"


async def test_messages_that_never_end_take_no_more_than_they_are_allowed(tmp_path: Path) -> None:
    options = ("--DriftDB.incomplete_limit_bytes=30000000", "--named-rooms")
    async with hosting(tmp_path, *options) as host, connections(host, 100) as opened:
        await host.new_room()
        before = host.memory_bytes

        async def send(writer: asyncio.StreamWriter) -> None:
            writer.write(head("POST", "/room/a/send", f"Content-Length: {2 * MIB}"))
            writer.write(b"x" * (2 * MIB - 1))
            await writer.drain()

        sent = await asyncio.gather(*(send(w) for _, w in opened), return_exceptions=True)
        assert all(error is None or isinstance(error, OSError) for error in sent)
        # Those that began first were given up for the others.
        assert await heard_until_the_end(opened[0][0]) == b""
        assert host.memory_bytes - before < 30_000_000 + MOST_BYTES
        assert (await fetch(host.url + "room/a/send", method="POST", body="{}")).status == 400


async def test_heads_that_never_end_take_little_memory(tmp_path: Path) -> None:
    async with hosting(tmp_path) as host, connections(host, 1000) as opened:
        before = host.memory_bytes
        for _, writer in opened:
            writer.write(b"GET / HTTP/1.1\r\nCookie: " + b"x" * 11_000)
            await writer.drain()
        assert (await host.health())["status"] == "ok"
        # Six times as many connections are what one address may have.
        assert 6 * (host.memory_bytes - before) < 150 * MIB


async def test_a_head_that_is_too_long_is_cut_off(tmp_path: Path) -> None:
    async with hosting(tmp_path) as host, connections(host, 1) as opened:
        ((reader, writer),) = opened
        writer.write(b"GET / HTTP/1.1\r\nCookie: " + b"x" * 13_000)
        assert await heard_until_the_end(reader) == b""


@pytest.mark.parametrize(
    "begun",
    [
        b"",
        b"GET / HTTP/1.1\r\nX: ",
        head("POST", "/new", "Content-Length: 1000"),
        head("POST", "/room/a/send", "Content-Length: 1000"),
        head("POST", "/room/a/send", "Transfer-Encoding: chunked") + b"3e8\r\n",
        head("PUT", "/none", "Content-Length: 1000"),
    ],
    ids=["silent", "head", "new", "send", "chunked", "none"],
)
async def test_slow_requests_hold_no_descriptor_for_ever(tmp_path: Path, begun: bytes) -> None:
    async with hosting(tmp_path, *SOON, "--named-rooms") as host, connections(host, 100) as opened:
        assert (await fetch(host.url + "health")).status == 200
        slow = set()

        async def drip(writer: asyncio.StreamWriter) -> None:
            writer.write(begun)
            while not writer.is_closing():
                writer.write(b"x" * bool(begun))
                await asyncio.sleep(0.05)

        for _, writer in opened:
            slow.add(asyncio.create_task(drip(writer)))
        await open_files(host, 10)
        for task in slow:
            task.cancel()
        await asyncio.gather(*slow, return_exceptions=True)
        assert (await fetch(host.url + "health")).status == 200


async def test_files_that_nobody_takes_cost_little(tmp_path: Path) -> None:
    async with hosting(tmp_path) as host, connections(host, 500) as opened:
        before = host.memory_bytes
        for _, writer in opened:
            writer.write(head("GET", "/driftdb.js") * 20)
        assert (await fetch(host.url + "driftdb.js")).status == 200
        assert host.memory_bytes - before < MOST_BYTES


async def test_answers_that_nobody_takes_hold_no_descriptor_for_ever(tmp_path: Path) -> None:
    soon = "--DriftDB.read_grace_seconds=1"
    async with hosting(tmp_path, soon) as host, connections(host, 50) as opened:
        for _, writer in opened:
            # More than the buffers of a connection hold.
            writer.transport.pause_reading()  # type: ignore[attr-defined]
            writer.write(head("GET", "/driftdb.js") * 400)
        await open_files(host, 10)
        assert (await fetch(host.url + "driftdb.js")).status == 200


async def test_a_flood_of_requests_is_refused_and_the_log_stays_small(tmp_path: Path) -> None:
    few = ("--DriftDB.request_limit_burst=100", "--DriftDB.request_limit_per_second=1")
    async with hosting(tmp_path, *few) as host, connections(host, 20) as opened:
        asked = head("GET", "/none") * 1000
        for _, writer in opened:
            writer.write(asked)
        answers = await asyncio.gather(*(heard_until_the_end(reader) for reader, _ in opened))
        assert any(b" 429 " in answer for answer in answers)
        await host.end(signal.SIGTERM)
    assert len(host.log.splitlines()) < 300


async def test_one_address_leaves_rooms_for_others(tmp_path: Path) -> None:
    options = (
        "--DriftDB.address_room_limit=50",
        "--DriftDB.room_limit=100",
        "--trusted-proxy=127.0.0.1",
    )
    async with hosting(tmp_path, *options) as host:

        async def make(address: str) -> str:
            headers = {"X-Forwarded-For": address}
            answer = await fetch(host.url + "new", method="POST", headers=headers)
            return "made" if answer.status == 200 else str(json.loads(answer.body)["code"])

        assert {await make("192.0.2.1") for _ in range(50)} == {"made"}
        assert {await make("192.0.2.1") for _ in range(50)} == {"quota"}
        assert await make("192.0.2.2") == "made"
