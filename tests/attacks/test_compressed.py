"""What is small on the wire and large when it is decompressed: nothing becomes large of it."""

from __future__ import annotations

import asyncio
import gzip
import json
import struct
import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from driftdb_jupyter.server.process.control import read_control
from driftdb_jupyter.server.process.place import journal_in

from ..faults.host import Host, hosting
from .attacked import watching

pytestmark = pytest.mark.asyncio

MIB = 1024 * 1024
MOST_BYTES = 30 * MIB
INFLATED_BYTES = 300 * MIB
COUNT = 20


@pytest_asyncio.fixture
async def host(tmp_path: Path) -> AsyncIterator[Host]:
    options = ("--named-rooms", f"--data={tmp_path}", "--DriftDB.compression=True")
    async with hosting(tmp_path, *options) as host:
        await host.new_room()  # what is loaded for the first request is not the attack's
        yield host


async def answer(host: Host, said: bytes, *, more: bytes = b"") -> bytes:
    """Say something on a connection of its own, and hear what comes until its end or a pause."""
    port = urlsplit(host.url).port
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(said)
        if more:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(more)
        return await reader.readuntil(b"}") if not more else await reader.read()
    except (ConnectionError, asyncio.IncompleteReadError) as error:
        return getattr(error, "partial", b"")
    finally:
        writer.transport.abort()


@pytest.mark.parametrize("path", ["room/a/send", "admin/rooms/a"])
async def test_a_body_is_never_decompressed(host: Host, path: str, tmp_path: Path) -> None:
    line = b'{"driftdb":1,"room":"a","seq":1}\n{"key":"k","seq":1,"value":"'
    begun = line if path.startswith("admin") else b'{"type":"push","key":"k","value":"'
    bomb = gzip.compress(begun + b"x" * INFLATED_BYTES)
    control = read_control(journal_in(str(tmp_path)))
    assert control is not None
    head = (
        f"{'PUT' if path.startswith('admin') else 'POST'} /{path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Authorization: DriftDB {control.secret}\r\nContent-Encoding: gzip\r\n"
        f"Content-Length: {len(bomb)}\r\n\r\n"
    )
    before = host.memory_bytes
    async with watching(host) as peak:
        heard = await asyncio.gather(*(answer(host, head.encode() + bomb) for _ in range(COUNT)))
    for each in heard:
        assert each.startswith(b"HTTP/1.1 400 ")
        assert json.loads(each.partition(b"\r\n\r\n")[2])["code"] == "bad_message"
    assert peak.memory_bytes - before < MOST_BYTES


async def test_messages_are_decompressed_no_further_than_they_may_be_long(host: Host) -> None:
    deflating = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = deflating.compress(b"x" * INFLATED_BYTES) + deflating.flush(zlib.Z_SYNC_FLUSH)
    bomb = bomb[:-4]
    frame = b"\xc1\xff" + struct.pack(">Q", len(bomb)) + bytes(4) + bomb
    handshake = (
        b"GET /room/a/connect HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        b"Connection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
    )
    before = host.memory_bytes
    async with watching(host) as peak:
        heard = await asyncio.gather(*(answer(host, handshake, more=frame) for _ in range(COUNT)))
    for each in heard:
        assert each[:1] == b"\x88"
        assert int.from_bytes(each[2:4], "big") == 1009
    assert peak.memory_bytes - before < MOST_BYTES
