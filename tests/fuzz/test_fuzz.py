"""A fixed budget of hostile input, and that the fuzzer finds what is there to be found.

``python -m tests.fuzz --minutes 10`` runs longer, with another seed each time.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import pytest

from . import fuzzer
from .cases import Case, make_case
from .corpus import read_corpus
from .fuzzer import Finding, fuzz, smallest
from .places import PLACES
from .target import serving

_SEED = 20261129
# Begins as the command does, with a fault in what decodes messages.
_PLANTED = """
import sys, driftdb_jupyter.server.hosting.peer as peer
decode, kept = peer.decode_short, []
def faulty(message):
    if b"nonce" in message:
        {fault}
    return decode(message)
peer.decode_short = faulty
from driftdb_jupyter.cli import main
sys.exit(main())
"""


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("place", "enough"), [*zip(PLACES, (400, 400, 100, 100, 200), strict=True)]
)
async def test_a_server_takes_hostile_input(tmp_path: Path, place: str, enough: int) -> None:
    serve = partial(serving, tmp_path, PLACES[place])
    await fuzz(serve, _SEED, goes_on=lambda count: count < enough, only=PLACES[place].only)


def test_a_case_is_said_as_the_place_has_it() -> None:
    head = b"PUT /room/a HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n/x HTTP/"
    assert PLACES["jupyter"].piece(head).startswith(b"PUT /driftdb/room/a HTTP/1.1\r\nHost")
    assert b"\r\nAuthorization: DriftDB s\r\n" in PLACES["admin"].piece(head, "s")
    assert PLACES["tls"].piece(head) == head


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("fault", "told"),
    [("raise KeyError('planted')", "planted"), ("kept.append(b'x' * 300_000_000)", "memory")],
)
async def test_a_fault_is_found(
    tmp_path: Path, fault: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fuzzer, "ATTEMPTS_COUNT", 5)
    program = (sys.executable, "-c", _PLANTED.format(fault=fault))
    serve = partial(serving, tmp_path, PLACES["plain"], program=program)
    with pytest.raises(Finding, match=told) as found:
        await fuzz(serve, _SEED, goes_on=lambda count: count < 400)
    assert f"--only {_SEED}:" in str(found.value)


def test_a_case_is_the_same_each_time() -> None:
    corpus = read_corpus()
    first, second = ([make_case(corpus, _SEED, n) for n in range(200)] for _ in range(2))
    assert first == second
    assert {case.kind for case in first} >= {
        "messages",
        "frames",
        "handshake",
        "requests",
        "bearers",
    }


@pytest.mark.asyncio
async def test_a_case_is_made_small() -> None:
    async def breaks(case: Case) -> bool:
        return b"x" in b"".join(case.pieces) and case.pieces[0].startswith(b"G")

    case = Case("1:2", "requests", (b"GET /", b"none", b"aaxaa"), slow=True)
    small = await smallest(case, breaks)
    assert small == Case("1:2", "requests", (b"G", b"x"))


def test_the_corpus_has_vectors_and_routes() -> None:
    corpus = read_corpus()
    assert "/room/([^/]+)/send" in corpus.routes
    assert "/admin/rooms/([^/]+)/access" in corpus.routes
    assert len(corpus.messages) > 100
    assert corpus.items
    assert corpus.texts
    assert len(corpus.policies) > 5
