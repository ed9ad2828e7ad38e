"""Part 2, "Grants": what a room's policy allows, live.

The conversations are data: before each the room ``holds`` what somebody else pushed, and has a
``policy``. A step sends something, lets another (who may do everything) push, or sets a policy.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator, Iterator
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from driftdb_jupyter.access.room_access import POLICY
from driftdb_jupyter.protocol.json_codec import JSON
from driftdb_jupyter.protocol.limits import Limits

from .peer import Message, Room, fetch
from .servers import Server, standalone
from .vectors import load

pytestmark = pytest.mark.asyncio


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with standalone(secret="s" * 32) as server:
        yield server


@pytest_asyncio.fixture
async def room(server: Server) -> AsyncIterator[Room]:
    answer = await fetch(server.root + "new", method="POST")
    room = Room(server, answer.json["room"])
    yield room
    await room.empty()


def let(room: Room, policy: object) -> None:
    """Set the policy of a room, as its owner."""
    content = None if policy is None else msgspec.json.encode(policy)
    change = room.server.hub.rooms.change_access(room.name, {POLICY: content})
    assert room.server.complete(change)


def write(room: Room, message: Message) -> None:
    """Push something as somebody who may."""

    class Writer:
        client = author = None
        hears_all = False

        def answer(self, push: object, outcome: object) -> None:
            pass

    async def do() -> None:
        decoded: Any = JSON.decode(json.dumps(message).encode(), Limits())
        hosted = await room.server.hub.rooms.open(room.name)
        assert hosted is not None
        hosted.sequencer.push(decoded, JSON.values(decoded, Limits()), Writer())

    room.server.complete(do())


@pytest.mark.parametrize("conversation", [pytest.param(c, id=c["rule"]) for c in load("grants")])
@pytest.mark.parametrize("cbor", [False, True], ids=["json", "cbor"])
async def test_over_a_socket(room: Room, conversation: dict[str, Any], cbor: bool) -> None:
    for message in conversation["holds"]:
        write(room, message)
    let(room, conversation["policy"])
    client = secrets.token_urlsafe(16) if conversation.get("client") else None
    peer = await room.join(cbor=cbor, client=client)
    for step in conversation["steps"]:
        if "send" in step:
            await peer.send(step["send"])
        elif "policy" in step:
            let(room, step["policy"])
        else:
            write(room, step["other"])
        for expected in step["hear"]:
            heard = await peer.receive()
            if heard["type"] == "error":
                assert heard.pop("message")
            if "epoch" in heard:
                heard["epoch"] = "EPOCH"
            assert heard == expected
        await peer.hears_nothing()


async def test_keys_and_figures_over_http_are_for_who_may_read(room: Room) -> None:
    let(room, {"anyone": "append"})
    for message in ({"type": "keys"}, {"type": "get", "key": "k"}):
        assert (await room.post(message)).status == 403
    let(room, {"anyone": {"can": "read", "prefixes": ["poll/"]}})
    assert (await room.post({"type": "keys"})).status == 200
    assert (await fetch(room.url + "/figures")).status == 403
    let(room, {"anyone": "read"})
    assert (await fetch(room.url + "/figures")).status == 200
