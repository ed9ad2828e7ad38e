from __future__ import annotations

import pytest

from driftdb_jupyter.client.objects.stream.stream import Stream
from driftdb_jupyter.client.room import Room

from ...served import come_true


def test_each_line_that_is_printed_is_a_value(mine: Room, theirs: Room) -> None:
    log, other = Stream("log", room=mine), Stream("log", room=theirs)
    file = log.file()
    print("one", file=file)
    print("two\nthree", "and", "more", file=file)
    come_true(theirs, lambda: list(other) == ["one", "two", "three and more"])


def test_an_unfinished_line_waits_until_it_is_flushed(mine: Room) -> None:
    log = Stream("log", room=mine)
    with log.file(flush_seconds=60) as file:
        file.write("be")
        file.write("gun\nof")
        file.flush()
        come_true(mine, lambda: list(log) == ["begun", "of"])
        file.write("end")
    come_true(mine, lambda: log[-1] == "end")
    with pytest.raises(ValueError, match="got a closed one"):
        file.write("x")


def test_of_a_line_that_was_written_over_the_last_state_counts(mine: Room) -> None:
    log = Stream("log", room=mine)
    with log.file() as file:
        file.write(" 10 %\r 50 %\r100 %\nwindows\r\n")
    come_true(mine, lambda: list(log) == ["100 %", "windows"])


def test_many_lines_go_in_few_messages_and_long_ones_are_cut(mine: Room) -> None:
    log = Stream("log", room=mine)
    with log.file(flush_seconds=60) as file:
        file.write("x" * 150_000 + "\n")
        file.writelines(f"{n}\n" for n in range(5000))
    mine.flush()
    come_true(mine, lambda: len(log) == 5003)
    assert [len(line) for line in log[:3]] == [65536, 65536, 18928]
    assert mine.connection._session.pushes.last_id < 30
