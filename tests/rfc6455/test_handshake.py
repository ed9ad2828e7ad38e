"""The handshake (RFC 6455, section 4.2)."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from unittest.mock import patch
from urllib.parse import urlsplit

import pytest

from driftdb_jupyter.server.http.handlers import Connect

from ..conformance.servers import Server
from .frames import TEXT, client_frame, close_frame, frames_in
from .servers import echoing

GOOD = {
    "Host": "localhost",
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
ACCEPTED: dict[str, dict[str, str | None]] = {
    "as in the RFC": {},
    "in other letters": {"Upgrade": "WebSocket", "Connection": "upgrade"},
    "among other tokens": {"Connection": "keep-alive, Upgrade"},
    "with a subprotocol that nobody knows": {"Sec-WebSocket-Protocol": "chat, superchat"},
    "with an extension that nobody knows": {"Sec-WebSocket-Extensions": "foo; bar=baz"},
    "with an empty body": {"Content-Length": "0"},
}
REFUSED: dict[str, tuple[dict[str, str | None], int]] = {
    "no upgrade": ({"Upgrade": None}, 400),
    "another upgrade": ({"Upgrade": "h2c"}, 400),
    "no connection": ({"Connection": None}, 400),
    "another connection": ({"Connection": "keep-alive"}, 400),
    "no version": ({"Sec-WebSocket-Version": None}, 426),
    "an old version": ({"Sec-WebSocket-Version": "8"}, 426),
    "a version that will never be": ({"Sec-WebSocket-Version": "x"}, 426),
    "no key": ({"Sec-WebSocket-Key": None}, 400),
    "no host": ({"Host": None}, 400),
    "a body": ({"Content-Length": "5", "body": "hello"}, 400),
    "an empty body in chunks": ({"Transfer-Encoding": "chunked", "body": "0\r\n\r\n"}, 400),
}
# What Tornado's own reader takes.
REFUSED_BY_OURS: dict[str, tuple[dict[str, str | None], int]] = {
    "a short key": ({"Sec-WebSocket-Key": "c2hvcnQ="}, 400),
    "a long key": ({"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQdGhlIHNhbXBsZSBub25jZQ=="}, 400),
    "a key that is no base64": ({"Sec-WebSocket-Key": "!!!!!!!!!!!!!!!!!!!!!!=="}, 400),
    "a key that is not ASCII": ({"Sec-WebSocket-Key": "ä" * 22 + "=="}, 400),
}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with echoing() as server:
        yield server


@pytest.fixture(params=["ours", "tornado"])
def by_either(request: pytest.FixtureRequest) -> Iterator[None]:
    """With each of the two readers."""
    if request.param == "ours":
        yield
    else:
        with patch("driftdb_jupyter.server.receiving.reader.mask", None):
            yield


def ask(
    server: Server,
    changed: dict[str, str | None],
    *,
    method: str = "GET",
    version: str = "1.1",
    then: bytes = b"",
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and what follows, of a handshake that is good but for what is changed."""
    headers = {**GOOD, **changed}
    body = (headers.pop("body", None) or "").encode()
    lines = [f"{name}: {value}\r\n" for name, value in headers.items() if value is not None]
    address = urlsplit(server.root)
    with socket.create_connection((address.hostname, address.port or 80), 20) as line:
        request = f"{method} /room/r/connect HTTP/{version}\r\n{''.join(lines)}\r\n"
        line.sendall(request.encode() + body + then)
        said = b""
        while b"\r\n\r\n" not in said or said.startswith(b"HTTP/1.1 101"):
            chunk = line.recv(65536)
            if not chunk:
                break
            said += chunk
    head, _, rest = said.partition(b"\r\n\r\n")
    status, *found = head.decode().split("\r\n")
    return int(status.split()[1]), dict(header.split(": ", 1) for header in found), rest


@pytest.mark.usefixtures("by_either")
@pytest.mark.parametrize("name", ACCEPTED)
def test_it_is_accepted(server: Server, name: str) -> None:
    then = client_frame(TEXT, b"at once") + close_frame(1000)
    status, headers, rest = ask(server, ACCEPTED[name], then=then)
    assert status == 101
    assert headers["Sec-Websocket-Accept"] == ACCEPT
    assert (headers["Upgrade"], headers["Connection"]) == ("websocket", "Upgrade")
    unasked = {"Sec-Websocket-Protocol", "Sec-Websocket-Extensions", "Content-Length"}
    assert not unasked & headers.keys()
    assert frames_in(rest) == [(TEXT, b"at once"), (0x8, b"\x03\xe8")]


@pytest.mark.usefixtures("by_either")
@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused(server: Server, name: str) -> None:
    changed, expected = REFUSED[name]
    status, headers, _ = ask(server, changed)
    assert status == expected
    if status == 426:
        assert headers["Sec-Websocket-Version"].split(", ")[-1] == "13"


@pytest.mark.parametrize("name", REFUSED_BY_OURS)
def test_our_reader_refuses_more(server: Server, name: str) -> None:
    changed, expected = REFUSED_BY_OURS[name]
    assert ask(server, changed)[0] == expected


@pytest.mark.parametrize("method", ["POST", "PUT", "HEAD", "DELETE"])
def test_it_is_a_get(server: Server, method: str) -> None:
    assert ask(server, {}, method=method)[0] == 405


def test_it_is_http_1_1(server: Server) -> None:
    assert ask(server, {}, version="1.0")[0] == 400


def test_a_handler_that_fails_to_open_leaves_nothing_behind(server: Server) -> None:
    def fail(handler: Connect, value: bool) -> None:
        raise LookupError

    with patch.object(Connect, "set_nodelay", fail):
        assert ask(server, {})[0] == 101
    assert server.run(lambda: server.hub._seats) == 0
