"""Part 2, "Who is here"."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from .peer import Message, Peer, Room, get, init, push
from .servers import Server, standalone

pytestmark = pytest.mark.asyncio


@pytest.fixture(scope="module")
def patient() -> Iterator[Server]:
    """A server that gives all the time in the world."""
    with standalone(named_rooms=True, presence_grace_seconds=1e6) as server:
        yield server


@pytest.fixture(scope="module")
def impatient() -> Iterator[Server]:
    """A server that gives no grace."""
    with standalone(named_rooms=True, presence_grace_seconds=0.0) as server:
        yield server


def presence(key: str, value: Any) -> Message:
    """What a client says that is there."""
    return {"type": "presence", "key": key, "value": value}


def is_there(key: str, client: str, value: Any) -> Message:
    """What the others hear of it."""
    return {"type": "presence", "key": key, "client": client, "value": value}


def state(key: str, own: str, clients: Mapping[str, Any]) -> Message:
    """Who is there."""
    there = {client: {"value": value} for client, value in clients.items()}
    return {"type": "presence_state", "key": key, "client": own, "clients": there}


async def hear(peer: Peer) -> Message:
    """The next message, without the users that Jupyter knows."""
    message = await peer.receive()
    for about in (message, *message.get("clients", {}).values()):
        about.pop("user", None)
    return message


async def come(
    room: Room, *, client: str | None = None, key: str = "k", cbor: bool = False
) -> tuple[Peer, str, dict[str, Any]]:
    """Join, and listen who is there: the peer, its public id, and the others' values."""
    client = client or secrets.token_urlsafe(16)
    peer = await room.join(client=client, cbor=cbor)
    await peer.send(get(key, seq=None, presence=True))
    answer = await hear(peer)
    assert (answer["type"], answer["key"]) == ("presence_state", key)
    values = {client: about["value"] for client, about in answer["clients"].items()}
    return peer, answer["client"], values


async def test_all_who_listen_hear_who_is_there_the_one_itself_too(room: Room) -> None:
    anna, a, _ = await come(room)
    ben, b, _ = await come(room, cbor=True)
    assert a != b
    await anna.send(presence("k", {"x": 1}))
    await anna.settle()
    await ben.send(presence("k", b"\x01"))
    assert await hear(anna) == is_there("k", a, {"x": 1})
    assert await hear(anna) == is_there("k", b, [1])
    assert await hear(ben) == is_there("k", a, {"x": 1})
    assert await hear(ben) == is_there("k", b, b"\x01")
    await anna.send(presence("k", None), presence("k", None))
    for peer in (anna, ben):
        assert await hear(peer) == is_there("k", a, None)
        await peer.hears_nothing()


async def test_who_comes_later_is_told_who_is_there_and_then_what_changes(room: Room) -> None:
    anna, a, nobody = await come(room)
    assert nobody == {}
    await anna.send(presence("k", 1), presence("other", 2))
    assert await hear(anna) == is_there("k", a, 1)
    _, b, there = await come(room)
    assert there == {a: 1}
    ben = await room.join()
    await ben.send(push("k", "v"), get("k", presence=True), presence("k", 3))
    await ben.hears(init("k", {1: "v"}))
    answer = await hear(ben)
    c = answer["client"]
    assert c not in (a, b)
    assert answer == state("k", c, {a: 1})
    assert await hear(ben) == is_there("k", c, 3)


async def test_presence_is_no_push_and_pushes_are_no_presence(room: Room) -> None:
    anna, a, _ = await come(room)
    other = await room.join()
    await other.subscribe("k")
    await anna.send(presence("k", 1), push("k", 2, "relay"))
    assert await hear(anna) == is_there("k", a, 1)
    assert (await other.receive())["seq"] == 1
    await other.hears_nothing()
    assert (await room.post(get("k"))).json == init("k")


async def test_unsubscribe_ends_only_the_hearing(room: Room) -> None:
    anna, a, _ = await come(room)
    ben, _, _ = await come(room)
    await anna.send({"type": "unsubscribe", "key": "k"}, presence("k", 1))
    assert await hear(ben) == is_there("k", a, 1)
    await anna.hears_nothing()


async def test_several_connections_of_a_client_are_one(impatient: Server) -> None:
    room = Room(impatient, "several")
    secret = secrets.token_urlsafe(16)
    watcher, _, _ = await come(room)
    one, a, _ = await come(room, client=secret)
    other, same, _ = await come(room, client=secret)
    assert a == same
    await one.send(presence("k", 1))
    assert await hear(watcher) == is_there("k", a, 1)
    await one.leave()
    await impatient.has_peers(2)
    impatient.run(impatient.hub.tidy)
    await watcher.hears_nothing()
    await other.leave()
    await impatient.has_peers(1)
    impatient.run(impatient.hub.tidy)
    assert await hear(watcher) == is_there("k", a, None)
    await room.empty()


async def test_who_comes_back_at_once_was_never_gone(patient: Server) -> None:
    room = Room(patient, "back")
    secret = secrets.token_urlsafe(16)
    watcher, _, _ = await come(room)
    anna, a, _ = await come(room, client=secret)
    await anna.send(presence("k", 1))
    assert await hear(watcher) == is_there("k", a, 1)
    await anna.leave()
    await patient.has_peers(1)
    patient.run(patient.hub.tidy)
    anna, _, there = await come(room, client=secret)
    assert there == {a: 1}
    await anna.send(presence("k", 1))
    await watcher.hears_nothing()
    await room.empty()


@pytest.mark.parametrize("code", [1000, 1001])
async def test_who_closes_for_good_is_gone_at_once(patient: Server, code: int) -> None:
    room = Room(patient, f"closed-{code}")
    secret = secrets.token_urlsafe(16)
    watcher, _, _ = await come(room)
    one, a, _ = await come(room, client=secret)
    other, _, _ = await come(room, client=secret)
    await one.send(presence("k", 1))
    assert await hear(watcher) == is_there("k", a, 1)
    await one.leave(code)
    await watcher.hears_nothing()
    await other.leave(code)
    assert await hear(watcher) == is_there("k", a, None)
    await room.empty()


async def test_who_has_no_client_goes_with_its_connection(room: Room) -> None:
    watcher, _, _ = await come(room)
    anonymous = await room.join()
    await anonymous.send(presence("k", 1))
    client = (await watcher.receive())["client"]
    await anonymous.leave()
    assert await hear(watcher) == is_there("k", client, None)


async def test_there_is_a_limit() -> None:
    with standalone(named_rooms=True, presence_limit=1) as server:
        room = Room(server, "a")
        anna, a, _ = await come(room)
        await anna.send(presence("k", 1), presence("j", 1), presence("k", 2))
        assert await hear(anna) == is_there("k", a, 1)
        await anna.hears_error("quota")
        assert await hear(anna) == is_there("k", a, 2)
        await room.empty()


async def test_a_malformed_one_is_a_bad_message(room: Room) -> None:
    peer = await room.join()
    await peer.send({"type": "presence", "key": "k"}, {"type": "presence", "value": 1})
    await peer.hears_error("bad_message")
    await peer.hears_error("bad_message")
    await peer.send(presence("k" * 1025, 1))
    await peer.hears_error("too_large")


async def test_over_http_nobody_can_be_there_but_anybody_may_ask_who_is(room: Room) -> None:
    refused = await room.post(presence("k", 1))
    assert (refused.status, refused.json["code"]) == (400, "bad_message")
    secret = secrets.token_urlsafe(16)
    anna, a, _ = await come(room, client=secret)
    await anna.send(presence("k", 1))
    await hear(anna)
    answer = (await room.post(get("k", seq=None, presence=True), client=secret)).json
    answer["clients"][a].pop("user", None)
    assert answer == state("k", a, {a: 1})
