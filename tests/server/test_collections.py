"""A connection that has ended is freed at once: no collection has to find it.

A full collection looks at every object of the process, and holds the loop for that long.
"""

from __future__ import annotations

import gc
import json
import socket
import ssl
import struct
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from unittest.mock import patch
from urllib.parse import urlsplit

import pytest

from driftdb_jupyter.server.receiving import reader

from ..certificates import CERTIFICATE
from ..conformance.peer import get, push
from ..conformance.servers import Server, jupyter, standalone
from ..faults.wire import BINARY, CLOSE, PING, TEXT, masked
from ..rfc6455.servers import Line

PATIENCE_SECONDS = 20
# How long a connection is given to end: what waited for that may hold nothing when it has ended.
CLOSING_SECONDS = 60
OURS = ("driftdb_jupyter.server.", "tornado.httpserver.", "tornado.http1connection.")
COUNT = 5


def tls() -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(CERTIFICATE)
    return context


SERVERS: dict[str, Callable[[Path], AbstractContextManager[Server]]] = {
    "plain": lambda folder: standalone(named_rooms=True),
    "TLS": lambda folder: standalone(named_rooms=True, tls=tls()),
    "compression": lambda folder: standalone(named_rooms=True, compression=True),
    "journal": lambda folder: standalone(named_rooms=True, journal=folder / "rooms.db"),
    "rates": lambda folder: standalone(named_rooms=True, rate_limit_per_second=50.0),
    "Jupyter": lambda folder: jupyter(),
}


def opened(server: Server) -> Line:
    """A connection that has asked for what there is, and was answered."""
    line = Line(server, room="room", query="?client=" + "c" * 20, offers="permessage-deflate")
    asked = [get("k", epoch=None), push("k", 1, id=time.monotonic_ns()), {"type": "ping"}]
    asked.append({"type": "presence", "key": "k", "value": 1})
    line.say(b"".join(masked(TEXT, json.dumps(message).encode()) for message in asked))
    line.socket.recv(10)
    return line


def close_by(ending: bytes) -> Callable[[Server], None]:
    def end(server: Server) -> None:
        line = opened(server)
        line.say(ending)
        with suppress(ConnectionResetError):
            line.hear()

    return end


def close_before_the_answer(server: Server) -> None:
    line = opened(server)
    pushed = json.dumps(push("k", 2, id=time.monotonic_ns())).encode()
    line.say(masked(TEXT, pushed) + masked(CLOSE, b""))
    line.hear()


def reset(server: Server) -> None:
    line = opened(server)
    line.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    line.socket.close()


def end_in_a_message(server: Server) -> None:
    line = opened(server)
    line.say(masked(TEXT, b"x" * 100_000)[:50_000])
    line.socket.close()


def request(path: str, *, method: str = "GET", body: str = "", head: str = "") -> str:
    return (
        f"{method} {path} HTTP/1.1\r\nHost: [::]\r\nContent-Length: {len(body)}\r\n{head}\r\n{body}"
    )


def ask(server: Server, asked: str) -> None:
    address = urlsplit(server.root)
    with socket.create_connection((address.hostname, address.port or 80), 10) as plain:
        end = plain
        if address.scheme == "https":
            trusting = ssl.create_default_context()
            trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
            end = trusting.wrap_socket(plain)
        with end, suppress(ConnectionResetError):
            more = "".join(f"{name}: {value}\r\n" for name, value in server.headers.items())
            end.sendall(asked.replace("\r\n", f"\r\n{more}", 1).encode())
            if asked.endswith("\r\n\r\n") or "\r\n\r\n" in asked:
                end.recv(1000)


ENDINGS: dict[str, Callable[[Server], None]] = {
    "closed": close_by(masked(CLOSE, b"\x03\xe8")),
    "reset": reset,
    "in the middle of a message": end_in_a_message,
    "a violation": close_by(b"\x91\x80\0\0\0\0"),
    "too large": close_by(b"\x81\xff" + struct.pack(">Q", 1 << 30) + bytes(4)),
    "no UTF-8": close_by(masked(TEXT, b"\xff")),
    "malformed messages": close_by(
        masked(TEXT, b"{") + masked(BINARY, b"\xff") + masked(PING, b"") + masked(CLOSE, b"")
    ),
    "closed before the answer": close_before_the_answer,
    "a long message": close_by(
        masked(TEXT, json.dumps(push("k", "x" * 100_000)).encode()) + masked(CLOSE, b"")
    ),
    "a handshake that is refused": lambda server: ask(
        server, request(f"{urlsplit(server.root).path}room/room/connect?client=x")
    ),
    "a handshake that is given up": lambda server: ask(
        server, "GET /room/room/connect HTTP/1.1\r\n"
    ),
    "a request": lambda server: ask(
        server,
        request(
            f"{urlsplit(server.root).path}room/room/send",
            method="POST",
            body='{"type":"get","key":"other"}',
            head="Connection: close\r\n",
        ),
    ),
    "a request for nothing": lambda server: ask(
        server, request(f"{urlsplit(server.root).path}nothing", head="Connection: close\r\n")
    ),
}


def living() -> Counter[str]:
    """How many objects there are of each class of ours, and of Tornado's for requests."""
    kinds = Counter(map(type, gc.get_objects()))
    return Counter(
        {
            f"{kind.__module__}.{kind.__qualname__}": count
            for kind, count in kinds.items()
            if str(kind.__module__).startswith(OURS)
        }
    )


@pytest.fixture(scope="module", params=SERVERS)
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("data")
    with (
        patch.object(reader, "_CLOSING_SECONDS", CLOSING_SECONDS),
        SERVERS[request.param](folder) as server,
    ):
        yield server


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_a_connection_took_is_freed_at_once(server: Server, ending: str) -> None:
    for kind in ("a long message", ending, ending):  # what is made once, at the first time
        ENDINGS[kind](server)
    time.sleep(0.1)
    gc.collect()
    before = living()
    gc.disable()
    try:
        for _ in range(COUNT):
            ENDINGS[ending](server)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (left := living() - before) and time.monotonic() < deadline:
            time.sleep(0.02)
    finally:
        gc.enable()
    left = Counter({kind: count for kind, count in left.items() if count >= COUNT})
    assert not left
