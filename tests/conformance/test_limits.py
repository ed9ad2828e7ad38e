"""Part 1, messages of up to 1 MiB; "Errors and closing": what a limit or a bad frame leads to."""

from __future__ import annotations

import json
import secrets
from contextlib import suppress

import cbor2
import pytest
from tornado.iostream import StreamClosedError
from tornado.websocket import WebSocketClosedError

from .peer import Room, ack, get, push, pushed

pytestmark = pytest.mark.asyncio

MIB = 1024 * 1024
TEXT, BINARY, CONTINUATION = 0x1, 0x2, 0x0
both = pytest.mark.parametrize("cbor", [False, True], ids=["json", "cbor"])


def sized(length: int, *, cbor: bool = False, push_id: int | None = None) -> str | bytes:
    """A push that is a message of just so many bytes."""
    message = push("k", "", "replace") | ({} if push_id is None else {"id": push_id})

    def encode(value: str) -> str | bytes:
        whole = message | {"value": value}
        return cbor2.dumps(whole) if cbor else json.dumps(whole)

    # A long string's head takes more bytes than an empty one's.
    draft = encode("x" * (length - 200))
    whole = encode("x" * (length - 200 + length - len(draft)))
    assert len(whole) == length
    return whole


@both
async def test_a_message_of_1_mib_is_taken(room: Room, cbor: bool) -> None:
    peer = await room.join(cbor=cbor)
    await peer.subscribe("k")
    await peer.send_raw(sized(MIB, cbor=cbor))
    assert (await peer.receive())["seq"] == 1


@both
async def test_a_message_a_little_over_it_is_too_large_and_the_connection_stays(
    room: Room, cbor: bool
) -> None:
    peer = await room.join(cbor=cbor, client=secrets.token_urlsafe(16))
    await peer.send_raw(sized(MIB + 1, cbor=cbor))
    await peer.hears_error("too_large")
    await peer.send_raw(sized(MIB + MIB // 2, cbor=cbor, push_id=1))
    await peer.hears_error("too_large", id=1)
    await peer.send(push("k", "small", id=1))
    await peer.hears(ack(1, 1))


@both
async def test_a_message_far_over_it_closes_with_1009(
    room: Room, cbor: bool, too_large_codes: tuple[int | None, ...]
) -> None:
    peer = await room.join(cbor=cbor)
    with suppress(WebSocketClosedError):  # the answer may come before all of it is sent
        await peer.send_raw(sized(4 * MIB, cbor=cbor))
    await peer.is_closed_with(*too_large_codes)
    await room.holds("k")


async def test_fragments_count_together(
    room: Room, too_large_codes: tuple[int | None, ...]
) -> None:
    peer = await room.join()
    await peer.send_frame(TEXT, b" " * MIB, final=False)
    await peer.send_frame(CONTINUATION, b'{"type":"ping"}')
    await peer.hears_error("too_large")
    await peer.send_frame(TEXT, b" " * MIB, final=False)
    await peer.send_frame(CONTINUATION, b" " * MIB, final=False)
    with suppress(StreamClosedError):
        await peer.send_frame(CONTINUATION, b" " * MIB, final=False)
    await peer.is_closed_with(*too_large_codes)


async def test_over_http_a_message_over_the_limit_has_status_413(room: Room) -> None:
    assert (await room.post(sized(MIB))).json is None
    for length in (MIB + 1, 3 * MIB, 12 * MIB):
        answer = await room.post(sized(length))
        assert (answer.status, answer.json["code"]) == (413, "too_large")
    assert (await room.post(get("k"))).json["data"][0]["seq"] == 1


async def test_a_key_has_a_limit_too(room: Room) -> None:
    peer = await room.join(client=secrets.token_urlsafe(16))
    await peer.subscribe("é" * 512)
    await peer.send(push("é" * 512, 1))
    await peer.hears(pushed("é" * 512, 1, 1))
    for key in ("é" * 512 + "e", "e" * 1025):
        await peer.send(push(key, 1, id=1), get(key))
        await peer.hears_error("too_large", id=1)
        await peer.hears_error("too_large")
        assert (await room.post(push(key, 1))).status == 413


@pytest.mark.usefixtures("by_our_reader")
@pytest.mark.parametrize("text", [b"\xff", b'{"type":"ping","x":"\xc3"}', b'"\xed\xa0\x80"'])
async def test_a_text_frame_that_is_no_utf8_closes_with_1007(room: Room, text: bytes) -> None:
    peer = await room.join()
    await peer.send_frame(TEXT, text)
    await peer.is_closed_with(1007)


@pytest.mark.usefixtures("by_our_reader")
async def test_fragments_that_make_no_utf8_close_with_1007(room: Room) -> None:
    peer = await room.join()
    await peer.send_frame(TEXT, b'{"type":"ping","x":"\xc3', final=False)
    await peer.send_frame(CONTINUATION, b'"}')
    await peer.is_closed_with(1007)


@pytest.mark.usefixtures("by_our_reader")
async def test_bad_utf8_in_a_value_is_never_passed_on(room: Room) -> None:
    peer, reader = await room.join(), await room.join()
    await reader.subscribe("k")
    await peer.send_frame(
        TEXT, b'{"type":"push","key":"k","value":"\xff","action":{"type":"append"}}'
    )
    await peer.is_closed_with(1007)
    await peer.leave()
    await reader.hears_nothing()
    answer = await room.post(b'{"type":"push","key":"k","value":"\xff","action":{"type":"append"}}')
    assert (answer.status, answer.json["code"]) == (400, "bad_message")
    await room.holds("k")


async def test_a_close_is_answered_with_its_own_code(room: Room) -> None:
    peer = await room.join()
    await peer.send_frame(0x8, (1000).to_bytes(2, "big"))
    await peer.is_closed_with(1000)


async def fill(room: Room, key: str, mebibytes: int, action: str = "relay") -> None:
    """Push so much, by a peer of its own."""
    writer = await room.join()
    for _ in range(mebibytes):
        await writer.send(push(key, "x" * (MIB - 200), action))
    await writer.settle()
    await writer.leave()


async def test_4_mib_may_wait_for_a_peer_that_uses_nothing_of_ours(room: Room) -> None:
    slow = await room.join()
    await slow.subscribe("k")
    await fill(room, "k", 4)
    for seq in range(1, 5):
        assert (await slow.receive())["seq"] == seq
    await slow.hears_nothing()


@pytest.mark.usefixtures("at_one_server")
async def test_a_peer_that_is_too_slow_is_closed_with_4408(room: Room) -> None:
    slow = await room.join()
    await slow.subscribe("k")
    await fill(room, "k", 40)
    seqs = []
    while (raw := await slow.receive_raw()) is not None:
        seqs.append(json.loads(raw)["seq"])
    await slow.is_closed_with(4408)
    assert seqs == list(range(1, len(seqs) + 1))  # nothing was dropped before the end
    assert 4 <= len(seqs) < 40


async def test_an_init_alone_closes_nobody_however_large(room: Room) -> None:
    await fill(room, "k", 24, "append")
    slow = await room.join()
    await slow.send(get("k"), {"type": "ping", "nonce": 1})
    assert len((await slow.receive())["data"]) == 24
    await slow.hears({"type": "pong", "nonce": 1})


@pytest.mark.usefixtures("at_one_server")
async def test_while_an_init_waits_nothing_more_is_read_from_its_peer(room: Room) -> None:
    await fill(room, "k", 12, "append")
    slow = await room.join()
    # Its own end of the connection takes one answer or two before anybody reads them.
    await slow.send(*[get("k")] * 5, push("seen", 1))
    await room.holds("seen")
    for _ in range(5):
        assert len((await slow.receive())["data"]) == 12
    await slow.settle()
    await room.holds("seen", {13: 1})
