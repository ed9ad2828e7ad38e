"""What a peer is owed comes before the close frame, by whichever server and journal."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from ..certificates import CERTIFICATE
from ..conformance.servers import Server, jupyter, standalone
from .frames import CLOSE, PONG, TEXT, client_frame, close_frame, frames_in
from .servers import Line

CLIENT = "?client=0123456789abcdef"
PUSH = {"type": "push", "key": "k", "value": "v", "action": {"type": "append"}}
ENDS = {
    "a close": (close_frame(1000), 1000),
    "a close without a code": (close_frame(), None),
    "no mask": (client_frame(TEXT, b"{}", masked=False), 1002),
    "no UTF-8": (client_frame(TEXT, b"\xff"), 1007),
    "too much": (client_frame(TEXT, length=1 << 40), 1009),
}


def message(**fields: Any) -> bytes:
    return client_frame(TEXT, json.dumps(fields).encode())


def _tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context


SERVERS: dict[str, Callable[[Path], AbstractContextManager[Server]]] = {
    "standalone": lambda folder: standalone(named_rooms=True),
    "batched": lambda folder: standalone(named_rooms=True, journal=folder / "b.db"),
    "synced": lambda folder: standalone(
        named_rooms=True, journal=folder / "s.db", durability="synced"
    ),
    "TLS": lambda folder: standalone(named_rooms=True, tls=_tls()),
    "jupyter": lambda folder: jupyter(),
}


@pytest.fixture(scope="module", params=SERVERS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    with SERVERS[request.param](tmp_path_factory.mktemp("journal")) as server:
        yield server


def _rooms() -> Iterator[str]:
    number = 0
    while True:
        number += 1
        yield f"room-{number}"


ROOMS = _rooms()


@pytest.mark.parametrize("end", ENDS)
def test_answers_come_before_the_close_frame(server: Server, end: str) -> None:
    said, code = ENDS[end]
    line = Line(server, room=next(ROOMS), query=CLIENT)
    line.say(
        message(type="get", key="k", seq=0)
        + message(type="ping", nonce=1)
        + client_frame(0x9, b"control")
        + said
        + message(type="ping", nonce=2)
    )
    *answers, (opcode, content) = frames_in(line.hear())
    assert opcode == CLOSE
    assert (int.from_bytes(content[:2], "big") or None) == code
    kinds = [(opcode, json.loads(text)["type"]) for opcode, text in answers if opcode == TEXT]
    assert kinds == [(TEXT, "init"), (TEXT, "pong")]
    assert (PONG, b"control") in answers


def test_a_client_that_closes_gets_the_acks_of_all_that_it_pushed(server: Server) -> None:
    line = Line(server, room=next(ROOMS), query=CLIENT)
    pushes = [message(**PUSH, id=number) for number in range(1, 51)]
    line.say(b"".join(pushes) + close_frame(1000, b"bye") + message(**PUSH, id=51))
    *answers, (opcode, content) = frames_in(line.hear())
    assert (opcode, content) == (CLOSE, b"\x03\xe8")
    acks = [json.loads(text) for _, text in answers]
    assert [ack["id"] for ack in acks if ack["type"] == "ack"] == list(range(1, 51))
