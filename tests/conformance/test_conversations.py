"""Part 1, the model and its messages; part 2, what one peer meets of it.

The conversations are data, so that other clients and servers can be held to them too. Over HTTP
each message is answered with the first that the socket's peer hears, but for the broadcasts.
"""

from __future__ import annotations

import json
import secrets
from typing import Any

import pytest

from .peer import Message, Room
from .vectors import load

pytestmark = pytest.mark.asyncio

conversation_of = pytest.mark.parametrize(
    "conversation", [pytest.param(c, id=c["rule"]) for c in load("conversations")]
)
STATUS = {"conflict": 409, "too_large": 413}
BROADCASTS = ("push", "delete")


@conversation_of
@pytest.mark.parametrize("cbor", [False, True], ids=["json", "cbor"])
async def test_over_a_socket(room: Room, conversation: dict[str, Any], cbor: bool) -> None:
    client = secrets.token_urlsafe(16) if conversation.get("client") else None
    peer = await room.join(cbor=cbor, client=client)
    for step in conversation["steps"]:
        await peer.send(step["send"])
        for expected in step["hear"]:
            heard = await peer.receive()
            _without_message(heard)
            assert heard == expected
        await peer.hears_nothing()


@conversation_of
async def test_over_http(room: Room, conversation: dict[str, Any]) -> None:
    client = secrets.token_urlsafe(16) if conversation.get("client") else None
    for step in conversation["steps"]:
        expected = next((m for m in step["hear"] if m["type"] not in BROADCASTS), None)
        answer = await room.post(json.dumps(step["send"]), client=client)
        heard = answer.json
        if expected is not None and expected["type"] == "error":
            _without_message(heard)
            assert answer.status == STATUS.get(expected["code"], 400)
        else:
            assert answer.status == 200
        assert heard == expected


def _without_message(heard: Message) -> None:
    """Take the words for people out of an error; there have to be some."""
    if heard["type"] == "error":
        assert heard.pop("message")
