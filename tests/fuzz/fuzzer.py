"""The fuzzer: says batches of cases, and finds the smallest input that shows a fault."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import replace
from typing import Protocol

from .cases import Case, make_case
from .corpus import Corpus, read_corpus
from .target import Broken

__all__ = ["Attacked", "Finding", "fuzz", "replay", "smallest"]

_BATCH_COUNT = 100
ATTEMPTS_COUNT = 200
"""How many times a server is asked for what a smaller case does."""


class Attacked(Protocol):
    """What is fuzzed."""

    async def attack(self, cases: Sequence[Case]) -> None:
        """Take some cases, several at once; raise :class:`Broken` where that ends badly."""


Serve = Callable[[], AbstractAsyncContextManager[Attacked]]


class Finding(Exception):
    """A fault: what it is, with which input, and how to see it again."""


async def fuzz(
    serve: Serve, seed: int, *, goes_on: Callable[[int], bool], first: int = 0, only: str = ""
) -> int:
    """Say the cases of a seed for as long as ``goes_on(COUNT)``, which is told how many there were.

    ``only``: with what the paths of requests begin. Returns how many there were. Raises
    :class:`Finding` at the first fault.
    """
    corpus, count = read_corpus(only), 0
    async with serve() as target:
        while goes_on(count):
            batch = _batch(corpus, seed, first + count)
            try:
                await target.attack(batch)
            except Broken as error:
                broken = error
                break
            count += len(batch)
        else:
            return count
    raise await _finding(serve, batch, broken)


async def replay(serve: Serve, label: str, *, only: str = "") -> None:
    """Say the one case of that label (``SEED:NUMBER``); raises :class:`Finding`."""
    seed, _, number = label.partition(":")
    case = make_case(read_corpus(only), int(seed), int(number))
    async with serve() as target:
        try:
            await target.attack([case])
            return
        except Broken as error:
            broken = error
    raise await _finding(serve, [case], broken)


def _batch(corpus: Corpus, seed: int, first: int) -> list[Case]:
    return [make_case(corpus, seed, number) for number in range(first, first + _BATCH_COUNT)]


async def _finding(serve: Serve, batch: Sequence[Case], broken: Broken) -> Finding:
    async with _Trials(serve) as trials:
        for case in batch:
            if await trials.breaks(case):
                return Finding(_report(await smallest(case, trials.breaks), trials.broken))
    return Finding(
        f"{broken}\n  in the {len(batch)} cases from {batch[0].label}, none of them alone"
    )


def _report(case: Case, broken: Broken | None) -> str:
    pieces = "".join(f"\n    {piece!r}" for piece in case.pieces)
    slowly = ", slowly" if case.slow else ""
    again = f"python -m tests.fuzz --only {case.label}"
    return f"{broken}\n  {case.kind}{slowly}:{pieces}\n  before it was made small: {again}"


class _Trials(AsyncExitStack):
    """Says one case after the other to a server, and to a new one where one broke."""

    def __init__(self, serve: Serve) -> None:
        super().__init__()
        self._serve = serve
        self._target: Attacked | None = None
        self.broken: Broken | None = None

    async def breaks(self, case: Case) -> bool:
        """Return whether a case breaks a server; ``broken`` says how the last one did."""
        if self._target is None:
            self._target = await self.enter_async_context(self._serve())
        try:
            await self._target.attack([case])
        except Broken as error:
            self.broken = error
            self._target = None
            await self.aclose()
            return True
        return False


async def smallest(case: Case, breaks: Callable[[Case], Awaitable[bool]]) -> Case:
    """Return the smallest case that is found from one that breaks a server, and still does."""
    attempts = 0
    while True:
        for less in _less(case):
            attempts += 1
            if attempts > ATTEMPTS_COUNT:
                return case
            if await breaks(less):
                case = less
                break
        else:
            return case


def _less(case: Case) -> Iterator[Case]:
    """Return the case with one part of it left out: its slowness, pieces, ever shorter parts."""
    pieces = case.pieces
    if case.slow:
        yield replace(case, slow=False)
    for at in range(len(pieces) if len(pieces) > 1 else 0):
        yield replace(case, pieces=pieces[:at] + pieces[at + 1 :])
    size = max(map(len, pieces)) // 2
    while size:
        for at, piece in enumerate(pieces):
            for begin in range(0, len(piece), size):
                rest = piece[:begin] + piece[begin + size :]
                if rest:
                    yield replace(case, pieces=(*pieces[:at], rest, *pieces[at + 1 :]))
        size //= 2
