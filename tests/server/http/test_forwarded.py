"""What reverse proxies say is believed of those that are named, and of nobody else."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from tornado.httputil import HTTPHeaders, HTTPServerRequest, RequestStartLine

from driftdb_jupyter.server.http.forwarded import Proxies, proxies_of
from driftdb_jupyter.server.http.gate import Gate
from driftdb_jupyter.server.settings import DriftDB

from ...conformance.peer import fetch
from ...conformance.servers import standalone


def asked(near: str, *headers: tuple[str, str]) -> Any:
    """A request that a connection from ``near`` brings."""
    given = HTTPHeaders({"Host": "127.0.0.1:8080"})
    for name, value in headers:
        given.add(name, value)
    connection: Any = SimpleNamespace(
        context=SimpleNamespace(address=(near, 1), remote_ip=near, protocol="http")
    )
    return HTTPServerRequest(start_line=START, headers=given, connection=connection)


def client_of(proxies: Proxies, near: str, *headers: tuple[str, str]) -> str:
    request = asked(near, *headers)
    proxies.apply(request)
    return str(request.remote_ip)


START = RequestStartLine("GET", "/", "HTTP/1.1")
FOR = "X-Forwarded-For"
PROXIES = Proxies(["10.0.0.0/8", "127.0.0.1/32", "2001:db8::/32"])


@pytest.mark.parametrize(
    ("near", "said", "client"),
    [
        ("127.0.0.1", "203.0.113.7", "203.0.113.7"),
        # What stands left of it the client has written.
        ("127.0.0.1", "1.1.1.1, 203.0.113.7", "203.0.113.7"),
        ("127.0.0.1", "127.0.0.1, 203.0.113.7", "203.0.113.7"),
        ("127.0.0.1", "203.0.113.7, 10.1.1.1", "203.0.113.7"),
        ("127.0.0.1", "1.1.1.1, 203.0.113.7, 10.1.1.1,10.2.2.2", "203.0.113.7"),
        ("127.0.0.1", "203.0.113.7:4711", "203.0.113.7"),
        ("127.0.0.1", "[2001:db9::1]:80", "2001:db9::1"),
        ("127.0.0.1", "2001:db9::1", "2001:db9::1"),
        ("::ffff:127.0.0.1", "203.0.113.7", "203.0.113.7"),
        ("2001:db8::5", "203.0.113.7", "203.0.113.7"),
        # All that speak are proxies: the farthest one asks.
        ("127.0.0.1", "10.1.1.1", "10.1.1.1"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("127.0.0.1", ", ,", "127.0.0.1"),
        ("127.0.0.1", "203.0.113.7, unknown", "127.0.0.1"),
        ("127.0.0.1", "203.0.113.7, unknown, 10.1.1.1", "10.1.1.1"),
        ("127.0.0.1", "<script>", "127.0.0.1"),
        # No proxy that is known.
        ("192.0.2.1", "203.0.113.7", "192.0.2.1"),
        ("192.0.2.1", "127.0.0.1", "192.0.2.1"),
    ],
)
def test_the_client_is_the_rightmost_that_is_no_trusted_proxy(
    near: str, said: str, client: str
) -> None:
    assert client_of(PROXIES, near, (FOR, said)) == client


def test_the_lines_of_a_list_are_one() -> None:
    lines = [(FOR, "1.1.1.1"), (FOR, "203.0.113.7, 10.1.1.1")]
    assert client_of(PROXIES, "127.0.0.1", *lines) == "203.0.113.7"


def test_by_default_nobody_is_believed_and_that_is_noticed() -> None:
    request = asked("127.0.0.1", (FOR, "203.0.113.7"), ("X-Forwarded-Proto", "https"))
    assert Proxies().apply(request) is False
    assert (request.remote_ip, request.protocol) == ("127.0.0.1", "http")
    assert Proxies().apply(asked("127.0.0.1")) is True
    assert PROXIES.apply(asked("192.0.2.1", (FOR, "203.0.113.7"))) is False


@pytest.mark.parametrize("name", ["X-Real-Ip", "X-Client-Ip", "Forwarded", "True-Client-Ip"])
def test_a_header_that_the_proxy_may_pass_on_as_it_came_is_never_looked_at(name: str) -> None:
    spoofed = (name, "for=1.1.1.1" if name == "Forwarded" else "1.1.1.1")
    assert client_of(PROXIES, "127.0.0.1", (FOR, "203.0.113.7"), spoofed) == "203.0.113.7"


@pytest.mark.parametrize(
    ("said", "client"),
    [
        ("for=203.0.113.7", "203.0.113.7"),
        ('for=1.1.1.1, For="203.0.113.7:4711";proto=https', "203.0.113.7"),
        ('for="[2001:db9::1]:80"', "2001:db9::1"),
        ("for=203.0.113.7, for=10.1.1.1", "203.0.113.7"),
        ("for=203.0.113.7;by=_x, for=_hidden", "127.0.0.1"),
        ("rubbish", "127.0.0.1"),
        # What the client has written left of it takes nothing away.
        ('for="1.1.1.1, for=203.0.113.7', "203.0.113.7"),
        ('for="1.1.1.1, for="[2001:db9::1]:80"', "2001:db9::1"),
        ('for=1.1.1.1;x=", for=203.0.113.7;host="a,b"', "203.0.113.7"),
        ('for=1.1.1.1", for=203.0.113.7, for=10.1.1.1', "203.0.113.7"),
        ("rubbish, for=203.0.113.7", "203.0.113.7"),
        ("for=1.1.1.1, rubbish, for=10.1.1.1", "10.1.1.1"),
        (", ,for=203.0.113.7, ,", "203.0.113.7"),
        ('for=1.1.1.1, for="203.0.113.7', "127.0.0.1"),
        ('for="1.1.1.1, for=2.2.2.2", for=203.0.113.7;', "203.0.113.7"),
        ('for=203.0.113.7;by="a, for=1.1.1.1;x="', "203.0.113.7"),
        ("", "127.0.0.1"),
    ],
)
def test_the_standards_header_is_read_where_the_proxy_sets_that(said: str, client: str) -> None:
    proxies = Proxies(["127.0.0.1", "10.0.0.0/8"], standard=True)
    spoofed = (FOR, "9.9.9.9")
    assert client_of(proxies, "127.0.0.1", ("Forwarded", said), spoofed) == client


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ({"Proto": "https"}, ("https", "127.0.0.1:8080", "")),
        ({"Proto": "HTTPS", "Host": "a.example"}, ("https", "a.example", "")),
        ({"Proto": "wss", "Host": "a.example:8443"}, ("https", "a.example:8443", "")),
        ({"Proto": "https", "Prefix": "/rooms/"}, ("https", "127.0.0.1:8080", "/rooms")),
        ({"Prefix": "/a/b"}, ("http", "127.0.0.1:8080", "/a/b")),
        # What would lead elsewhere, or into a header or page.
        ({"Prefix": "//evil.example"}, ("http", "127.0.0.1:8080", "")),
        ({"Prefix": "https://evil.example"}, ("http", "127.0.0.1:8080", "")),
        ({"Prefix": "/<script>"}, ("http", "127.0.0.1:8080", "")),
        ({"Host": "a.example/evil"}, ("http", "127.0.0.1:8080", "")),
        ({"Host": "a b"}, ("http", "127.0.0.1:8080", "")),
        ({"Proto": "javascript"}, ("http", "127.0.0.1:8080", "")),
    ],
)
def test_scheme_host_and_prefix_are_what_the_client_has_asked_by(
    headers: dict[str, str], told: tuple[str, str, str]
) -> None:
    said = [(f"X-Forwarded-{name}", value) for name, value in headers.items()]
    request = asked("127.0.0.1", (FOR, "203.0.113.7"), *said)
    assert PROXIES.apply(request) is True
    assert (request.protocol, request.host, request.prefix) == told


def test_of_two_proxies_the_first_knows_how_the_client_has_asked() -> None:
    chain = [(FOR, "203.0.113.7, 10.1.1.1"), ("X-Forwarded-Proto", "https, http")]
    request = asked("127.0.0.1", *chain)
    PROXIES.apply(request)
    assert request.protocol == "https"
    # A client's own word stands left of theirs.
    request = asked("127.0.0.1", (FOR, "203.0.113.7"), ("X-Forwarded-Proto", "https, http"))
    PROXIES.apply(request)
    assert request.protocol == "http"


@pytest.mark.asyncio
async def test_urls_in_answers_are_the_clients() -> None:
    gate = Gate(hosts=["rooms.example"])
    with standalone(named_rooms=True, trusted_proxies=["127.0.0.1"], gate=gate) as server:
        headers = {
            **{"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https"},
            **{"X-Forwarded-Host": "rooms.example", "X-Forwarded-Prefix": "/a"},
        }
        answer = await fetch(server.root + "room/r", headers=headers)
        foreign = {**headers, "X-Forwarded-Host": "evil.example"}
        refused = await fetch(server.root + "room/r", headers=foreign)
    assert answer.json["socket_url"] == "wss://rooms.example/a/room/r/connect"
    assert answer.json["http_url"] == "https://rooms.example/a/room/r/send"
    assert answer.headers["Cache-Control"] == "no-store"
    assert refused.status == 403


@pytest.mark.asyncio
async def test_the_public_url_is_that_of_all_answers_and_links() -> None:
    with standalone(named_rooms=True, public_url="https://school.example/rooms") as server:
        answer = await fetch(server.root + "room/r", headers={"X-Forwarded-Proto": "http"})
        page = await fetch(server.root + "room/r/page", headers={"Host": "school.example"})
    assert answer.json["socket_url"] == "wss://school.example/rooms/room/r/connect"
    assert 'data-reach="https://school.example/rooms/"' in page.body.decode()


@pytest.mark.asyncio
async def test_limits_by_address_are_the_clients() -> None:
    with standalone(
        trusted_proxies=["127.0.0.1"], request_limit_per_second=0.001, request_limit_burst=1
    ) as server:
        statuses = [
            (await fetch(server.root + "health", headers={FOR: said})).status
            for said in ("203.0.113.7", "203.0.113.7", "1.1.1.1, 203.0.113.7", "203.0.113.8")
        ]
    assert statuses == [200, 429, 429, 200]


@pytest.mark.parametrize("entry", ["proxy.example", "10.0.0.0/99", "", "*"])
def test_what_is_no_address_is_no_proxy(entry: str) -> None:
    with pytest.raises(Exception, match="expected addresses or networks") as refused:
        DriftDB(trusted_proxies=[entry])
    assert "trusted_proxies" in str(refused.value)


def test_settings_name_them() -> None:
    proxies = proxies_of(DriftDB(trusted_proxies=["10.0.0.1/8", "::1"]))
    assert proxies.include("10.9.9.9")
    assert proxies.include("::1")
    assert not proxies.include("11.0.0.1")
    assert not proxies.include("")


@pytest.mark.parametrize(
    "url", ["ftp://a/", "a.example", "https://", "https://a/?x", "https://a//b", "javascript:1"]
)
def test_a_public_url_is_the_url_of_a_root(url: str) -> None:
    with pytest.raises(Exception, match=r"expected the URL of public_url as https://HOST/PATH/"):
        DriftDB(public_url=url)
