"""Which pages and host names a standalone server answers, and what the others are told."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest
from tornado.httpclient import AsyncHTTPClient
from tornado.httputil import HTTPHeaders, HTTPServerRequest, RequestStartLine

from driftdb_jupyter.server.http.gate import (
    ForeignHost,
    ForeignOrigin,
    Gate,
    check_host_rule,
    check_origin_rule,
    own_names,
)
from driftdb_jupyter.server.settings import DriftDB
from driftdb_jupyter.server.standalone import StandaloneServer

from ...conformance.peer import Answer, Room, fetch
from ...conformance.servers import Server, standalone

START = RequestStartLine("GET", "/", "HTTP/1.1")
HANDSHAKE = {
    **{"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"},
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
}


def asked(host: str, origin: str | None = None, *, protocol: str = "http") -> HTTPServerRequest:
    headers = HTTPHeaders({"Host": host})
    if origin is not None:
        headers["Origin"] = origin
    request = HTTPServerRequest(start_line=START, headers=headers)
    request.protocol = protocol
    return request


def takes_host(gate: Gate, host: str) -> bool:
    try:
        gate.check_host(asked(host))
    except ForeignHost:
        return False
    return True


def takes_origin(gate: Gate, host: str, origin: str | None, **how: str) -> bool:
    try:
        gate.check_origin(asked(host, origin, **how))
    except ForeignOrigin:
        return False
    return True


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "localhost:8080", "LOCALHOST:1", "rooms.localhost", "127.0.0.1:80"),
        *("127.1.2.3", "[::1]:8080", "[::1]", "192.168.1.5:8080", "8.8.8.8", "[2001:db8::7]:80"),
    ],
)
def test_addresses_and_names_for_itself_no_website_can_have(host: str) -> None:
    assert takes_host(Gate(), host)


@pytest.mark.parametrize(
    "host",
    [
        *("rebound.example", "rebound.example:8080", "localhost.example", "127.0.0.1.example"),
        *("1.2.3", "a;script-src*", "", "evil.example:", "localhost:1:2"),
        *("evil.example.", "xn--lclhost"),
    ],
)
def test_any_other_name_is_refused(host: str) -> None:
    assert not takes_host(Gate(), host)


@pytest.mark.parametrize(
    ("rule", "host", "taken"),
    [
        ("lab.example", "lab.example:8080", True),
        ("Lab.Example", "LAB.example", True),
        ("lab.example", "x.lab.example", False),
        ("lab.example", "labXexample", False),
        ("*.lab.example", "a.lab.example", True),
        ("*.lab.example", "a.b.lab.example:80", True),
        ("*.lab.example", "lab.example", False),
        ("*.lab.example", "evillab.example", False),
        ("*", "anything.example", True),
    ],
)
def test_names_are_allowed_by_rules(rule: str, host: str, taken: bool) -> None:
    assert takes_host(Gate(hosts=[rule]), host) == taken


def test_what_a_proxy_says_the_host_was_is_looked_at_too() -> None:
    request = asked("127.0.0.1:8080")
    request.host = "rebound.example"  # as Proxies sets it
    with pytest.raises(ForeignHost):
        Gate().check_host(request)


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("rooms.example", None),
        ("rooms.example", "http://rooms.example"),
        ("rooms.example:8080", "http://rooms.example:8080"),
        ("rooms.example", "https://rooms.example"),  # TLS may end before the server
        ("rooms.example:443", "https://rooms.example"),
        ("ROOMS.example", "https://rooms.EXAMPLE"),
        ("127.0.0.1:8080", "http://localhost:5173"),
        ("localhost:8080", "http://127.0.0.1:8080"),
        ("[::1]:8080", "http://localhost:8888"),
    ],
)
def test_pages_of_its_own_and_programs_are_let_in(host: str, origin: str | None) -> None:
    assert takes_origin(Gate(), host, origin)


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("127.0.0.1:8080", "https://evil.example"),
        ("localhost:8080", "http://localhost.evil.example"),
        ("localhost:8080", "http://127.0.0.1.evil.example"),
        ("localhost:8080", "null"),
        ("localhost:8080", ""),
        ("localhost:8080", "localhost:8080"),
        ("localhost:8080", "vscode-webview://localhost"),
        ("rooms.example", "http://localhost:5173"),
        ("192.168.1.5:8080", "http://localhost:8080"),
        ("rooms.example:8080", "http://rooms.example:8081"),
        ("rooms.example:8080", "http://rooms.example"),
        ("rooms.example", "http://rooms.example.evil.example"),
    ],
)
def test_pages_of_others_are_not(host: str, origin: str) -> None:
    assert not takes_origin(Gate(), host, origin)


def test_a_page_without_tls_is_none_of_a_server_behind_it() -> None:
    assert takes_origin(Gate(), "rooms.example", "https://rooms.example", protocol="https")
    for host in ("rooms.example", "localhost"):
        assert not takes_origin(Gate(), host, f"http://{host}", protocol="https")


@pytest.mark.parametrize(
    ("rule", "origin", "taken"),
    [
        ("https://school.example", "https://school.example", True),
        ("https://School.example/", "https://school.example", True),
        ("https://school.example:443", "https://school.example", True),
        ("https://school.example", "http://school.example", False),
        ("https://school.example", "https://school.example:444", False),
        ("https://school.example", "https://school.example.evil.example", False),
        ("https://school.example", "https://school-example", False),
        ("https://*.school.example", "https://a.b.school.example", True),
        ("https://*.school.example", "https://evilschool.example", False),
        ("https://*.school.example", "https://evil.example:1/.school.example", False),
        ("http://192.168.1.7:*", "http://192.168.1.7:5173", True),
        ("http://192.168.1.7:*", "http://192.168.1.7", True),
        ("http://192.168.1.7:*", "http://192.168.1.7.evil.example:5", False),
        ("vscode-webview://*", "vscode-webview://0123abcd", True),
        ("vscode-webview://*", "https://0123abcd", False),
        ("null", "null", True),
        ("*", "https://any.example", True),
        ("*", "null", True),
    ],
)
def test_pages_are_allowed_by_rules(rule: str, origin: str, taken: bool) -> None:
    assert takes_origin(Gate(origins=[rule]), "rooms.example", origin) == taken


def test_the_public_url_is_one_of_its_own() -> None:
    gate = Gate(public_url="https://school.example/rooms/")
    assert takes_host(gate, "school.example")
    assert takes_origin(gate, "127.0.0.1:8080", "https://school.example")
    assert not takes_origin(gate, "127.0.0.1:8080", "https://evil.example")


@pytest.mark.parametrize("rule", ["", "a b", "a:80", "http://a", "a.*", "*a", "a/b", "^", "[x]"])
def test_what_is_no_rule_for_hosts_is_said(rule: str) -> None:
    with pytest.raises(ValueError, match=r"^expected a host name without a port, \*\.NAME or \*"):
        check_host_rule(rule)


@pytest.mark.parametrize("rule", ["", "a", "a.example", "http://", "http://a/b", "http://a*", "?"])
def test_what_is_no_rule_for_origins_is_said(rule: str) -> None:
    with pytest.raises(ValueError, match=r"^expected an origin as https://school\.example, null"):
        check_origin_rule(rule)


def test_the_names_of_a_machine_in_its_network_are_rules() -> None:
    for name in own_names():
        assert takes_host(Gate(hosts=own_names()), name)


@pytest.mark.parametrize(
    ("settings", "host", "taken"),
    [
        ({}, "machine", False),
        ({"host": "0.0.0.0"}, "machine", True),
        ({"host": "0.0.0.0"}, "machine.local", True),
        ({"host": "0.0.0.0"}, "rebound.example", False),
        ({"host": "0.0.0.0", "allow_host": ["rooms.example"]}, "rooms.example", True),
        ({"certfile": "tls.pem"}, "any.example", True),  # a browser has compared it
    ],
)
def test_a_server_in_the_network_has_its_machines_names(
    settings: dict[str, Any], host: str, taken: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "Machine")
    gate = StandaloneServer(**settings)._gate(DriftDB())
    assert takes_host(gate, host) == taken


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with standalone(named_rooms=True) as server:
        yield server


async def asked_for_all(server: Server, **headers: str) -> dict[str, Answer]:
    """What a page gets that asks for everything."""
    room = Room(server, "lecture")
    return {
        "new": await fetch(server.root + "new", method="POST", headers=headers),
        "room": await fetch(room.url, headers=headers),
        "send": await fetch(
            room.url + "/send", method="POST", body='{"type":"ping"}', headers=headers
        ),
        "preflight": await fetch(room.url + "/send", method="OPTIONS", headers=headers),
        "connect": await fetch(room.url + "/connect", headers={**HANDSHAKE, **headers}),
        "debug": await fetch(room.url + "/connect?debug=true", headers={**HANDSHAKE, **headers}),
        "access": await fetch(room.url + "/access", headers=headers),
        "figures": await fetch(room.url + "/figures", headers=headers),
        "page": await fetch(room.url + "/page", headers=headers),
        "front": await fetch(server.root, headers=headers),
    }


@pytest.mark.asyncio
class TestServer:
    async def test_a_website_has_nothing_of_a_server_on_this_machine(self, server: Server) -> None:
        answers = await asked_for_all(server, Origin="https://evil.example")
        assert {name: answer.status for name, answer in answers.items()} == dict.fromkeys(
            answers, 403
        )
        assert not server.complete(server.hub.rooms.has("lecture"))
        told = answers["room"].json
        assert (told["type"], told["code"]) == ("error", "forbidden")
        assert "--allow-origin https://evil.example" in told["message"]
        # So that a client in that page can say why it is refused.
        assert answers["room"].headers["Access-Control-Allow-Origin"] == "*"

    async def test_a_name_that_was_bound_anew_has_nothing_either(self, server: Server) -> None:
        answers = await asked_for_all(
            server, Host="rebound.example:8080", Origin="http://rebound.example:8080"
        )
        assert {name: answer.status for name, answer in answers.items()} == dict.fromkeys(
            answers, 403
        )
        assert "--allow-host rebound.example" in answers["room"].json["message"]
        assert "--allow-host rebound.example" in answers["page"].body.decode()

    async def test_what_a_header_says_is_text_and_no_markup(self, server: Server) -> None:
        for name in ("Host", "Origin"):
            answers = await asked_for_all(server, **{name: "http://<img src=x>"})
            for answer in answers.values():
                assert answer.status in (400, 403)  # Tornado itself looks at a Host
                assert b"<img" not in answer.body

    async def test_the_client_may_be_loaded_by_a_page_that_is_then_refused(
        self, server: Server
    ) -> None:
        answer = await fetch(server.root + "driftdb.js", headers={"Origin": "https://a.example"})
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert answer.status == 200

    async def test_no_image_makes_a_room(self, server: Server) -> None:
        """Its request has no Origin, for it can't read what comes."""
        answer = await fetch(server.root + "room/made-by-an-image/connect")
        assert answer.status == 400
        assert not server.complete(server.hub.rooms.has("made-by-an-image"))

    async def test_the_health_is_answered_by_any_name(self, server: Server) -> None:
        answer = await fetch(server.root + "health", headers={"Host": "10-0-0-7.pod.example"})
        assert (answer.status, answer.json) == (200, {"status": "ok"})

    async def test_a_client_in_python_is_told_which_setting(self, server: Server) -> None:
        headers = {"Host": "lab.example"}
        answer = await AsyncHTTPClient().fetch(
            server.root + "room/a", headers=headers, raise_error=False
        )
        assert answer.reason == "Host name not allowed"
