from __future__ import annotations

import json

import pytest

from driftdb_jupyter.cli.record import json_line, record, text_of
from driftdb_jupyter.client.session.log import Heard, Stamp


def test_a_record_is_one_line_whatever_the_value_looked_like() -> None:
    stamp = Stamp(5, "c", b'{"name":\n"Ann"}')
    line = record("k", Heard(b'{"a":\r\n 1.0}', 7, stamp)).line()
    assert "\n" not in line
    assert json.loads(line) == {
        "key": "k",
        "seq": 7,
        "value": {"a": 1.0},
        "time": 5,
        "client": "c",
        "user": {"name": "Ann"},
    }


def test_what_nobody_knows_is_left_out() -> None:
    assert record("k", Heard(b"null", 1)).line() == '{"key":"k","seq":1,"value":null}'


def test_a_text_is_shown_as_it_is_and_all_else_as_json() -> None:
    assert text_of(rb'"a\n\ud800"') == "a\n\ud800"
    assert text_of(b"[1,\n2]") == "[1,2]"


@pytest.mark.parametrize("text", ["", "Ann", "Infinity", "[1", "[" * 100_000])
def test_what_is_no_json_is_told(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        json_line(text)
