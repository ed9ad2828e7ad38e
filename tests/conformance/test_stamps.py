"""Part 2, "Who and when"."""

from __future__ import annotations

import secrets
import time

import pytest

from .peer import Message, Room, delete, deleted, get, init, push, pushed

pytestmark = pytest.mark.asyncio


def stamps(message: Message) -> Message:
    """Take the stamps out of a push, or out of an entry of an init."""
    return {name: message.pop(name) for name in ("time", "client", "user") if name in message}


@pytest.mark.parametrize("cbor", [False, True], ids=["json", "cbor"])
async def test_a_push_says_who_and_when_to_who_asked_for_it(room: Room, cbor: bool) -> None:
    writer = await room.join(client=secrets.token_urlsafe(16))
    reader, other = await room.join(cbor=cbor), await room.join(cbor=cbor)
    await reader.send(get("k", stamps=True))
    await reader.hears(init("k"))
    await other.subscribe("k")
    before = int(time.time() * 1000)
    await writer.send(push("k", "a"), push("k", "b"))
    first, second = await reader.receive(), await reader.receive()
    stamp = stamps(first)
    assert before <= stamp["time"] <= time.time() * 1000
    assert stamp["client"] == stamps(second)["client"]
    assert (first, second) == (pushed("k", "a", 1), pushed("k", "b", 2))
    assert ("user" in stamp) is (room.server.jupyter is not None)
    await other.hears(pushed("k", "a", 1), pushed("k", "b", 2))
    await reader.send(get("k", stamps=True))
    entry, _ = (await reader.receive())["data"]
    assert stamps(entry) == stamp


async def test_a_client_has_the_same_public_id_in_every_connection(room: Room) -> None:
    secret = secrets.token_urlsafe(16)
    reader = await room.join()
    await reader.send(get("k", seq=None, stamps=True))
    await reader.settle()
    for number in range(2):
        writer = await room.join(client=secret, cbor=bool(number))
        await writer.send(push("k", number, "relay"))
        await writer.settle()
    await room.post(push("k", 2, "relay"), client=secret)
    ids = {(await reader.receive())["client"] for _ in range(3)}
    assert len(ids) == 1
    assert ids != {secret}
    assert len(ids.pop()) >= 22  # each character holds 6 bits of at least 128


async def test_who_has_no_client_is_a_connection(room: Room) -> None:
    reader = await room.join()
    await reader.send(get("k", seq=None, stamps=True))
    await reader.settle()
    for _ in range(2):
        await (await room.join()).send(push("k", 0, "relay"))
    ids = {(await reader.receive())["client"] for _ in range(2)}
    assert len(ids) == 2


async def test_stamps_stay_until_unsubscribe_and_no_push_arrives_twice(room: Room) -> None:
    peer = await room.join()
    await peer.send(get("k", seq=None), get("k", seq=None, stamps=True), get("k", seq=None))
    await peer.send(push("k", 1, "relay"))
    heard = await peer.receive()
    assert stamps(heard)
    assert heard == pushed("k", 1, 1)
    await peer.send({"type": "unsubscribe", "key": "k"}, get("k", seq=None))
    await peer.send(push("k", 2, "relay"))
    await peer.hears(pushed("k", 2, 2))
    await peer.hears_nothing()


async def test_a_deletion_is_heard_with_stamps_too(room: Room) -> None:
    peer = await room.join(client=secrets.token_urlsafe(16))
    await peer.send(get("k", seq=None, stamps=True), delete("k"))
    await peer.hears(deleted("k", 1))


async def test_over_http_a_get_may_ask_for_stamps(room: Room) -> None:
    await room.post(push("k", "a"))
    (entry,) = (await room.post(get("k", stamps=True))).json["data"]
    assert {"time", "client"} <= set(stamps(entry))
