"""Part 1, "Over HTTP": ids and chosen names of rooms, unknown rooms, and base URLs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tornado.httpclient import HTTPClientError

from .peer import Room, fetch, get, init, push, pushed
from .servers import Server, jupyter, standalone
from .vectors import load

pytestmark = pytest.mark.asyncio

VECTORS = load("names")


@pytest.fixture(scope="module", params=["standalone", "jupyter"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Both servers where rooms may have names, below a base URL."""
    if request.param == "standalone":
        with standalone(named_rooms=True, base_url="/some/where%20else/") as server:
            yield server
    else:
        with jupyter(base_url="/user/jo@example/") as server:
            yield server


@pytest.mark.parametrize("vector", VECTORS["names"], ids=lambda vector: vector["path"])
async def test_a_named_room_is_made_by_its_first_use(
    server: Server, vector: dict[str, Any]
) -> None:
    url = f"{server.root}room/{vector['path']}"
    answer = await fetch(url, headers=server.headers)
    assert answer.status == 200
    assert answer.json["room"] == vector["name"]
    assert answer.json["http_url"] == url + "/send"
    assert answer.json["socket_url"] == f"ws{url.removeprefix('http')}/connect"


async def test_any_use_may_be_the_first(server: Server) -> None:
    sent, connected = Room(server, "made by send"), Room(server, "made by connect")
    assert (await sent.post(get("k"))).json == init("k")
    peer = await connected.join()
    await peer.send(get("k"))
    await peer.hears(init("k"))
    await connected.empty()


async def test_one_name_is_one_room_however_it_is_encoded(server: Server) -> None:
    room = Room(server, "tést-1")
    peer = await room.join()
    await peer.subscribe("k")
    await fetch(
        f"{server.root}room/%74%C3%A9st%2d1/send",
        method="POST",
        body='{"type":"push","key":"k","value":1,"action":{"type":"append"}}',
        headers=server.headers,
    )
    await peer.hears(pushed("k", 1, 1))
    await Room(server, "TÉST-1").holds("k")
    await room.empty()


async def test_a_name_has_up_to_200_bytes(server: Server) -> None:
    for name, status in (("n" * 200, 200), ("é" * 100, 200), ("n" * 201, 404), ("é" * 101, 404)):
        assert (await fetch(Room(server, name).url, headers=server.headers)).status == status


@pytest.mark.parametrize("path", VECTORS["no names"])
async def test_what_is_no_name_is_no_room(server: Server, path: str) -> None:
    url = f"{server.root}room/{path}"
    answer = await fetch(url, headers=server.headers)
    assert (answer.status, answer.body) == (404, b"")
    sent = await fetch(url + "/send", method="POST", body="{}", headers=server.headers)
    assert sent.status == 404


@pytest.mark.parametrize("path", VECTORS["no utf8"])
async def test_a_name_that_is_no_utf8_is_no_room(server: Server, path: str) -> None:
    answer = await fetch(f"{server.root}room/{path}", headers=server.headers)
    assert answer.status in (400, 404)


async def test_new_and_room_lie_below_the_base_url_alone(server: Server) -> None:
    answer = await fetch(server.root + "new", method="POST", headers=server.headers)
    assert answer.json["http_url"] == f"{server.root}room/{answer.json['room']}/send"
    origin = "/".join(server.root.split("/")[:3])
    assert (await fetch(f"{origin}/new", method="POST", headers=server.headers)).status in (
        403,
        404,
    )


async def test_a_whole_conversation_below_a_base_url(server: Server) -> None:
    room = Room(server, "whole")
    peer = await room.join(cbor=True)
    await peer.send(get("k"), push("k", "a"))
    await peer.hears(init("k"), pushed("k", "a", 1))
    await room.holds("k", {1: "a"})
    await room.empty()


@pytest.fixture(scope="module")
def unknown() -> Iterator[Room]:
    """A room that nobody made, where names are not allowed."""
    with standalone() as server:
        yield Room(server, "unknown")


async def test_an_unknown_room_is_404_with_an_empty_body(unknown: Room) -> None:
    for _ in range(2):  # the question makes no room
        answer = await fetch(unknown.url)
        assert (answer.status, answer.body) == (404, b"")


async def test_sending_to_an_unknown_room_is_404(unknown: Room) -> None:
    assert (await unknown.post(push("k", 1))).status == 404
    assert (await unknown.post("no message")).status == 404


async def test_connecting_to_an_unknown_room_is_404_before_the_upgrade(unknown: Room) -> None:
    with pytest.raises(HTTPClientError) as refused:
        await unknown.join()
    assert refused.value.code == 404
