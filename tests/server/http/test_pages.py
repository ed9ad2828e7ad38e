"""The pages' shell: who may see it, what it may do, and that nothing of a room is in it."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from driftdb_jupyter.server.http import pages
from driftdb_jupyter.server.http.gate import Gate

from ...conformance.peer import Answer, Room, fetch
from ...conformance.servers import TOKEN, Server, jupyter, standalone

pytestmark = pytest.mark.asyncio

ELSEWHERE = {"Origin": "https://elsewhere.example"}


@pytest.fixture(scope="module", params=["jupyter", "standalone"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    kind = jupyter if request.param == "jupyter" else standalone
    with kind(base_url="/a/b/") as server:
        yield server


@pytest.fixture(scope="module")
def open_server() -> Iterator[Server]:
    with standalone(frame_ancestors="https://school.example") as server:
        yield server


@pytest.fixture(autouse=True)
def built(monkeypatch: pytest.MonkeyPatch) -> None:
    files = {
        **{"room-AAAA.js": b"1", "inspector-BBBB.js": b"2", "front-CCCC.js": b"3"},
        **{"pages-DDDD.css": b"a{}", "chunk-EEEE.js": b"4"},
        **{"driftdb.js": b"5", "driftdb-cbor.js": b"6", "driftdb-share.js": b"7"},
    }
    monkeypatch.setattr(pages, "files", lambda: files)
    monkeypatch.setattr(pages, "packed", lambda: {"driftdb-cbor.js": b"packed"})


async def new_room(server: Server) -> Room:
    made = await fetch(server.root + "new", method="POST", headers=server.headers)
    return Room(server, made.json["room"])


async def page_of(room: Room, what: str = "page") -> Answer:
    return await fetch(f"{room.url}/{what}", headers=room.server.headers)


@pytest.mark.parametrize(("what", "script"), [("page", "room-AAAA"), ("inspect", "inspector-BBBB")])
async def test_a_room_has_its_pages(server: Server, what: str, script: str) -> None:
    answer = await page_of(await new_room(server), what)
    assert answer.status == 200
    # Relative: whatever a proxy has put before the path, or taken off it.
    assert f'src="../../pages/{script}.js"' in answer.body.decode()
    assert 'href="../../pages/pages-DDDD.css"' in answer.body.decode()


@pytest.mark.parametrize("what", ["page", "inspect"])
async def test_a_page_tells_whether_who_opens_it_owns_the_room(
    open_server: Server, what: str
) -> None:
    made = await fetch(open_server.root + "new?admin=true", method="POST")
    room = Room(open_server, made.json["room"])
    owner = {"Authorization": f"Bearer {made.json['admin']}"}
    for headers, mark in ((owner, True), ({}, False)):
        answer = await fetch(f"{room.url}/{what}", headers=headers)
        assert answer.status == 200
        assert (b'data-owned="yes"' in answer.body) is mark


@pytest.mark.parametrize("what", ["page", "inspect"])
async def test_a_page_runs_nothing_that_is_not_the_servers_own(server: Server, what: str) -> None:
    answer = await page_of(await new_room(server), what)
    (policy,) = answer.headers.get_list("Content-Security-Policy")
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    host = server.root.split("/")[2]
    assert rules == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "connect-src": f"'self' ws://{host} wss://{host}",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'self'",
    }
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Access-Control-Allow-Origin" not in answer.headers


async def test_a_host_that_is_none_widens_no_policy(open_server: Server) -> None:
    room = await new_room(open_server)
    url = f"{room.url}/page"
    answer = await fetch(url, headers={"Host": "a;script-src*", "X-Forwarded-Host": "a"})
    assert answer.status == 403
    assert answer.headers["Content-Security-Policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors https://school.example"
    )


async def test_who_may_frame_a_page_is_a_setting(open_server: Server) -> None:
    answer = await page_of(await new_room(open_server))
    assert "frame-ancestors https://school.example" in answer.headers["Content-Security-Policy"]


async def test_a_rooms_name_is_text_in_its_page() -> None:
    with jupyter() as server:
        room = Room(server, '"><img src=x onerror=alert(1)>')
        body = (await page_of(room)).body.decode()
    assert "<img" not in body
    assert "&quot;&gt;&lt;img" in body


@pytest.mark.parametrize("what", ["page", "inspect"])
async def test_a_page_of_a_room_says_that_it_is_not_kept_and_not_why(
    what: str, open_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = await new_room(open_server)
    assert b'class="trouble"' not in (await page_of(room, what)).body
    monkeypatch.setattr(open_server.hub.broker, "trouble", "/srv/rooms.db is <damaged>")
    page = (await page_of(room, what)).body
    assert b"this room ends with the server" in page
    assert b"damaged" not in page


async def test_a_room_that_is_not_there_has_no_page(open_server: Server) -> None:
    answer = await page_of(Room(open_server, "none"))
    assert answer.status == 404
    assert "<script" not in answer.body.decode()
    assert "no room of that name" in answer.body.decode()
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("what", ["", "/page", "/connect"])
async def test_that_a_room_is_missing_is_said_as_no_proxy_says_it(
    server: Server, what: str
) -> None:
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    handshake = {**upgrade, "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="} if what else {}
    no_name = f"{server.root}room/%07{what}"
    missing = await fetch(no_name, headers={**server.headers, **handshake})
    assert (missing.status, missing.headers.get("DriftDB-Missing")) == (404, "room")
    elsewhere = await fetch(server.root + "pages/none", headers=server.headers)
    assert (elsewhere.status, elsewhere.headers.get("DriftDB-Missing")) == (404, None)


async def test_where_names_are_allowed_each_has_a_page() -> None:
    with standalone(named_rooms=True) as server:
        assert (await page_of(Room(server, "lecture"))).status == 200


async def test_a_file_of_the_pages_never_changes(server: Server) -> None:
    answer = await fetch(server.root + "pages/chunk-EEEE.js", headers=server.headers)
    assert (answer.status, answer.body) == (200, b"4")
    assert answer.headers["Content-Type"] == "text/javascript; charset=UTF-8"
    assert "immutable" in answer.headers["Cache-Control"]
    missing = await fetch(server.root + "pages/..%2Fpages.py", headers=server.headers)
    assert missing.status == 404


async def test_the_client_is_at_an_address_that_stays_for_pages_of_any_origin(
    server: Server,
) -> None:
    cbor = await fetch(server.root + "driftdb-cbor.js", headers=server.headers)
    assert (cbor.status, cbor.body) == (200, b"6")
    share = await fetch(server.root + "driftdb-share.js", headers=server.headers)
    assert (share.status, share.body) == (200, b"7")
    answer = await fetch(server.root + "driftdb.js", headers=server.headers)
    assert (answer.status, answer.body) == (200, b"5")
    assert answer.headers["Content-Type"] == "text/javascript; charset=UTF-8"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Cache-Control"] == "no-cache"
    known = {**server.headers, "If-None-Match": answer.headers["ETag"]}
    assert (await fetch(server.root + "driftdb.js", headers=known)).status == 304


async def test_a_file_is_compressed_for_who_takes_that(server: Server) -> None:
    def asked(name: str = "driftdb.js", **headers: str) -> tuple[Any, bytes]:
        url = server.root + name
        # Tornado's client unpacks by itself.
        with urlopen(Request(url, headers={**server.headers, **headers}), timeout=60) as answer:
            return answer.headers, answer.read()

    headers, plain = await asyncio.to_thread(asked)
    assert "Content-Encoding" not in headers
    headers, zipped = await asyncio.to_thread(asked, **{"Accept-Encoding": "gzip, br"})
    assert (headers["Content-Encoding"], headers["Vary"]) == ("gzip", "Accept-Encoding")
    assert gzip.decompress(zipped) == plain == b"5"
    for accepted, coding in (("gzip, deflate, br;q=1", "br"), ("gzip", "gzip"), ("brotli", None)):
        accept = {"Accept-Encoding": accepted}
        headers, content = await asyncio.to_thread(asked, "driftdb-cbor.js", **accept)
        assert headers["Content-Encoding"] == coding
        assert (content == b"packed") is (coding == "br")


async def test_only_the_size_of_a_file_may_be_asked_for(server: Server) -> None:
    answer = await fetch(server.root + "driftdb.js", headers=server.headers, method="HEAD")
    assert (answer.status, answer.body) == (200, b"")


async def test_what_was_not_built_says_so(
    open_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "files", dict)
    assert "was not built" in (await page_of(await new_room(open_server))).body.decode()


async def test_what_is_built_has_an_entry_for_each_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert set(pages.packed()) == {name for name in pages.files() if not name.endswith(".txt")}
    names = {name.partition("-")[0] for name in pages.files()}
    assert {"room", "inspector", "front", "pages", "driftdb.js", "THIRD_PARTY.txt"} <= names
    assert (Path(pages.__file__).parents[1] / "page.html").is_file()


async def test_the_front_page_is_at_the_root(server: Server) -> None:
    answer = await fetch(server.root, headers=server.headers)
    assert "front-CCCC.js" in answer.body.decode()


async def test_the_figures_count_connections_of_this_room_alone(server: Server) -> None:
    room, other = await new_room(server), await new_room(server)
    await room.join()
    await other.join()
    answer = await page_of(room, "figures")
    await room.empty()
    await other.empty()
    assert answer.json == {"connections": 1, "seq": 0}


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ({}, True),
        ({"Host": "localhost:1"}, True),
        ({"Host": "[::1]:1"}, True),
        ({"Host": "rooms.example"}, False),
        ({"Host": "localhost.example"}, False),
        ({"X-Forwarded-For": "192.0.2.7"}, False),
        ({"X-Real-Ip": "192.0.2.7"}, False),
        ({"Via": "1.1 proxy"}, False),
        ({"Forwarded": "for=192.0.2.7"}, False),
    ],
)
async def test_only_a_page_on_this_machine_is_told_the_servers_own_address(
    headers: dict[str, str], told: bool
) -> None:
    gate = Gate(hosts=["rooms.example", "localhost.example"])
    with standalone(named_rooms=True, reach=lambda: "http://192.0.2.2:8080/", gate=gate) as server:
        answer = await fetch(server.root + "room/a/page", headers=headers)
    assert answer.status == 200
    assert ("192.0.2.2" in answer.body.decode()) == told


class TestUnderJupyter:
    async def test_who_is_not_logged_in_is_sent_to_the_login(self, jupyter_server: Server) -> None:
        answer = await fetch(jupyter_server.root + "room/lecture/page")
        assert (answer.status, "/login?next=" in answer.headers["Location"]) == (302, True)

    async def test_the_files_that_everybody_may_have_need_no_login(
        self, jupyter_server: Server
    ) -> None:
        """JupyterHub would refuse a page's scripts for want of a token (``_xsrf``)."""
        for name in ("pages/chunk-EEEE.js", "driftdb.js"):
            answer = await fetch(jupyter_server.root + name, headers=ELSEWHERE)
            assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (200, "*")

    async def test_a_token_in_the_link_is_a_login(self, jupyter_server: Server) -> None:
        answer = await fetch(f"{jupyter_server.root}room/lecture/page?token={TOKEN}")
        assert (answer.status, "room-AAAA.js" in answer.body.decode()) == (200, True)
        assert TOKEN not in answer.body.decode()

    async def test_who_may_not_read_has_no_page(self, jupyter_server: Server) -> None:
        jupyter_server.rights.refused.add("read")
        try:
            answer = await page_of(Room(jupyter_server, "lecture"))
        finally:
            jupyter_server.rights.restore()
        assert (answer.status, "no permission" in answer.body.decode()) == (403, True)

    async def test_a_page_makes_no_room(self, jupyter_server: Server) -> None:
        before = len(jupyter_server.hub.rooms)
        await page_of(Room(jupyter_server, "seen-by-nobody"))
        assert len(jupyter_server.hub.rooms) == before
