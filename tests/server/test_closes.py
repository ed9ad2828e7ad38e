"""Every close by the server is in its log once, with the code, and why."""

from __future__ import annotations

import asyncio
import logging
import re

import pytest

from ..conformance.peer import Room
from ..conformance.servers import standalone

pytestmark = pytest.mark.asyncio


async def told(caplog: pytest.LogCaptureFixture, text: str) -> str:
    """Wait for a line with that text; there is no other about a close."""
    while not (found := [line for line in caplog.messages if text in line]):
        await asyncio.sleep(0.005)
    assert len([line for line in caplog.messages if "was closed" in line]) == len(found) == 1
    return found[0]


@pytest.mark.parametrize(
    ("opcode", "content", "code", "why"),
    [
        (0x1, b"\xff\xfe", 1007, "UTF-8"),
        (0x8, (1000).to_bytes(2, "big") + b"\xff\xfe", 1007, "UTF-8"),
        (0x8, (999).to_bytes(2, "big"), 1002, "close code"),
        (0x3, b"", 1002, "opcode"),
        (0x1, b" " * 5000, 1009, "2048 bytes"),
    ],
    ids=["text", "reason", "code", "opcode", "length"],
)
async def test_a_violation(
    caplog: pytest.LogCaptureFixture, opcode: int, content: bytes, code: int, why: str
) -> None:
    caplog.set_level(logging.DEBUG)
    with standalone(named_rooms=True, message_limit_bytes=1024) as server:
        room = Room(server, "lecture")
        peer = await room.join()
        await peer.send_frame(opcode, content)
        line = await told(caplog, f"closed with {code}")
        assert re.search(rf"lecture: 127.0.0.1 #\w+ was closed with {code}: .*{why}", line)
        assert not any(record.exc_info for record in caplog.records)
        await room.empty()


@pytest.mark.parametrize("code", [1011, 4404, 4408])
async def test_what_the_server_does_to_a_peer(caplog: pytest.LogCaptureFixture, code: int) -> None:
    caplog.set_level(logging.DEBUG)
    with standalone(named_rooms=True) as server:
        room = Room(server, "lecture")
        peer = await room.join()
        await peer.settle()
        (there,) = server.hub._peers
        if code == 4404:
            server.complete(server.hub.rooms.delete("lecture"))
        else:
            server.run(lambda: there.close(code, "for a reason"))
        await peer.is_closed_with(code)
        await told(caplog, f"was closed with {code}: ")
        await room.empty()


async def test_who_leaves_by_itself_is_no_close_of_the_servers(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    with standalone(named_rooms=True) as server:
        room = Room(server, "lecture")
        await (await room.join()).leave()
        await server.has_peers(0)
        await room.empty()
    assert any("lecture: 127.0.0.1 #" in line and "has left" in line for line in caplog.messages)
    assert not any("was closed" in line for line in caplog.messages)


async def test_a_stopping_server_says_it_once_for_all(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with standalone(named_rooms=True) as server:
        room = Room(server, "lecture")
        peers = [await room.join() for _ in range(5)]
        await peers[0].settle()
        server.stop()
        for peer in peers:
            await peer.is_closed_with(1001)
        await room.empty()
    closes = [line for line in caplog.messages if "closed with 1001" in line]
    assert len(closes) == 2
    assert closes[1] == "DriftDB: 4 more: closed with 1001"
