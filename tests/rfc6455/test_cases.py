"""Every case with our reader, in whatever pieces its bytes arrive."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence

import pytest

from driftdb_jupyter.server.receiving.deflate import Deflate

from .case import Case
from .cases import CASES, GROUPS
from .line import said_to

# Longer ones are cut at the edges of what a head can be, and here and there.
CUT_EVERYWHERE_BYTES = 400


def _pieces(case: Case) -> list[list[bytes]]:
    """Whole, byte by byte where that is not long, and cut at every position."""
    sent = case.sent
    length = len(sent)
    marks: Sequence[int] = range(1, length)
    if length > CUT_EVERYWHERE_BYTES:
        marks = sorted({*range(1, 40), *range(length - 40, length), *range(1, length, 9973)})
    cut = [[sent[:mark], sent[mark:]] for mark in marks if mark < length]
    chunks = [[sent[at : at + size] for at in range(0, length, size)] for size in (1, 7, 4096)]
    return [
        [sent[at : at + 65536] for at in range(0, length, 65536)],
        *([piece for part in parts for piece in _at_most(part)] for parts in cut),
        *(chunks[1:] if length > 20_000 else chunks),
    ]


def _at_most(part: bytes) -> list[bytes]:
    return [part[at : at + 65536] for at in range(0, len(part), 65536)]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_our_reader(case: Case) -> None:
    async def check() -> None:
        for pieces in _pieces(case):
            deflate = None if case.offers is None else Deflate.accept(case.offers)
            assert (deflate and deflate.agreed) == case.agreed
            case.check(await said_to(pieces, deflate=deflate))

    asyncio.run(check())


def test_names_are_given_once() -> None:
    assert len(CASES) == sum(map(len, GROUPS.values()))


def test_cases_are_many() -> None:
    assert len(CASES) > 500


def test_every_pair_of_violations_ends_with_the_first() -> None:
    async def check() -> None:
        bad = [case for case in GROUPS["closing"] if case.closes in (1002, 1007)]
        for one, two in itertools.pairwise(bad):
            one.check(await said_to([one.sent + two.sent]))

    asyncio.run(check())
