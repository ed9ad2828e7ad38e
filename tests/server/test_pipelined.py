"""Requests that a client has sent together, and that come when it has gone."""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from urllib.parse import urlsplit

import pytest

from ..conformance.peer import fetch
from ..conformance.servers import standalone

pytestmark = pytest.mark.asyncio

_RESET = struct.pack("ii", 1, 0)
_ASKED = b'{"type":"get","key":"k"}'


async def test_what_is_asked_for_by_a_client_that_has_gone_is_no_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with standalone(named_rooms=True) as server:
        room = f"{server.root}room/a"
        value = '"' + "x" * 900_000 + '"'
        body = f'{{"type":"push","key":"k","action":{{"type":"append"}},"value":{value}}}'
        assert (await fetch(f"{room}/send", method="POST", body=body)).status == 200
        head = f"POST /room/a/send HTTP/1.1\r\nHost: [::]\r\nContent-Length: {len(_ASKED)}\r\n\r\n"
        for _ in range(5):
            client = socket.create_connection(("127.0.0.1", urlsplit(server.root).port or 0))
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            client.sendall((head.encode() + _ASKED) * 20)
            await asyncio.to_thread(client.recv, 1000)
            client.close()
        end = asyncio.get_running_loop().time() + 20
        while server.hub.backlog.byte_count or server.hub.backlog.turns:
            assert asyncio.get_running_loop().time() < end
            await asyncio.sleep(0.01)
        assert (await fetch(f"{server.root}health")).status == 200
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]
