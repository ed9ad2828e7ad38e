"""Part 1, "Over WebSocket": JSON and CBOR mixed in one room, and what a value becomes between.

The values are data, so that other clients and servers can be held to them too.
"""

from __future__ import annotations

import asyncio
import json
import random
from typing import Any

import cbor2
import msgspec
import pytest

from .peer import Room, compact, get, init, push, pushed, stream_size
from .vectors import load

pytestmark = pytest.mark.asyncio

VECTORS = load("values")
BYTES_OF_ALL_KINDS = [bytes.fromhex(v["cbor"]) for v in VECTORS["cbor to json"]]


def by_rule(name: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("vector", [pytest.param(v, id=v["rule"]) for v in VECTORS[name]])


class _Valued(msgspec.Struct):
    value: msgspec.Raw


class _Data(msgspec.Struct):
    data: list[_Valued]


def json_push(value: str) -> str:
    """A push of a value that is JSON already."""
    return f'{{"type":"push","key":"k","value":{value},"action":{{"type":"append"}}}}'


def cbor_push(value: bytes) -> bytes:
    """A push of a value that is CBOR already."""
    whole = cbor2.dumps(push("k", None))
    before, after = whole.split(b"evalue\xf6")
    return before + b"evalue" + value + after


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal and of one kind: 1 is not 1.0, nor 0.0 -0.0."""
    return repr(one) == repr(other)


async def test_json_and_cbor_peers_share_a_room_whatever_they_speak(room: Room) -> None:
    reader, cbor_reader = await room.join(), await room.join(cbor=True)
    await reader.subscribe("k")
    await cbor_reader.subscribe("k")
    await reader.send(push("k", "from json"))
    for peer in (reader, cbor_reader):
        await peer.hears(pushed("k", "from json", 1))
    await cbor_reader.send(push("k", "from cbor"), cbor=True)
    for peer in (reader, cbor_reader):
        await peer.hears(pushed("k", "from cbor", 2))


async def test_a_client_may_send_either_encoding_at_any_time(room: Room) -> None:
    for peer in (await room.join(), await room.join(cbor=True)):
        await peer.send({"type": "ping", "nonce": 1}, cbor=False)
        await peer.send({"type": "ping", "nonce": 2}, cbor=True)
        await peer.hears({"type": "pong", "nonce": 1}, {"type": "pong", "nonce": 2})


async def test_a_cbor_peer_is_answered_everything_in_cbor(room: Room) -> None:
    peer = await room.join(cbor=True)
    await peer.send(get("k"), push("k", 1), push("k", 2), compact("k", 9, 0))
    await peer.hears(init("k"), pushed("k", 1, 1), pushed("k", 2, 2), stream_size("k", 2))
    await peer.hears_error("bad_seq")


async def test_a_cbor_frame_to_a_json_peer_may_be_refused_in_json(room: Room) -> None:
    peer = await room.join()
    await peer.send_raw(b"\xff")
    await peer.hears_error("bad_message")


@pytest.mark.parametrize("text", VECTORS["json to json, to the very digits"])
async def test_from_json_to_json_a_value_keeps_its_very_digits(room: Room, text: str) -> None:
    peer = await room.join()
    await peer.subscribe("k")
    await peer.send_raw(json_push(text))
    broadcast = await peer.receive_raw()
    assert broadcast is not None
    assert bytes(msgspec.json.decode(broadcast, type=_Valued).value) == text.encode()
    await peer.send(get("k"))
    answer = await peer.receive_raw()
    assert answer is not None
    (entry,) = msgspec.json.decode(answer, type=_Data).data
    assert bytes(entry.value) == text.encode()
    over_http = msgspec.json.decode((await room.post(get("k"))).body, type=_Data)
    assert bytes(over_http.data[0].value) == text.encode()


@by_rule("json to cbor")
async def test_from_json_to_cbor(room: Room, vector: dict[str, Any]) -> None:
    expected = cbor2.loads(bytes.fromhex(vector["cbor"]))
    peer = await room.join(cbor=True)
    await peer.subscribe("k")
    await peer.send_raw(json_push(vector["json"]))
    assert same((await peer.receive())["value"], expected)
    await peer.send(get("k"))
    assert same((await peer.receive())["data"][0]["value"], expected)


@by_rule("cbor to json")
async def test_from_cbor_to_json(room: Room, vector: dict[str, Any]) -> None:
    peer = await room.join()
    await peer.subscribe("k")
    await peer.send_raw(cbor_push(bytes.fromhex(vector["cbor"])))
    assert same((await peer.receive())["value"], vector["json"])
    await peer.send(get("k"))
    assert same((await peer.receive())["data"][0]["value"], vector["json"])
    assert same((await room.post(get("k"))).json["data"][0]["value"], vector["json"])


async def test_from_cbor_to_cbor_go_the_same_data_items_tags_and_all(room: Room) -> None:
    peer = await room.join(cbor=True)
    await peer.subscribe("k")
    for seq, item in enumerate(BYTES_OF_ALL_KINDS, 1):
        await peer.send_raw(cbor_push(item))
        raw = await peer.receive_raw()
        assert isinstance(raw, bytes)
        assert b"evalue" + item + b"cseq" + cbor2.dumps(seq) in raw
        if seq > 1:
            await peer.hears(stream_size("k", seq))
    await peer.send(get("k"))
    raw = await peer.receive_raw()
    assert isinstance(raw, bytes)
    assert all(b"evalue" + item in raw for item in BYTES_OF_ALL_KINDS)


@by_rule("refused as cbor")
async def test_what_no_room_holds_is_refused_as_cbor(room: Room, vector: dict[str, Any]) -> None:
    peer = await room.join(cbor=True)
    await peer.send_raw(cbor_push(bytes.fromhex(vector["cbor"])))
    await peer.hears_error("bad_message")
    await peer.send(get("k"))
    await peer.hears(init("k"))


@pytest.mark.parametrize("cbor", [False, True], ids=["json", "cbor"])
@by_rule("too large, an array of so many")
async def test_what_holds_too_much_is_too_large(
    room: Room, vector: dict[str, Any], cbor: bool
) -> None:
    peer = await room.join(cbor=cbor, client="x" * 16)
    text = f"[{','.join([vector['member']] * vector['count'])}]"
    item = cbor2.dumps(json.loads(text))
    await peer.send_raw(cbor_push(item) if cbor else json_push(text))
    await peer.hears_error("too_large")
    answer = await room.post(json_push(text))
    assert (answer.status, answer.json["code"]) == (413, "too_large")
    await room.holds("k")


async def test_a_table_of_numbers_is_taken(room: Room) -> None:
    rows = [[number, number / 8, number % 100] for number in range(40_000)]
    for cbor in (False, True):
        peer = await room.join(cbor=cbor)
        await peer.subscribe("k")
        await peer.send(push("k", rows, "relay"))
        assert (await peer.receive())["value"] == rows


@pytest.mark.parametrize("text", VECTORS["refused as json"])
async def test_what_is_no_json_is_refused(room: Room, text: str) -> None:
    peer = await room.join()
    await peer.send_raw(json_push(text))
    await peer.hears_error("bad_message")
    answer = await room.post(json_push(text))
    assert (answer.status, answer.json["code"]) == (400, "bad_message")
    await room.holds("k")


async def test_a_cbor_frame_cut_anywhere_is_refused(room: Room) -> None:
    peer = await room.join(cbor=True)
    whole = cbor2.dumps(push("k", {"a": [1.5, "text", b"bytes"]}))
    for length in range(len(whole)):
        await peer.send_raw(whole[:length])
        await peer.hears_error("bad_message")
    await peer.send_raw(whole + b"\x00")
    await peer.hears_error("bad_message")


async def test_a_json_message_cut_anywhere_is_refused(room: Room) -> None:
    peer = await room.join()
    whole = json.dumps(push("k", {"a": [1.5, "text", None]}))
    for length in range(len(whole)):
        await peer.send_raw(whole[:length])
        await peer.hears_error("bad_message")
    await peer.send_raw(whole + "x")
    await peer.hears_error("bad_message")


async def test_a_lone_surrogate_in_json_harms_nobody(room: Room) -> None:
    reader, cbor_reader = await room.join(), await room.join(cbor=True)
    await cbor_reader.subscribe("k")
    await reader.send_raw(json_push(r'"\ud800"'))
    await reader.send_raw(r'{"type":"get","key":"\udc00"}')
    await reader.hears_error("bad_message")
    await reader.hears_error("bad_message")
    await cbor_reader.hears_nothing()


@pytest.mark.parametrize("cbor", [False, True], ids=["json", "cbor"])
async def test_a_value_may_be_nested_128_deep(room: Room, cbor: bool) -> None:
    peer = await room.join(cbor=cbor)
    for shape in (nested_list, nested_map):
        key = shape.__name__
        await peer.send(push(key, shape(128)), get(key))
        assert (await peer.receive())["data"][0]["value"] == shape(128)
        await peer.send(push("deep", shape(129)))
        await peer.hears_error("bad_message")
        await peer.send(push("deep", {"a": [1, shape(127)]}))
        await peer.hears_error("bad_message")
    await room.holds("deep")


async def test_a_value_nested_without_end_is_refused(room: Room) -> None:
    peer = await room.join()
    deep = 100_000
    await peer.send_raw(json_push("[" * deep + "]" * deep))
    await peer.hears_error("bad_message")
    await peer.send_raw(json_push('{"a":' * deep + "1" + "}" * deep))
    await peer.hears_error("bad_message")
    await peer.send_raw(cbor_push(b"\x81" * deep + b"\x00"))
    await peer.hears_error("bad_message")
    await peer.send_raw(cbor_push(b"\xc1" * deep + b"\x00"))
    await peer.hears_error("bad_message")
    answer = await room.post(json_push("[" * deep + "]" * deep))
    assert (answer.status, answer.json["code"]) == (400, "bad_message")


async def test_brackets_in_strings_nest_nothing(room: Room) -> None:
    peer = await room.join()
    await peer.subscribe("k")
    value = ["[" * 500, '{"' * 500, "\\" * 500 + "[" * 200]
    await peer.send(push("k", value))
    await peer.hears(pushed("k", value, 1))


async def test_a_number_of_very_many_digits_reaches_json_whole_and_cbor_at_once(
    room: Room,
) -> None:
    digits = "9" * 200_000
    reader, cbor_reader = await room.join(), await room.join(cbor=True)
    await reader.subscribe("k")
    await cbor_reader.subscribe("k")
    await reader.send_raw(json_push(digits))
    broadcast = await reader.receive_raw()
    assert isinstance(broadcast, str)
    assert digits in broadcast
    assert (await asyncio.wait_for(cbor_reader.receive(), 5))["value"] > 10**300


@pytest.mark.parametrize("cbor", [False, True], ids=["json", "cbor"])
async def test_whatever_comes_as_a_message_the_connection_stays(room: Room, cbor: bool) -> None:
    peer = await room.join(client="x" * 16)
    chance = random.Random(1)
    sound = [push("k", {"a": [1, "é", None]}, id=3), get("k", seq=1), compact("k", 1, [2.5])]
    for _ in range(2000):
        message = chance.choice(sound)
        raw = bytearray(cbor2.dumps(message) if cbor else json.dumps(message).encode())
        for _ in range(chance.randint(1, 3)):
            place = chance.randrange(len(raw))
            raw[place : place + chance.randint(0, 2)] = chance.randbytes(chance.randint(0, 2))
        # A text frame has to be UTF-8.
        await peer.send_raw(bytes(raw) if cbor else raw.decode(errors="ignore"))
    await peer.settle()


def nested_list(depth: int) -> Any:
    """Lists in lists, so many in all."""
    value: Any = []
    for _ in range(depth - 1):
        value = [value]
    return value


def nested_map(depth: int) -> Any:
    """Maps in maps, so many in all."""
    value: Any = {}
    for _ in range(depth - 1):
        value = {"a": value}
    return value
