"""Part 2, "Errors and closing": a server that stops says so."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from .peer import Room, fetch, get, init, push
from .servers import Server, jupyter, standalone

pytestmark = pytest.mark.asyncio


@pytest.mark.parametrize("start", [standalone, jupyter])
async def test_a_stopping_server_closes_with_1001_after_all_that_it_had_to_say(
    start: Callable[[], AbstractContextManager[Server]],
) -> None:
    with start() as server:
        answer = await fetch(server.root + "new", method="POST", headers=server.headers)
        room = Room(server, answer.json["room"])
        peer, cbor_peer = await room.join(), await room.join(cbor=True)
        await peer.send(push("k", "x" * 500_000), get("k"))
        await peer.hears(init("k", {1: "x" * 500_000}))
        await cbor_peer.send(get("k"))
        await cbor_peer.settle()
        server.stop()
        await peer.is_closed_with(1001)
        await cbor_peer.hears(init("k", {1: "x" * 500_000}))
        await cbor_peer.is_closed_with(1001)
        await room.empty()
