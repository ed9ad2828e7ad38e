"""Part 2, "Knowing that a push arrived, once": across connections, rooms and ways in."""

from __future__ import annotations

import secrets

import pytest
from tornado.httpclient import HTTPClientError
from tornado.httputil import HTTPHeaders

from .peer import Room, ack, fetch, push, pushed, stream_size
from .servers import Server

pytestmark = pytest.mark.asyncio


@pytest.fixture
def client() -> str:
    return secrets.token_urlsafe(24)


async def test_a_push_that_is_sent_again_on_a_new_connection_is_not_applied_again(
    room: Room, client: str
) -> None:
    first = await room.join(client=client)
    await first.send(push("k", "a", id=1), push("k", "b", id=2))
    await first.hears(ack(1, 1), ack(2, 2), stream_size("k", 2))
    await first.leave()
    second = await room.join(client=client)
    await second.send(push("k", "a", id=1), push("k", "b", id=2), push("k", "c", id=3))
    await second.hears(ack(1, 1), ack(2, 2), ack(3, 3), stream_size("k", 3))
    await room.holds("k", {1: "a", 2: "b", 3: "c"})


async def test_two_connections_of_a_client_share_its_ids(room: Room, client: str) -> None:
    one, other = await room.join(client=client), await room.join(client=client, cbor=True)
    await one.send(push("k", "a", id=1))
    await one.hears(ack(1, 1))
    await other.send(push("k", "a", id=1))
    await other.hears(ack(1, 1))


async def test_a_push_over_http_may_be_the_one_of_a_socket(room: Room, client: str) -> None:
    peer = await room.join(client=client)
    assert (await room.post(push("k", "a", id=1), client=client)).json == ack(1, 1)
    await peer.send(push("k", "a", id=1))
    await peer.hears(ack(1, 1))
    await room.holds("k", {1: "a"})


async def test_others_hear_an_acknowledged_push_as_any_other(room: Room, client: str) -> None:
    writer, reader = await room.join(client=client), await room.join()
    await reader.subscribe("k")
    await writer.send(push("k", "a", id=1), push("k", "a", id=1))
    await writer.hears(ack(1, 1), ack(1, 1))
    await reader.hears(pushed("k", "a", 1))
    await reader.hears_nothing()


async def test_a_secret_may_stand_in_the_url_among_the_subprotocols_or_beside_the_message(
    room: Room, client: str
) -> None:
    by_url = await room.join(query=f"client={client}")
    by_subprotocol = await room.join(client=client)
    assert by_subprotocol.answered["Sec-WebSocket-Protocol"] == "driftdb"
    assert "Sec-WebSocket-Protocol" not in by_url.answered
    for peer in (by_url, by_subprotocol):
        await peer.send(push("k", "a", id=1))
        await peer.hears(ack(1, 1))
    assert (await room.post(push("k", "a", id=1, client=client))).json == ack(1, 1)
    await room.holds("k", {1: "a"})


@pytest.mark.parametrize(
    "offers",
    [
        ["driftdb ,\t{}"],
        ["driftdb,, {} ,"],
        [",driftdb,{}"],
        ["driftdb, {}, chat"],
        ["chat, driftdb, {}"],
        ["driftdb", "{}"],
        ["chat", "driftdb, {}", "superchat"],
    ],
    ids=", then ".join,
)
async def test_a_secret_stands_behind_the_subprotocol_driftdb_of_any_list_of_them(
    room: Room, client: str, offers: list[str]
) -> None:
    headers = HTTPHeaders(room.server.headers)
    for each in offers:
        headers.add("Sec-WebSocket-Protocol", each.format(client))
    peer = await room.join(headers=headers)
    assert peer.answered["Sec-WebSocket-Protocol"] == "driftdb"
    await peer.send(push("k", "a", id=1))
    await peer.hears(ack(1, 1))


@pytest.mark.parametrize("offered", ["driftdb", "{}, driftdb", "driftdb, chat, {}", "driftdb ,,"])
async def test_ours_is_never_chosen_without_the_secret_behind_it(
    room: Room, client: str, offered: str
) -> None:
    headers = {**room.server.headers, "Sec-WebSocket-Protocol": offered.format(client)}
    with pytest.raises(HTTPClientError) as refused:
        await room.join(headers=headers)
    assert refused.value.code == 400


async def test_other_clients_have_ids_of_their_own(room: Room) -> None:
    for seq in (1, 2, 3):
        peer = await room.join(client=secrets.token_urlsafe(16))
        await peer.send(push("k", seq, "replace", id=1))
        await peer.hears(ack(1, seq))


async def test_ids_count_for_each_room(room: Room, server: Server, client: str) -> None:
    answer = await fetch(server.root + "new", method="POST", headers=server.headers)
    other = Room(server, answer.json["room"])
    assert (await room.post(push("k", "here"))).status == 200
    assert (await room.post(push("k", "a", id=1), client=client)).json == ack(1, 2)
    assert (await other.post(push("k", "a", id=1), client=client)).json == ack(1, 1)


async def test_at_least_the_newest_1024_ids_are_remembered(room: Room, client: str) -> None:
    peer = await room.join(client=client)
    last = 4096
    for n in range(1, last + 1):
        await peer.send(push("k", n, "replace", id=n))
        await peer.hears(ack(n, n))
    oldest = last - 1023
    await peer.send(*(push("k", "again", id=n) for n in range(oldest, last + 1)))
    for n in range(oldest, last + 1):
        assert await peer.receive() == ack(n, n)
    await peer.send(push("k", "again", id=1))
    await peer.hears(ack(1, None))
    await room.holds("k", {last: last})


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "x" * 15,
        "x" * 65,
        "x" * 16 + "!",
        "x" * 16 + "%20",
        "x" * 16 + "%C3%A9",
        "x" * 16 + "%0A",
    ],
)
async def test_a_malformed_secret_is_refused_with_400(room: Room, secret: str) -> None:
    for said in ({"client": secret}, {"query": f"client={secret}"}):
        with pytest.raises(HTTPClientError) as refused:
            await room.join(**said)  # type: ignore[arg-type]
        assert refused.value.code == 400
    assert (await room.post(push("k", 1, id=1, client=secret))).status == 400
    assert (await room.post(push("k", 1, id=1), client=secret)).status == 400
    await room.holds("k")


@pytest.mark.parametrize("secret", ["x" * 16, "x" * 64, "A_-z0123456789ab"])
async def test_a_secret_has_16_to_64_url_safe_characters(room: Room, secret: str) -> None:
    peer = await room.join(client=secret)
    await peer.send(push("k", 1, id=1))
    await peer.hears(ack(1, 1))


async def test_a_conflict_over_http_has_status_409(room: Room, client: str) -> None:
    await room.post(push("k", "a"))
    answer = await room.post(push("k", "b", if_seq=0, id=4), client=client)
    assert answer.status == 409
    conflict = answer.json
    assert conflict.pop("message")
    assert conflict == {"type": "error", "code": "conflict", "id": 4, "key": "k", "seq": 1}


async def test_of_two_who_write_first_one_is_told_that_the_other_was_faster(room: Room) -> None:
    anna, ben = await room.join(), await room.join()
    await anna.subscribe("k")
    await ben.subscribe("k")
    await anna.send(push("k", "anna", "replace", if_seq=0))
    await anna.hears(pushed("k", "anna", 1))
    await ben.send(push("k", "ben", "replace", if_seq=0))
    await ben.hears(pushed("k", "anna", 1))
    await ben.hears_error("conflict", key="k", seq=1)
