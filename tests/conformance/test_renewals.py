"""Part 2, going on with another credential. The conversations are data."""

from __future__ import annotations

from typing import Any

import pytest

from .peer import Room
from .vectors import load

pytestmark = pytest.mark.asyncio


@pytest.mark.parametrize("conversation", [pytest.param(c, id=c["rule"]) for c in load("renewals")])
@pytest.mark.parametrize("cbor", [False, True], ids=["json", "cbor"])
async def test_over_a_socket(room: Room, conversation: dict[str, Any], cbor: bool) -> None:
    peer = await room.join(cbor=cbor)
    for step in conversation["steps"]:
        await peer.send(step["send"])
        for expected in step["hear"]:
            heard = await peer.receive()
            if heard["type"] == "error":
                assert heard.pop("message")
            assert heard == expected
        await peer.hears_nothing()


async def test_over_http_there_is_nothing_to_renew(room: Room) -> None:
    answer = await room.post({"type": "renew", "token": "a.b.c"})
    assert (answer.status, answer.json["code"]) == (400, "bad_message")
