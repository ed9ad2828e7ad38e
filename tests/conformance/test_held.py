"""Part 2, "What a stream holds": who asks for it hears what becomes of a stream."""

from __future__ import annotations

import secrets
from typing import Any

import pytest

from .peer import Peer, Room, compact, delete, get, push, several

pytestmark = pytest.mark.asyncio


async def follow(room: Room, *, cbor: bool = False, **fields: Any) -> tuple[Peer, dict[str, Any]]:
    peer = await room.join(cbor=cbor, client=secrets.token_urlsafe(16))
    await peer.send(get("k", epoch=None, held=True, **fields))
    return peer, await peer.receive()


def append(value: object, max_length: int | None = None) -> dict[str, Any]:
    action: dict[str, Any] = {"type": "append"}
    if max_length is not None:
        action["max_length"] = max_length
    return {"type": "push", "key": "k", "value": value, "action": action}


@pytest.mark.parametrize("cbor", [False, True], ids=["json", "cbor"])
async def test_a_push_says_what_the_stream_holds_then(room: Room, cbor: bool) -> None:
    peer, answer = await follow(room, cbor=cbor)
    assert (answer["first"], answer["size"]) == (0, 0)
    other = await room.join()
    await other.send(append("a"), append("b"), push("k", "r", "relay"), append("c", max_length=2))
    await other.send(push("k", "d", "replace"), delete("k"), append("e"))
    heard = [await peer.receive() for _ in range(7)]
    assert [(each["seq"], each.get("first")) for each in heard] == [
        (1, 1),
        (2, 1),
        (3, None),
        (4, 2),
        (5, 5),
        (6, None),
        (7, 7),
    ]


async def test_values_of_one_push_that_are_not_kept_are_below_the_first(room: Room) -> None:
    peer, _ = await follow(room)
    other = await room.join()
    await other.send(
        {**several("k", [1, 2, 3]), "action": {"type": "append", "max_length": 2}},
    )
    assert [(await peer.receive())["first"] for _ in range(3)] == [2, 2, 2]


@pytest.mark.parametrize("cbor", [False, True], ids=["json", "cbor"])
async def test_a_compact_is_heard_in_its_place(room: Room, cbor: bool) -> None:
    peer, _ = await follow(room, cbor=cbor, stamps=True)
    plain = await room.join()
    await plain.send(get("k", epoch=None))
    await plain.receive()
    other = await room.join()
    await other.send(
        append("a"), append("b"), compact("k", 2, "ab"), append("c"), compact("k", 1, "late")
    )
    heard = [await peer.receive() for _ in range(4)]
    assert [(each["type"], each["value"], each["seq"]) for each in heard] == [
        ("push", "a", 1),
        ("push", "b", 2),
        ("compact", "ab", 2),
        ("push", "c", 3),
    ]
    assert all("time" in each and "client" in each for each in heard)
    await peer.hears_nothing()
    # Who didn't ask hears the pushes as ever.
    for seq, value in enumerate("abc", 1):
        assert await plain.receive() == {"type": "push", "key": "k", "value": value, "seq": seq}
    await plain.hears_nothing()


@pytest.mark.usefixtures("window_begins_with_get")
async def test_who_comes_back_is_told_what_was_put_in_front(room: Room) -> None:
    peer, answer = await follow(room)
    await peer.send(append("a"), append("b"), append("c"))
    for _ in range(3):
        await peer.receive()
    await peer.settle()
    other = await room.join()
    await other.send(compact("k", 2, "ab"), append("d"))
    await other.settle()
    asked = get("k", epoch=answer["epoch"], seq=3, held=True)
    back = await room.join()
    await back.send(asked)
    assert await back.receive() == {
        "type": "init",
        "key": "k",
        "data": [{"value": "ab", "seq": 2}, {"value": "d", "seq": 4}],
        "epoch": answer["epoch"],
        "recovered": True,
        "seq": 4,
        "first": 2,
        "size": 3,
    }
    assert (await room.post(asked)).json["size"] == 3
    without = (await room.post(get("k", epoch=answer["epoch"], seq=3))).json
    assert without["data"] == [{"value": "d", "seq": 4}]
    assert "size" not in without


@pytest.mark.usefixtures("window_begins_with_get")
async def test_who_missed_what_was_compacted_is_told_the_whole_stream(room: Room) -> None:
    _, answer = await follow(room)
    other = await room.join()
    await other.send(append("a"), append("b"), compact("k", 2, "ab"), append("c"))
    await other.settle()
    back = await room.join()
    await back.send(get("k", epoch=answer["epoch"], seq=0, held=True))
    told = await back.receive()
    assert told["data"] == [{"value": "ab", "seq": 2}, {"value": "c", "seq": 3}]
    assert (told["recovered"], told["first"], told["size"]) == (False, 2, 2)
    await back.send(get("k", epoch=answer["epoch"], seq=2, held=True))
    assert (await back.receive())["recovered"]


@pytest.mark.usefixtures("window_begins_with_get")
async def test_only_the_last_page_says_what_the_stream_holds(room: Room) -> None:
    other = await room.join()
    await other.send(append("a"), append("b"), append("c"))
    await other.settle()
    peer, first = await follow(room, limit=2)
    assert first["more"]
    assert "size" not in first
    await other.send(compact("k", 1, "A"))
    await other.settle()
    await peer.send(get("k", epoch=first["epoch"], seq=2, limit=2, held=True))
    last = await peer.receive()
    assert last["data"] == [{"value": "A", "seq": 1}, {"value": "c", "seq": 3}]
    assert (last["first"], last["size"]) == (1, 3)


async def test_without_an_epoch_nothing_more_is_told(room: Room) -> None:
    peer = await room.join()
    await peer.send({**get("k"), "held": True})
    assert await peer.receive() == {"type": "init", "key": "k", "data": []}
    await peer.send(append("a"))
    assert await peer.receive() == {"type": "push", "key": "k", "value": "a", "seq": 1}
