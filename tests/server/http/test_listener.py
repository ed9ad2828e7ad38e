"""How many connections one address may have open over HTTP."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from ...conformance.peer import Room, fetch
from ..processes import COMMAND, environment, started

pytestmark = pytest.mark.asyncio


async def test_one_address_has_no_more_connections_than_it_may_and_they_end_by_themselves(
    tmp_path: Path,
) -> None:
    options = ["--port=0", "--StandaloneServer.address_connection_limit=4", "--named-rooms"]
    soon = "--StandaloneServer.idle_timeout_seconds=0.5"
    with started([*COMMAND, "serve", *options, soon], cwd=tmp_path, env=environment()) as process:
        host, _, port = process.server.root.split("/")[2].partition(":")
        room = Room(process.server, "a")
        peers = [await room.join() for _ in range(2)]  # these are no longer connections over HTTP
        held = [await asyncio.open_connection(host, int(port)) for _ in range(8)]
        for reader, writer in held:
            assert await reader.read() == b""
            writer.close()
        assert (await fetch(process.server.root + "health")).status == 200
        for peer in peers:
            await peer.settle()
        await room.empty()
        process.end()
    (line,) = [line for line in process.lines if "too many connections" in line]
    assert "127.0.0.1" in line
