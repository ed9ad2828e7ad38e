"""Tornado's own reader, which does where ours can't: what it fails, and that no data is lost.

``tornado.json`` has every case that it fails, and how. A case that begins to pass, fails in another
way or is new and fails has to be noted there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest

from ..conformance.servers import Server
from .case import Case
from .cases import CASES
from .frames import BINARY, CLOSE, TEXT, frames_in
from .servers import Heard, Line, echoing

FAILS: dict[str, str] = json.loads(Path(__file__).with_name("tornado.json").read_text())
PLAIN = {name: case for name, case in CASES.items() if case.offers is None}
OFFERS = {case.offers: name for name, case in CASES.items() if case.offers is not None}


@pytest.fixture(scope="module")
def heard() -> Heard:
    return {}


@pytest.fixture(scope="module")
def server(heard: Heard) -> Iterator[Server]:
    with (
        patch("driftdb_jupyter.server.receiving.reader.mask", None),
        echoing(compression=True, heard=heard) as server,
    ):
        yield server


def how_it_fails(case: Case, said: bytes | None) -> str | None:
    """What it does instead, ``None`` if it passes; ``said`` is ``None`` after a reset."""
    if said is None:
        return "resets the connection"
    try:
        case.check(said)
    except AssertionError:
        frames = frames_in(said)
        closes = [content for opcode, content in frames if opcode == CLOSE]
        if len(frames) - len(closes) > len(case.answers):
            return "takes it"
        if not closes:
            return "ends without a close frame"
        return f"closes with {int.from_bytes(closes[0][:2], 'big') or 'no code'}"
    return None


@pytest.mark.parametrize("name", PLAIN)
def test_tornados_reader(server: Server, heard: Heard, name: str) -> None:
    case = PLAIN[name]
    room = f"case-{list(PLAIN).index(name)}"
    line = Line(server, room=room)
    line.say(case.sent)
    line.end()  # it does not see every violation before the end
    try:
        said = line.hear()
    except ConnectionResetError:
        said = None
    how = how_it_fails(case, said)
    assert how == FAILS.get(name)
    # No message that came before the fault is lost, whatever became of the answers.
    sent = [answer for answer in case.answers if answer[0] in (TEXT, BINARY)]
    got = heard.get(room, [])
    assert got[: len(sent)] == sent or how == "closes with 1009"


def test_the_list_has_no_case_that_is_gone() -> None:
    assert FAILS.keys() <= PLAIN.keys()


@pytest.mark.parametrize("offers", OFFERS, ids=OFFERS.values())
def test_nothing_is_compressed(server: Server, offers: str) -> None:
    line = Line(server, offers=offers)
    assert line.agreed is None
    line.socket.close()
