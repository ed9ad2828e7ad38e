"""Part 1, "Model" and "Over WebSocket": several peers, several rooms, and ``?debug``."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from .peer import Peer, Room, compact, fetch, get, init, push, pushed, several, stream_size
from .servers import Server

pytestmark = pytest.mark.asyncio


async def another_room(server: Server) -> Room:
    answer = await fetch(server.root + "new", method="POST", headers=server.headers)
    return Room(server, answer.json["room"])


async def test_all_subscribers_of_a_key_see_its_pushes(room: Room) -> None:
    anna, ben, cleo = [await room.join() for _ in range(3)]
    await anna.subscribe("k")
    await ben.subscribe("k")
    await cleo.send(push("k", 1), push("k", 2, "relay"))
    await anna.hears(pushed("k", 1, 1), pushed("k", 2, 2))
    await ben.hears(pushed("k", 1, 1), pushed("k", 2, 2))
    await cleo.hears_nothing()


async def test_who_subscribed_to_another_key_hears_nothing(room: Room) -> None:
    anna, ben = await room.join(), await room.join()
    await anna.subscribe("other", "K", "")
    await ben.send(push("k", 1))
    await anna.hears_nothing()


async def test_a_room_hears_nothing_of_another(room: Room, server: Server) -> None:
    other = await another_room(server)
    here, there = await room.join(), await other.join()
    await here.subscribe("k")
    await there.send(push("k", 1))
    await there.hears_nothing()
    await here.hears_nothing()
    await here.send(push("k", 2))
    await here.hears(pushed("k", 2, 1))
    await other.empty()


async def test_every_subscriber_sees_one_and_the_same_ascending_order(room: Room) -> None:
    peers = [await room.join(cbor=bool(number % 2)) for number in range(4)]
    for peer in peers:
        await peer.subscribe("k")
    await asyncio.gather(
        *(
            peer.send(*(push("k", [n, i], "relay") for i in range(50)))
            for n, peer in enumerate(peers)
        )
    )
    orders = []
    for peer in peers:
        orders.append([await peer.receive() for _ in range(200)])
    assert [message["seq"] for message in orders[0]] == list(range(1, 201))
    assert all(order == orders[0] for order in orders)
    for n in range(4):
        assert [m["value"][1] for m in orders[0] if m["value"][0] == n] == list(range(50))


@pytest.mark.usefixtures("at_one_server")
async def test_no_push_is_lost_or_doubled_between_an_init_and_what_follows(room: Room) -> None:
    writer = await room.join()

    async def write() -> None:
        for i in range(200):
            await writer.send(push("k", i))
            await asyncio.sleep(0)

    writing = asyncio.create_task(write())
    readers = []
    for _ in range(10):
        reader = await room.join()
        await reader.send(get("k"))
        readers.append(reader)
    await writing
    for reader in readers:
        seen = [entry["seq"] for entry in (await reader.receive())["data"]]
        while len(seen) < 200:
            seen.append((await reader.receive())["seq"])
        assert seen == list(range(1, 201))


async def test_the_size_of_a_stream_is_told_to_the_pusher_alone(room: Room) -> None:
    anna, ben = await room.join(), await room.join()
    await anna.subscribe("k")
    await ben.send(push("k", 1), push("k", 2))
    await anna.hears(pushed("k", 1, 1), pushed("k", 2, 2))
    await ben.hears(stream_size("k", 2))
    await anna.hears_nothing()


async def test_an_error_is_told_to_its_sender_alone(room: Room) -> None:
    anna, ben = await room.join(), await room.join()
    await anna.subscribe("k")
    await ben.send(compact("k", 5, 0))
    await ben.hears_error("bad_seq")
    await anna.hears_nothing()


async def test_a_stream_outlives_those_who_wrote_it(room: Room) -> None:
    anna = await room.join()
    await anna.send(push("k", 1))
    await anna.settle()
    await anna.leave()
    ben = await room.join()
    await ben.send(get("k"))
    await ben.hears(init("k", {1: 1}))


async def test_who_left_harms_nobody_who_stays(room: Room) -> None:
    anna, ben = await room.join(), await room.join()
    await anna.subscribe("k")
    await ben.subscribe("k")
    await anna.leave()
    await ben.send(push("k", 1))
    await ben.hears(pushed("k", 1, 1))


async def test_an_answer_shows_a_compact_to_all_who_come_later(room: Room) -> None:
    anna, ben = await room.join(), await room.join(cbor=True)
    await anna.send(push("k", "a"), push("k", "b"), compact("k", 2, "ab"), push("k", "c"))
    await anna.hears(stream_size("k", 2), stream_size("k", 2))
    await ben.send(get("k"), get("k", seq=2))
    await ben.hears(init("k", {2: "ab", 3: "c"}), init("k", {3: "c"}))


async def test_a_message_may_come_in_fragments(room: Room) -> None:
    peer = await room.join()
    message = '{"type":"push","key":"k","value":"é","action":{"type":"append"}}'.encode()
    await peer.subscribe("k")
    for split in (1, 36, 37, len(message) - 1):
        await peer.send_frame(0x1, message[:split], final=False)
        await peer.send_frame(0x9, b"a control frame between")
        await peer.send_frame(0x0, message[split:])
    for seq in (1, 2, 3, 4):
        assert (await peer.receive()) == pushed("k", "é", seq)
        if seq > 1:
            await peer.hears(stream_size("k", seq))


async def test_many_messages_may_come_at_once(room: Room) -> None:
    peer = await room.join()
    await peer.send(*({"type": "ping", "nonce": n} for n in range(2000)))
    for n in range(2000):
        assert await peer.receive() == {"type": "pong", "nonce": n}


@pytest.mark.parametrize(
    ("query", "hears_cbor"),
    [
        ("", False),
        ("cbor=true", True),
        ("cbor=false", False),
        ("cbor=true?cbor=true", True),
        ("debug=false&cbor=true", True),
    ],
)
async def test_the_url_says_which_encoding_a_peer_hears(
    room: Room, query: str, hears_cbor: bool
) -> None:
    peer = await room.join(query=query)
    await peer.send({"type": "ping"})
    assert isinstance(await peer.receive_raw(), bytes) is hears_cbor


class TestDebug:
    """``?debug=true``: everything of a room is told."""

    async def watcher(self, room: Room, **options: Any) -> Peer:
        return await room.join(query="debug=true", **options)

    async def test_at_connect_every_key_is_told(self, room: Room) -> None:
        await room.post(push("a", 1))
        await room.post(push("a", 2))
        await room.post(push("b", 3))
        await room.post(push("relayed", 4, "relay"))
        watcher = await self.watcher(room)
        told = [await watcher.receive() for _ in range(2)]
        assert sorted(told, key=lambda m: str(m["key"])) == [
            init("a", {1: 1, 2: 2}),
            init("b", {3: 3}),
        ]
        await watcher.hears_nothing()

    async def test_after_a_push_the_whole_stream_is_told(self, room: Room) -> None:
        watcher, writer = await self.watcher(room), await room.join()
        await writer.send(push("k", "a"))
        await watcher.hears(init("k", {1: "a"}))
        await writer.send(push("k", "b"))
        await watcher.hears(init("k", {1: "a", 2: "b"}))
        await writer.send(compact("k", 2, "ab"))
        await watcher.hears(init("k", {2: "ab"}))
        await writer.send(push("k", "c", "replace"))
        await watcher.hears(init("k", {3: "c"}))

    async def test_what_changes_at_once_is_told_at_once(self, room: Room) -> None:
        watcher, writer = await self.watcher(room), await room.join()
        await writer.send(several("k", range(1000)), push("k", "end", "replace"))
        told = [await watcher.receive()]
        while told[-1] != init("k", {1001: "end"}):
            told.append(await watcher.receive())
        assert len(told) <= 2
        await watcher.hears_nothing()

    async def test_long_streams_are_told_whole(self, room: Room) -> None:
        writer = await room.join()
        for key in ("a", "b"):
            await writer.send(*(several(key, ["x" * 100] * 1000) for _ in range(3)))
        await writer.send({"type": "ping"})
        while (await writer.receive())["type"] != "pong":
            pass
        watcher = await self.watcher(room)
        told = [await watcher.receive() for _ in range(2)]
        assert [len(message["data"]) for message in told] == [3000, 3000]

    async def test_a_relay_is_told_as_a_push(self, room: Room) -> None:
        watcher, writer = await self.watcher(room), await room.join()
        await writer.send(push("k", "a", "relay"))
        await watcher.hears(pushed("k", "a", 1))

    async def test_what_changes_nothing_is_not_told(self, room: Room) -> None:
        watcher, writer = await self.watcher(room), await room.join()
        await writer.send(push("k", "a"))
        await watcher.hears(init("k", {1: "a"}))
        await writer.send(push("k", "b", "replace"))
        await watcher.hears(init("k", {2: "b"}))
        await writer.send(compact("k", 1, "stale"), compact("k", 9, "never"))
        await writer.send(push("k", "c", if_seq=0))
        await watcher.hears_nothing()

    async def test_a_watcher_may_hear_cbor(self, room: Room) -> None:
        await room.post(push("k", "a"))
        watcher = await self.watcher(room, cbor=True)
        await watcher.hears(init("k", {1: "a"}))

    async def test_who_doesnt_ask_is_told_nothing(self, room: Room) -> None:
        await room.post(push("k", "a"))
        peer = await room.join(query="debug=false")
        await room.post(push("k", "b"))
        await peer.hears_nothing()
