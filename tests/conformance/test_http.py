"""Part 1, "Over HTTP": rooms, their addresses, and messages without a socket."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest

from .peer import Room, fetch, get, init, push, pushed, stream_size
from .servers import Server

pytestmark = pytest.mark.asyncio


async def test_a_new_room_has_an_id_that_cant_be_guessed(server: Server) -> None:
    ids = set()
    for _ in range(20):
        answer = await fetch(server.root + "new", method="POST", headers=server.headers)
        assert answer.status == 200
        ids.add(answer.json["room"])
    assert len(ids) == 20
    # Each character holds 6 bits: 22 of them hold 128.
    assert all(re.fullmatch("[A-Za-z0-9_-]{22,}", room_id) for room_id in ids)


@pytest.mark.usefixtures("at_one_server")
async def test_a_new_room_comes_with_its_addresses(server: Server) -> None:
    answer = await fetch(server.root + "new", method="POST", headers=server.headers)
    room = Room(server, answer.json["room"])
    assert answer.json == {
        "room": room.name,
        "socket_url": f"ws{room.url.removeprefix('http')}/connect",
        "http_url": f"{room.url}/send",
    }
    assert answer.headers["Content-Type"].startswith("application/json")


@pytest.mark.usefixtures("at_one_server")
async def test_a_room_tells_its_addresses_again(room: Room) -> None:
    made = await fetch(room.url, headers=room.server.headers)
    assert made.status == 200
    assert made.json["room"] == room.name
    assert made.json["http_url"] == f"{room.url}/send"


async def test_the_addresses_work(room: Room) -> None:
    told = (await fetch(room.url, headers=room.server.headers)).json
    sent = await fetch(
        told["http_url"],
        method="POST",
        body='{"type":"ping","nonce":5}',
        headers=room.server.headers,
    )
    assert sent.json == {"type": "pong", "nonce": 5}
    assert urlsplit(told["socket_url"]).path == urlsplit(room.url).path + "/connect"


async def test_a_push_over_http_reaches_the_sockets(room: Room) -> None:
    peer = await room.join()
    await peer.subscribe("k")
    assert (await room.post(push("k", 1))).json is None
    assert (await room.post(push("k", 2))).json == stream_size("k", 2)
    assert (await room.post(push("k", 3, "relay"))).json is None
    await peer.hears(pushed("k", 1, 1), pushed("k", 2, 2), pushed("k", 3, 3))


async def test_a_push_over_a_socket_is_there_over_http(room: Room) -> None:
    peer = await room.join(cbor=True)
    await peer.send(push("k", b"\x01"))
    await peer.settle()
    assert (await room.post(get("k"))).json == init("k", {1: [1]})


async def test_a_message_is_json_whatever_its_content_type_says(room: Room) -> None:
    for content_type in ("text/plain", "application/json", "application/x-www-form-urlencoded"):
        answer = await fetch(
            room.url + "/send",
            method="POST",
            body='{"type":"ping"}',
            headers=room.server.headers | {"Content-Type": content_type},
        )
        assert answer.json == {"type": "pong", "nonce": None}


@pytest.mark.parametrize("body", ["", "x", "[]", '{"type":"push"}', '{"type":"ping"} x'])
async def test_a_bad_message_has_status_400_and_an_error_object(room: Room, body: str) -> None:
    answer = await room.post(body)
    assert answer.status == 400
    assert answer.json["type"] == "error"
    assert answer.json["code"] == "bad_message"
    assert answer.json["message"]


async def test_an_error_over_http_carries_the_id_of_a_malformed_push(room: Room) -> None:
    answer = await room.post('{"type":"push","id":8,"key":7}', client="x" * 16)
    assert (answer.status, answer.json["id"]) == (400, 8)


async def test_urls_follow_the_host_of_the_request(room: Room) -> None:
    headers = room.server.headers | {"Host": "127.0.0.2:8443"}
    told = (await fetch(room.url, headers=headers)).json
    path = urlsplit(room.url).path
    assert told == {
        "room": room.name,
        "socket_url": f"ws://127.0.0.2:8443{path}/connect",
        "http_url": f"http://127.0.0.2:8443{path}/send",
    }


@pytest.mark.usefixtures("at_one_server")
async def test_no_forwarded_header_is_believed_of_anybody(room: Room) -> None:
    before = (await fetch(room.url, headers=room.server.headers)).json
    for header, value in {
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "elsewhere.example",
        "X-Forwarded-Port": "1",
        "X-Forwarded-Prefix": "/elsewhere",
        "X-Scheme": "https",
        "Forwarded": "proto=https;host=elsewhere.example",
    }.items():
        after = await fetch(room.url, headers=room.server.headers | {header: value})
        assert after.json == before


@pytest.mark.parametrize("path", ["room", "rooms/x", "room/x/y", "room/x/send/y"])
async def test_there_is_nothing_at_other_paths(server: Server, path: str) -> None:
    assert (await fetch(server.root + path, headers=server.headers)).status == 404


async def test_another_method_is_refused(room: Room) -> None:
    for url, method in (
        (room.server.root + "new", "GET"),
        (room.url, "DELETE"),
        (room.url + "/send", "GET"),
    ):
        answer = await fetch(url, method=method, headers=room.server.headers)
        assert answer.status in (403, 405)


async def test_connect_without_an_upgrade_is_a_bad_request(room: Room) -> None:
    assert (await fetch(room.url + "/connect", headers=room.server.headers)).status == 400
