"""The standalone server: open to the pages that it allows, plain or behind TLS."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import ssl
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from tornado.httpclient import HTTPClientError
from tornado.netutil import bind_sockets

from driftdb_jupyter.server.http import reach as reach_module
from driftdb_jupyter.server.http.gate import Gate
from driftdb_jupyter.server.settings import DriftDB
from driftdb_jupyter.server.standalone import StandaloneServer

from ..certificates import CERTIFICATE
from ..conformance.peer import Room, fetch, get, init, push, pushed, several
from ..conformance.servers import Server, standalone

pytestmark = pytest.mark.asyncio

UPGRADE = (
    b"GET /room/a/connect HTTP/1.1\r\nHost: localhost\r\n"
    b"Connection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
ELSEWHERE = {"Origin": "https://elsewhere.example"}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with standalone(gate=Gate(origins=["https://elsewhere.example"])) as server:
        yield server


@pytest.fixture(scope="module")
def secure() -> Iterator[Server]:
    """A server behind TLS of its own."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(CERTIFICATE)
    with standalone(tls=context, gate=Gate(origins=["*"])) as server:
        yield server


@asynccontextmanager
async def raw(
    server: Server,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection on which a test writes what it likes."""
    host, _, port = server.root.split("/")[2].partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def new_room(server: Server, **options: Any) -> Room:
    answer = await fetch(server.root + "new", method="POST", headers=ELSEWHERE, **options)
    return Room(server, answer.json["room"])


async def test_a_page_that_is_allowed_makes_and_uses_rooms(server: Server) -> None:
    made = await fetch(server.root + "new", method="POST", headers=ELSEWHERE)
    assert (made.status, made.headers["Access-Control-Allow-Origin"]) == (200, "*")
    room = Room(server, made.json["room"])
    for method, url, body in (
        ("GET", room.url, None),
        ("POST", room.url + "/send", '{"type":"ping"}'),
    ):
        answer = await fetch(url, method=method, body=body, headers=ELSEWHERE)
        assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (200, "*")


async def test_a_path_that_leads_nowhere_says_what_answers_and_where_to_begin(
    server: Server,
) -> None:
    answer = await fetch(server.root + "nonsense")
    assert answer.status == 404
    assert answer.headers["Content-Type"] == "text/plain; charset=UTF-8"
    assert answer.body == b"There is nothing here. This server hosts DriftDB rooms: see /\n"


async def test_a_refusal_may_be_read_by_it_too(server: Server) -> None:
    room = await new_room(server)
    unknown = await fetch(server.root + "room/unknown", headers=ELSEWHERE)
    assert (unknown.status, unknown.headers["Access-Control-Allow-Origin"]) == (404, "*")
    assert unknown.headers["Access-Control-Expose-Headers"] == "DriftDB-Missing"
    bad = await fetch(room.url + "/send", method="POST", body="x", headers=ELSEWHERE)
    assert (bad.status, bad.headers["Access-Control-Allow-Origin"]) == (400, "*")


async def test_a_page_that_is_allowed_opens_sockets(server: Server) -> None:
    room = await new_room(server)
    peer = await room.join(headers=ELSEWHERE)
    await peer.send(get("k"))
    await peer.hears(init("k"))
    await room.empty()


async def test_a_preflight_is_allowed(server: Server) -> None:
    room = await new_room(server)
    answer = await fetch(
        room.url + "/send",
        method="OPTIONS",
        headers={
            **ELSEWHERE,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type",
        },
    )
    assert answer.status in (200, 204)
    assert answer.body == b""
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    allowed = answer.headers["Access-Control-Allow-Headers"].lower().split(", ")
    assert {"authorization", "content-type", "driftdb-token"} <= {*allowed}


@pytest.mark.parametrize("what", ["", "/page", "/inspect", "/figures"])
async def test_asking_for_a_room_neither_makes_nor_loads_it(what: str) -> None:
    with standalone(named_rooms=True, room_idle_seconds=0.0) as server:
        assert (await fetch(server.root + "room/none" + what)).status == 200
        assert not server.complete(server.hub.rooms.has("none"))
        room = Room(server, "a")
        await room.post(push("k", 1))
        server.run(server.hub.tidy)
        assert len(server.hub.rooms) == 0
        assert (await fetch(room.url + what)).status == 200
        assert len(server.hub.rooms) == 0
        await room.holds("k", {1: 1})


async def test_without_names_a_room_that_is_not_there_is_not_found(server: Server) -> None:
    room = await new_room(server)
    for what in ("", "/page", "/inspect", "/figures"):
        assert (await fetch(server.root + "room/none" + what)).status == 404
        assert (await fetch(room.url + what)).status == 200


async def test_a_base_url_is_literal_text_for_every_route() -> None:
    with standalone(base_url="/a+b/(c)/", named_rooms=True, secret="opens-all") as server:
        opened = {"Authorization": "DriftDB opens-all"}
        for path in ("", "health", "room/r", "room/r/page", "driftdb.js", "admin/rooms"):
            assert (await fetch(server.root + path, headers=opened)).status == 200, path


async def test_rooms_have_a_limit_that_answers_quota() -> None:
    with standalone(named_rooms=True, room_limit=2) as server:
        for _ in range(2):
            assert (await fetch(server.root + "new", method="POST")).status == 200
        refused = await fetch(server.root + "new", method="POST")
        assert (refused.status, refused.json["code"]) == (429, "quota")
        assert (await Room(server, "named").post(push("k", 1))).status == 429
        with pytest.raises(HTTPClientError) as connecting:
            await Room(server, "named").join()
        assert connecting.value.code == 429


async def test_the_limits_of_a_message_are_settings() -> None:
    settings: dict[str, Any] = {
        "message_limit_bytes": 2048,
        "key_limit_bytes": 3,
        "nesting_limit": 2,
    }
    with standalone(named_rooms=True, **settings) as server:
        room = Room(server, "a")
        peer = await room.join()
        await peer.send(push("k", "x" * 2048))
        await peer.hears_error("too_large")
        await peer.send(push("long", 1))
        await peer.hears_error("too_large")
        await peer.send(push("k", [[[]]]))
        await peer.hears_error("bad_message")
        await peer.send(push("k", [[]]))
        await peer.settle()
        await room.holds("k", {1: [[]]})
        await peer.send(push("k", "x" * 5000))
        await peer.is_closed_with(1009)
        await room.empty()


@pytest.mark.parametrize(
    ("bound", "first", "refused"),
    [
        ({"room_keys_limit": 1}, push("a", 1), push("b", 1)),
        ({"stream_length_limit": 2}, several("k", [1, 2]), push("k", 3)),
        ({"stream_limit_bytes": 1024}, push("k", "x" * 900), push("k", "y" * 200)),
        ({"room_limit_bytes": 1024}, push("a", "x" * 900), push("b", "y" * 200)),
    ],
    ids=lambda bound: next(iter(bound)) if len(bound) == 1 else "",
)
async def test_the_bounds_of_a_room_are_settings_that_answer_quota(
    bound: dict[str, Any], first: dict[str, Any], refused: dict[str, Any]
) -> None:
    with standalone(named_rooms=True, **bound) as server:
        room = Room(server, "a")
        assert (await room.post(first)).status == 200
        peer = await room.join(client="x" * 16)
        await peer.send({**refused, "id": 5})
        await peer.hears_error("quota", id=5)
        answer = await room.post(refused)
        assert (answer.status, answer.json["code"]) == (429, "quota")
        await room.empty()


async def test_how_many_values_a_push_may_carry_is_a_setting() -> None:
    with standalone(named_rooms=True, values_limit=2) as server:
        room = Room(server, "a")
        assert (await room.post(several("k", [1, 2]))).status == 200
        answer = await room.post(several("k", [1, 2, 3]))
        assert (answer.status, answer.json["code"]) == (413, "too_large")


async def test_a_connection_that_sends_too_fast_is_read_no_further_and_nothing_is_refused() -> None:
    slow: dict[str, Any] = {"rate_limit_per_second": 20.0, "rate_limit_burst": 3}
    with standalone(named_rooms=True, **slow) as server:
        room = Room(server, "a")
        flood, other = await room.join(), await room.join(cbor=True)
        await other.subscribe("k")
        began = time.monotonic()
        await flood.send(*(push("k", n, "relay") for n in range(12)), {"type": "none"}, get("k"))
        await other.hears(*(pushed("k", n, n + 1) for n in range(12)))
        await flood.hears_error("bad_message")
        await flood.hears(init("k"))
        # Whatever the machine does, the last of them came no sooner.
        assert time.monotonic() - began >= (14 - 3 - 1) / 20
        await room.empty()


async def test_all_connections_of_an_address_may_be_held_together() -> None:
    slow: dict[str, Any] = {"address_rate_limit_per_second": 20.0, "address_rate_limit_burst": 2}
    with standalone(named_rooms=True, **slow) as server:
        room = Room(server, "a")
        peers = [await room.join() for _ in range(5)]
        began = time.monotonic()
        for peer in peers:
            await peer.send(get("k"), get("k"))
        for peer in peers:
            await peer.hears(init("k"), init("k"))
        assert time.monotonic() - began >= (10 - 5 - 2) / 20
        await room.empty()


async def test_a_held_connection_is_not_taken_for_dead() -> None:
    settings: dict[str, Any] = {
        "rate_limit_per_second": 0.5,
        "rate_limit_burst": 1,
        "ping_interval_seconds": 0.3,
    }
    with standalone(named_rooms=True, **settings) as server:
        room = Room(server, "a")
        peer = await room.join()
        await peer.send(get("k"), get("k"))
        await peer.hears(init("k"), init("k"))
        await room.empty()


async def test_messages_over_http_that_come_too_fast_are_refused_before_they_are_read() -> None:
    slow: dict[str, Any] = {"rate_limit_per_second": 0.001, "rate_limit_burst": 3}
    with standalone(named_rooms=True, **slow) as server:
        room = Room(server, "a")
        for body in (push("k", 1, "relay"), "no message", push("k", 1, "relay")):
            assert (await room.post(body)).status in (200, 400)
        answer = await room.post(push("k", 1, "relay"))
        assert (answer.status, answer.json["code"]) == (429, "rate")
        assert int(answer.headers["Retry-After"]) > 900
        async with raw(server) as (reader, writer):
            writer.write(
                b"POST /room/a/send HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{"
            )
            assert b" 429 " in await reader.readline()
        assert (await fetch(server.root + "new", method="POST")).status == 429
        assert (await fetch(room.url)).status == 200  # that is no message


async def test_requests_of_an_address_have_a_rate() -> None:
    few: dict[str, Any] = {"request_limit_per_second": 0.001, "request_limit_burst": 4}
    with standalone(named_rooms=True, **few) as server:
        room = Room(server, "a")
        peer = await room.join()
        for path in ("nothing/there", "health", "driftdb.js"):
            assert (await fetch(server.root + path)).status != 429
        for path in ("nothing/there", "health", "driftdb.js", "room/a", "room/a/page"):
            answer = await fetch(server.root + path)
            assert (answer.status, int(answer.headers["Retry-After"]) > 900) == (429, True)
        with pytest.raises(HTTPClientError) as refused:
            await room.join()
        assert refused.value.code == 429
        await peer.settle()
        await room.empty()


async def test_one_address_makes_no_more_rooms_than_its_share() -> None:
    with standalone(named_rooms=True, address_room_limit=2) as server:
        assert (await fetch(server.root + "new", method="POST")).status == 200
        room = Room(server, "a")
        await room.join()
        refused = await fetch(server.root + "new", method="POST")
        assert (refused.status, refused.json["code"]) == (429, "quota")
        assert (await Room(server, "b").post(push("k", 1))).status == 429
        assert (await room.post(push("k", 1))).status == 200  # it is there already
        await room.empty()


async def test_connections_have_a_limit_that_answers_quota() -> None:
    with standalone(named_rooms=True, peer_limit=1) as server:
        room = Room(server, "a")
        peer = await room.join()
        with pytest.raises(HTTPClientError) as refused:
            await room.join()
        assert refused.value.code == 429
        await peer.leave()
        await server.has_peers(0)
        await (await room.join()).settle()
        await room.empty()


async def test_the_connections_of_one_address_have_a_limit() -> None:
    with standalone(named_rooms=True, address_peer_limit=1) as server:
        room = Room(server, "a")
        peer = await room.join()
        for _ in range(3):
            with pytest.raises(HTTPClientError) as refused:
                await room.join()
            assert refused.value.code == 429
        await peer.leave()
        await server.has_peers(0)
        with pytest.raises(HTTPClientError):
            await Room(server, "..").join()  # a refused handshake takes no place
        await (await room.join()).settle()
        await room.empty()


async def test_subscriptions_have_a_limit_that_answers_quota() -> None:
    with standalone(named_rooms=True, subscription_limit=2) as server:
        room = Room(server, "a")
        peer = await room.join()
        await peer.subscribe("a", "b")
        await peer.send(get("c"), get("a"), get("c", seq=None, presence=True))
        await peer.hears_error("quota")
        await peer.hears(init("a"))
        await peer.hears_error("quota")
        await peer.send({"type": "unsubscribe", "key": "a"}, get("c"))
        await peer.hears(init("c"))
        await room.empty()


async def test_descriptions_of_keys_take_no_place_of_keys() -> None:
    with standalone(named_rooms=True, subscription_limit=2) as server:
        room = Room(server, "a")
        peer = await room.join()
        await peer.subscribe("$meta/a", "a", "$meta/b", "b")
        await peer.send(get("$meta/c"))
        await peer.hears_error("quota")
        await peer.send({"type": "unsubscribe", "key": "$meta/a"}, get("$meta/c"))
        await peer.hears(init("$meta/c"))
        await peer.send(get("c"))
        await peer.hears_error("quota")
        await room.empty()


async def test_subscriptions_are_charged_to_the_memory_budget_until_they_end() -> None:
    with standalone(named_rooms=True) as server:
        room = Room(server, "a")
        peer = await room.join()
        await peer.settle()
        before = server.hub.memory.used_bytes
        keys = ["k" * 1000 + str(number) for number in range(10)]
        await peer.subscribe(*keys)
        charged = server.hub.memory.used_bytes - before
        assert charged > 20_000
        await peer.send({"type": "unsubscribe", "key": keys[0]}, get(keys[1], limit=1))
        await peer.hears(init(keys[1]))
        assert server.hub.memory.used_bytes - before == charged * 9 // 10
        await peer.leave()
        while server.hub.memory.used_bytes != before:
            await asyncio.sleep(0.005)


async def test_what_is_asked_for_beyond_the_memory_is_refused() -> None:
    with standalone(named_rooms=True, memory_limit_bytes=30_000) as server:
        room = Room(server, "a")
        peer = await room.join()
        await peer.send(*(get("k" * 1000 + str(number)) for number in range(20)))
        heard = [await peer.receive() for _ in range(20)]
        assert {message["type"] for message in heard} == {"init", "error"}
        assert heard[-1]["code"] == "quota"
        await room.empty()


async def test_whether_debug_is_allowed_is_a_setting() -> None:
    with standalone(named_rooms=True, debug_allowed=False) as server:
        room = Room(server, "a")
        await room.join()
        with pytest.raises(HTTPClientError, match="403"):
            await room.join(query="debug=true")
        await room.empty()


async def test_who_is_in_a_room_that_is_deleted_is_told_with_4404(server: Server) -> None:
    room = await new_room(server)
    peers = [await room.join(), await room.join(client="x" * 16)]
    await peers[0].send(push("k", 1))
    await peers[0].settle()
    assert server.complete(server.hub.rooms.delete(room.name))
    for peer in peers:
        await peer.is_closed_with(4404)
    assert (await fetch(room.url)).status == 404
    assert (await room.post(get("k"))).status == 404
    assert not server.complete(server.hub.rooms.delete(room.name))
    await room.empty()


async def test_a_room_comes_back_as_it_was_after_it_left_memory() -> None:
    with standalone(named_rooms=True, room_idle_seconds=0.0) as server:
        room = Room(server, "a")
        peer = await room.join()
        await peer.send(push("k", 1), get("k", epoch=None))
        before = await peer.receive()
        server.run(server.hub.tidy)
        assert len(server.hub.rooms) == 1
        await peer.leave()
        await server.has_peers(0)
        server.run(server.hub.tidy)
        assert len(server.hub.rooms) == 0
        assert (await room.post(get("k", epoch=None))).json == before


async def test_a_flood_is_slowed_to_what_its_readers_take() -> None:
    # So much that a reader which the system lets wait for a while is still within it.
    with standalone(named_rooms=True, outbox_limit_bytes=16 * 1024 * 1024) as server:
        room = Room(server, "a")
        reader, writer = await room.join(), await room.join()
        await reader.subscribe("k")
        value, count = "x" * 100_000, 1000

        async def flood() -> None:
            for _ in range(count):
                await writer.send(push("k", value, "relay"))

        flooding = asyncio.create_task(flood())
        # Six times what may wait for it, and yet it isn't closed and misses nothing.
        for seq in range(1, count + 1):
            assert (await reader.receive())["seq"] == seq
            await asyncio.sleep(0.001)
        await flooding
        await room.empty()


async def test_messages_are_compressed_where_that_is_set() -> None:
    with standalone(named_rooms=True, compression=True) as server:
        room = Room(server, "a")
        peers = [await room.join(compressed=True), await room.join(cbor=True)]
        for peer in peers:
            await peer.subscribe("k")
        await peers[0].send(push("k", "x" * 100_000), push("k", "y", "relay"))
        for peer in peers:
            await peer.hears(pushed("k", "x" * 100_000, 1), pushed("k", "y", 2))
        await room.empty()


async def test_a_peer_that_gives_no_sign_of_life_is_closed_and_others_stay() -> None:
    with standalone(named_rooms=True, ping_interval_seconds=0.2) as server:
        room = Room(server, "a")
        well = await room.join()
        await well.subscribe("k")
        host, _, port = server.root.removeprefix("http://").strip("/").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(UPGRADE)
        assert b"101" in await reader.readline()
        # It answers no ping, so the end comes.
        await asyncio.wait_for(reader.readuntil((1011).to_bytes(2, "big")), 60)
        writer.close()
        await well.hears_nothing()
        await room.empty()


@pytest.mark.parametrize("said", [None, "https", "http", "rubbish"])
async def test_behind_tls_urls_are_secure(secure: Server, said: str | None) -> None:
    headers = {} if said is None else {"X-Forwarded-Proto": said}
    made = await fetch(secure.root + "new", method="POST", headers=headers, validate_cert=False)
    assert made.json["http_url"].startswith(secure.root)
    assert made.json["socket_url"].startswith("wss://")


async def test_a_conversation_under_tls(secure: Server) -> None:
    room = await new_room(secure, validate_cert=False)
    peer = await room.join(validate_cert=False)
    cbor_peer = await room.join(cbor=True, validate_cert=False)
    large = "x" * 1_000_000
    for each in (peer, cbor_peer):
        await each.subscribe("k")
    await peer.send(push("k", large), push("k", "small", "relay"))
    for each in (peer, cbor_peer):
        await each.hears(pushed("k", large, 1), pushed("k", "small", 2))
        await each.send(get("k"))
        await each.hears(init("k", {1: large}))
    await room.empty()


class Told(logging.Handler):
    """What a server logs."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: asyncio.Queue[str] = asyncio.Queue()

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.put_nowait(record.getMessage())


async def test_where_it_listens_on_all_addresses_it_says_this_machines_own_as_it_is_now(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    address = "10.1.2.3"
    monkeypatch.setattr(reach_module, "own_address", lambda *families: address)
    sockets = bind_sockets(0, "127.0.0.1")
    port = sockets[0].getsockname()[1]
    told = Told()
    server = StandaloneServer(host="", log=logging.Logger("served"))
    server.log.addHandler(told)
    serving = asyncio.create_task(server.serve(DriftDB(parent=server), sockets, None))
    here, far = f"http://127.0.0.1:{port}/", f"http://10.1.2.3:{port}/"
    assert (await told.lines.get()).startswith("Settings: no configuration file")
    while not (line := await told.lines.get()).startswith("Rooms"):
        assert "open at once" in line
    assert line == f"Rooms are at {here} and {far} (stop with Ctrl-C)"
    assert f'data-reach="{far}"' in (await fetch(here)).body.decode()
    address = "192.168.7.8"
    assert f'data-reach="http://192.168.7.8:{port}/"' in (await fetch(here)).body.decode()
    os.kill(os.getpid(), signal.SIGTERM)
    await serving
