from __future__ import annotations

import pytest

from driftdb_jupyter.cli.line_values import JSONLines, TextLines
from driftdb_jupyter.protocol.errors import EncodingError


def test_a_character_may_be_cut_between_two_pieces() -> None:
    lines = TextLines()
    first, second = "ö\n".encode()[:1], "ö\n".encode()[1:]
    assert lines.split(first) == []
    assert lines.split(second) == ['"ö"'.encode()]


def test_what_is_no_utf8_is_marked() -> None:
    lines = TextLines()
    assert lines.split(b"\xff\n\xc3") == ['"�"'.encode()]
    assert lines.end() == ['"�"'.encode()]


def test_json_keeps_its_very_digits() -> None:
    lines = JSONLines(limit_bytes=100)
    assert lines.split(b' {"a": 1.10}\r\n\n12') == [b'{"a": 1.10}']
    assert lines.split(b"345678901234567890") == []
    assert lines.end() == [b"12345678901234567890"]
    assert JSONLines(limit_bytes=100).end() == []


@pytest.mark.parametrize("line", [b"{", b"NaN", b"nul", b"\xff", b"[" * 100_000])
def test_what_is_no_json_is_refused_with_its_number(line: bytes) -> None:
    lines = JSONLines(limit_bytes=1_000_000)
    lines.check()
    assert lines.split(b"1\n" + line + b"\n3\n") == [b"1"]
    assert lines.end() == []
    with pytest.raises(EncodingError, match="line 2: expected JSON"):
        lines.check()


def test_a_line_without_an_end_is_not_waited_for_for_ever() -> None:
    lines = JSONLines(limit_bytes=100)
    assert lines.split(b"1\n" + b"x" * 101) == [b"1"]
    with pytest.raises(EncodingError, match="line 2: expected at most 100 bytes, got more"):
        lines.check()
