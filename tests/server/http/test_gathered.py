"""Bodies that are gathered: from whom, how much, and accounted for."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from ...conformance.peer import fetch
from ...conformance.servers import Server, jupyter, standalone

pytestmark = pytest.mark.asyncio

LIMIT_BYTES = 1024 * 1024


@pytest.fixture(params=["standalone", "jupyter"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    settings: dict[str, Any] = {"message_limit_bytes": 10_000, "access_limit_bytes": 800_000}
    settings["incomplete_limit_bytes"] = LIMIT_BYTES
    made = jupyter(rooms=settings) if request.param == "jupyter" else standalone(**settings)
    with made as server:
        yield server


async def made_room(server: Server) -> tuple[str, dict[str, str]]:
    """The path of a room's access, and what makes a request its owner's."""
    answer = await fetch(server.root + "new?admin=true", method="POST", headers=server.headers)
    path = server.root.split("/", 3)[3] + f"room/{answer.json['room']}/access"
    admin = answer.json.get("admin")
    return path, server.headers if admin is None else {"Authorization": f"Bearer {admin}"}


@asynccontextmanager
async def begun(
    server: Server, path: str, headers: dict[str, str], *, method: str = "PUT", part: bytes = b""
) -> AsyncIterator[asyncio.StreamReader]:
    """A request of which a part of the body is sent, and no more."""
    host, port = server.root.split("/")[2].split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    lines = [f"{method} /{path} HTTP/1.1", f"Host: {host}:{port}", "Content-Length: 700000"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    writer.write("\r\n".join([*lines, "", ""]).encode() + part)
    try:
        yield reader
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def status(reader: asyncio.StreamReader) -> int:
    return int((await reader.readline()).split()[1])


async def test_a_policy_is_not_even_read_of_who_may_not_set_it(server: Server) -> None:
    path, _ = await made_room(server)
    others = {}
    if server.jupyter is not None:
        others = server.headers
        server.rights.refused.add("write")
    async with begun(server, path, others) as reader:  # nothing of the body is ever sent
        assert await status(reader) == 403


async def test_a_policy_is_charged_to_memory_until_it_is_answered(server: Server) -> None:
    path, owner = await made_room(server)
    before = server.hub.memory.used_bytes
    async with begun(server, path, owner, part=b" " * 50_000):
        while server.hub.incomplete.byte_count < 50_000:
            await asyncio.sleep(0)
        assert server.hub.memory.used_bytes == before + 50_000
    while server.hub.incomplete.byte_count:
        await asyncio.sleep(0)
    assert server.hub.memory.used_bytes == before
    url = server.root.split("/", 3)
    for body, expected in (("{}", 200), ("{", 400), ("null", 200)):
        answer = await fetch("/".join([*url[:3], path]), method="PUT", body=body, headers=owner)
        assert answer.status == expected
    assert server.hub.incomplete.byte_count == 0


async def test_unfinished_policies_are_bounded_all_together(server: Server) -> None:
    path, owner = await made_room(server)
    async with begun(server, path, owner, part=b" " * 600_000) as first:
        while server.hub.incomplete.byte_count < 600_000:
            await asyncio.sleep(0)
        async with begun(server, path, owner, part=b" " * 600_000):
            assert await first.read() == b""  # others have had less time
            while server.hub.incomplete.byte_count != 600_000:
                await asyncio.sleep(0)


async def test_a_policy_for_which_there_is_no_memory_is_refused(server: Server) -> None:
    path, owner = await made_room(server)
    memory = server.hub.memory
    url = "/".join([*server.root.split("/", 3)[:3], path])
    free_bytes, memory.free_bytes = memory.free_bytes, 1000
    try:
        body = json.dumps({"anyone": {"can": "read", "keys": ["k" * 2000]}})
        answer = await fetch(url, method="PUT", body=body, headers=owner)
    finally:
        memory.free_bytes += free_bytes - 1000
    assert answer.json["code"] == "quota"
    assert (await fetch(url, headers=owner)).json is None


async def test_a_body_is_gathered_for_a_policy_alone(server: Server) -> None:
    path, owner = await made_room(server)
    for method in ("GET", "DELETE"):
        async with begun(server, path, owner, method=method, part=b" " * 600_000) as reader:
            assert await status(reader) == 413
    assert server.hub.incomplete.byte_count == 0
