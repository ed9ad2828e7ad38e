"""Part 2, "Missing nothing": a get with an epoch brings what was missed, or says that it can't."""

from __future__ import annotations

from typing import Any

import pytest

from .peer import Peer, Room, delete, get, init, push, pushed, several
from .servers import standalone

pytestmark = pytest.mark.asyncio


async def ask(peer: Peer, key: str, **fields: Any) -> Any:
    await peer.send(get(key, **fields))
    answer = await peer.receive()
    assert ("seq" in answer) is not answer.get("more", False)
    return {name: value for name, value in answer.items() if name != "seq"}


async def epoch_of(peer: Peer) -> str:
    epoch = (await ask(peer, "of no interest", epoch=None))["epoch"]
    assert isinstance(epoch, str)
    assert epoch
    return epoch


async def test_who_asks_for_the_first_time_gets_the_stream_and_the_epoch(room: Room) -> None:
    peer = await room.join()
    await peer.send(push("k", "a"), push("k", "b", "relay"))
    answer = await ask(peer, "k", epoch=None, seq=5)
    epoch = answer["epoch"]
    assert answer == init("k", {1: "a"}, epoch=epoch, recovered=False)
    # Another room has another one, and other ways in have the same.
    assert (await room.post(get("k", epoch=None))).json == {**answer, "seq": 2}
    cbor_peer = await room.join(cbor=True)
    assert await ask(cbor_peer, "k", epoch=None) == answer


async def test_who_comes_back_gets_what_it_missed_relays_too(room: Room) -> None:
    peer = await room.join()
    epoch = await epoch_of(peer)
    await peer.send(push("k", 1), push("k", 2, "relay"), push("k", 3, "replace"), push("o", 4))
    await peer.send(push("k", 5, "relay"))
    await peer.settle()
    missed = init("k", {2: 2, 3: 3, 5: 5}, epoch=epoch, recovered=True)
    assert await ask(peer, "k", epoch=epoch, seq=1) == missed
    nothing = init("k", {}, epoch=epoch, recovered=True)
    assert await ask(peer, "k", epoch=epoch, seq=5) == nothing
    assert (await room.post(get("k", epoch=epoch, seq=1))).json == {**missed, "seq": 5}


async def test_the_answer_says_up_to_where_it_is_all(room: Room) -> None:
    peer = await room.join()
    await peer.send(push("k", "a"), push("other", "b"), get("k", epoch=None))
    answer = await peer.receive()
    assert (answer["data"], answer["seq"]) == ([{"value": "a", "seq": 1}], 2)
    # So who comes back is not told of what was before it first came.
    await peer.send(push("new", 1, "relay"), get("new", epoch=answer["epoch"], seq=3))
    assert (await peer.receive())["data"] == []


async def test_the_answer_is_where_the_subscription_begins(room: Room) -> None:
    peer = await room.join()
    epoch = await epoch_of(peer)
    await peer.send(get("k", epoch=epoch), push("k", 1, "relay"), get("k", epoch=epoch, seq=1))
    await peer.hears(
        init("k", {}, epoch=epoch, recovered=True, seq=0),
        pushed("k", 1, 1),
        init("k", {}, epoch=epoch, recovered=True, seq=1),
    )


@pytest.mark.parametrize("seq", [0, 2, 100])
async def test_in_another_epoch_there_is_the_whole_stream_whatever_seq_says(
    room: Room, seq: int
) -> None:
    peer = await room.join()
    epoch = await epoch_of(peer)
    await peer.send(push("k", "a"), push("k", "b"))
    await peer.receive()
    whole = init("k", {1: "a", 2: "b"}, epoch=epoch, recovered=False)
    assert await ask(peer, "k", epoch="another", seq=seq) == whole
    assert await ask(peer, "k", epoch=epoch, seq=3) == whole


async def test_a_deletion_that_was_missed_is_no_recovery(room: Room) -> None:
    peer = await room.join()
    epoch = await epoch_of(peer)
    await peer.send(push("k", "a"), delete("k"), push("k", "c"))
    assert await ask(peer, "k", epoch=epoch, seq=1) == init(
        "k", {3: "c"}, epoch=epoch, recovered=False
    )
    assert await ask(peer, "k", epoch=epoch, seq=2) == init(
        "k", {3: "c"}, epoch=epoch, recovered=True
    )


async def test_a_get_without_an_answer_has_none_with_an_epoch_either(room: Room) -> None:
    peer = await room.join()
    await peer.send(get("k", seq=None, epoch=None))
    await peer.hears_nothing()
    assert (await room.post(get("k", seq=None, epoch=None))).json is None


async def test_pages_are_asked_for_with_the_epoch_too(room: Room) -> None:
    peer = await room.join()
    epoch = await epoch_of(peer)
    await peer.send(several("k", "abc"))
    await peer.receive()
    first = await ask(peer, "k", epoch=None, limit=2)
    assert first == init("k", {1: "a", 2: "b"}, epoch=epoch, recovered=False, more=True)
    await peer.send(push("k", "d", "relay"))
    rest = await ask(peer, "k", epoch=epoch, seq=2, limit=2)
    assert rest == init("k", {3: "c", 4: "d"}, epoch=epoch, recovered=True)
    await peer.send(push("k", "e", "relay"))
    await peer.hears(pushed("k", "e", 5))


@pytest.mark.usefixtures("window_begins_with_get")
async def test_pages_go_on_whatever_was_relayed_before_they_were_begun(room: Room) -> None:
    peer = await room.join()
    await peer.send(
        push("k", 1), push("k", 2, "relay"), several("k", [3, 4]), push("k", 5, "relay")
    )
    await peer.receive()
    first = await ask(peer, "k", epoch=None, limit=1)
    epoch = first["epoch"]
    assert first == init("k", {1: 1}, epoch=epoch, recovered=False, more=True)
    second = await ask(peer, "k", epoch=epoch, seq=1, limit=1)
    assert second == init("k", {3: 3}, epoch=epoch, recovered=True, more=True)
    await peer.send(push("k", 6, "relay"))
    last = await ask(peer, "k", epoch=epoch, seq=3, limit=2)
    assert last == init("k", {4: 4, 6: 6}, epoch=epoch, recovered=True)
    await peer.send(push("k", 7, "relay"))
    await peer.hears(pushed("k", 7, 7))
    # Of who wasn't given that beginning nobody knows what it missed.
    other = await room.join()
    assert not (await ask(other, "k", epoch=epoch, seq=1, limit=1))["recovered"]


@pytest.mark.usefixtures("window_begins_with_get")
async def test_who_asks_above_another_page_than_it_was_given_starts_over(room: Room) -> None:
    peer = await room.join()
    await peer.send(several("k", [1, 2, 3]), push("k", 4, "relay"))
    await peer.receive()
    epoch = (await ask(peer, "k", epoch=None, limit=1))["epoch"]
    assert not (await ask(peer, "k", epoch=epoch, seq=2))["recovered"]


async def test_the_recovery_window_has_bounds_and_a_quiet_key_recovers_in_a_busy_room() -> None:
    with standalone(named_rooms=True, recovery_window_count=10) as server:
        room = Room(server, "a")
        peer = await room.join()
        epoch = await epoch_of(peer)
        await peer.send(push("quiet", "q", "relay"), *(push("busy", n, "relay") for n in range(50)))
        await peer.settle()
        lost = init("busy", {}, epoch=epoch, recovered=False)
        assert await ask(peer, "busy", epoch=epoch, seq=2) == lost
        kept = init("busy", {51: 49}, epoch=epoch, recovered=True)
        assert await ask(peer, "busy", epoch=epoch, seq=50) == kept
        whole = init("quiet", {}, epoch=epoch, recovered=True)
        assert await ask(peer, "quiet", epoch=epoch, seq=1) == whole
        await room.empty()


async def test_what_is_too_old_is_forgotten() -> None:
    with standalone(named_rooms=True, recovery_window_seconds=0.0) as server:
        room = Room(server, "a")
        peer = await room.join()
        epoch = await epoch_of(peer)
        await peer.send(push("k", 1, "relay"))
        await peer.settle()
        assert (await ask(peer, "k", epoch=epoch))["recovered"]
        server.run(server.hub.expire_windows)
        assert not (await ask(peer, "k", epoch=epoch))["recovered"]
        await room.empty()
