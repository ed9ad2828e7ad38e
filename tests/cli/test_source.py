from __future__ import annotations

import os
import pty
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from driftdb_jupyter.cli.source import Source


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    yield reading, writing
    for thread in threading.enumerate():  # or it would read another test's pipe of that number
        if thread.name == "driftdb-source":
            thread.join(60)
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


def test_what_cannot_be_read_is_no_end(tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb") as file:
        source = Source(file.fileno())
        assert taken(source) in ([], [b""])
        assert source.error is not None
        assert source.error.strerror == "Bad file descriptor"


def test_a_terminal_that_is_gone_is_an_end() -> None:
    parent, child = pty.openpty()
    source = Source(child)
    os.write(parent, b"one\n")
    assert source.take() == b"one\n"
    os.close(parent)
    assert taken(source) in ([], [b""])
    assert source.error is None
    os.close(child)


def test_a_copy_that_nobody_takes_ends_and_the_rest_goes_on(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    with open("/dev/full", "wb") as full:
        source = Source(reading, tee=full.fileno())
        os.write(writing, b"one")
        assert source.take() == b"one"
        os.write(writing, b"two")
        os.close(writing)
        assert b"".join(taken(source)) == b"two"
    assert source.tee_error is not None
    assert source.tee_error.strerror == "No space left on device"
    assert source.error is None


def test_who_ends_a_copy_is_no_failure(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    copy_reading, copy_writing = os.pipe()
    os.close(copy_reading)
    source = Source(reading, tee=copy_writing)
    os.write(writing, b"one")
    os.close(writing)
    assert b"".join(taken(source)) == b"one"
    assert source.tee_error is None
    os.close(copy_writing)


def test_it_waits_also_where_others_would_not(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    copy_reading, copy_writing = os.pipe()
    for descriptor in (reading, copy_writing):
        os.set_blocking(descriptor, False)
    source = Source(reading, tee=copy_writing)
    text = b"x" * 500_000

    def write() -> None:
        os.write(writing, text)
        os.close(writing)

    with open(copy_reading, "rb") as copy:
        threading.Thread(target=write).start()
        assert copy.read(len(text)) == text
    assert b"".join(taken(source)) == text
    assert (source.error, source.tee_error) == (None, None)
    os.close(copy_writing)
