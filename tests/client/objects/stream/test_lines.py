from __future__ import annotations

from driftdb_jupyter.client.objects.stream.lines import LineSplitter


def test_lines_come_out_once_they_have_an_end() -> None:
    splitter = LineSplitter()
    assert splitter.split("be") == []
    assert splitter.split("gun\n\nof") == ["begun", ""]
    assert splitter.end() == ["of"]
    assert splitter.end() == []


def test_of_a_line_that_was_written_over_the_last_state_counts() -> None:
    splitter = LineSplitter()
    assert splitter.split(" 10 %\r 50 %\r100 %\nwindows\r\n") == ["100 %", "windows"]
    assert splitter.split("1\r2") == []
    assert splitter.end() == ["2"]


def test_a_long_line_is_cut_before_its_end_came() -> None:
    splitter = LineSplitter()
    pieces = splitter.split("x" * 70_000) + splitter.split("x" * 80_000 + "\n")
    assert [len(piece) for piece in pieces] == [65_536, 65_536, 18_928]
