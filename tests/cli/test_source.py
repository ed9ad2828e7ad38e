from __future__ import annotations

import os
import threading
from collections.abc import Iterator

import pytest

from driftdb_jupyter.cli.source import Source


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    yield reading, writing
    for thread in threading.enumerate():  # or it would read another test's pipe of that number
        if thread.name == "driftdb-source":
            thread.join(20)
    os.close(reading)


def taken(source: Source) -> list[bytes]:
    pieces = []
    while not source.over:
        pieces.append(source.take())
    return pieces


def test_what_comes_together_is_taken_together(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    source = Source(reading)
    for number in range(1000):
        os.write(writing, b"%d\n" % number)
    os.close(writing)
    pieces = taken(source)
    assert b"".join(pieces).split() == [b"%d" % number for number in range(1000)]
    assert len(pieces) < 50


def test_who_writes_waits_for_who_takes(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    os.set_blocking(writing, False)
    source = Source(reading)
    written = refused = 0
    while refused < 1000:
        try:
            written += os.write(writing, b"x" * 65536)
        except BlockingIOError:
            refused += written > 2**20
    assert written < 3 * 2**20
    os.close(writing)
    assert sum(map(len, taken(source))) == written


def test_a_tee_has_what_nobody_took_yet(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    copy_reading, copy_writing = os.pipe()
    Source(reading, tee=copy_writing)
    os.write(writing, b"be")
    assert os.read(copy_reading, 10) == b"be"
    os.close(writing)
    os.close(copy_reading)
    os.close(copy_writing)


def test_it_can_be_ended_before_its_end(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    source = Source(reading)
    os.write(writing, b"one")
    assert source.take() == b"one"
    source.end()
    assert source.over
    assert source.take() == b""
    os.close(writing)
