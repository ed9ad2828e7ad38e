"""Values as people read them where no front end of ours runs."""

from __future__ import annotations

import json
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from driftdb_jupyter.client.values.encoding import encode
from driftdb_jupyter.widgets.readable import read, read_line


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("text", "text"),
        (3, "3"),
        ({"a": [1]}, '{\n  "a": [\n    1\n  ]\n}'),
        (date(2024, 1, 2), "2024-01-02"),
        (Decimal("1.50"), "1.50"),
        (timedelta(seconds=2), "2.0 s"),
        (b"\x89PNG" * 1000, "4,000 bytes"),
        (b"x", "1 byte"),
        (np.zeros((4, 4, 3), dtype="uint8"), "an array of uint8, 4 × 4 × 3"),
        (np.array(5), "an array of int64, one item"),
        (np.zeros(2, dtype=bool), "an array of bool, 2"),
        (np.zeros(2, dtype="M8[D]"), "an array of <M8[D], 2"),
    ],
)
def test_what_json_can_not_hold_is_read_in_words(value: Any, text: str) -> None:
    assert read(json.loads(encode(value))) == text


@pytest.mark.parametrize("value", [{"$bytes": 5}, {"$ndarray": {}}, {"$what": "x"}])
def test_what_only_looks_like_it_is_read_as_it_is(value: Any) -> None:
    assert json.loads(read(value)) == value


def test_a_line_of_a_stream_is_one_line() -> None:
    assert read_line({"$bytes": "AAAA"}) == "3 bytes"
    assert read_line({"loss": 0.5}) == '{"loss": 0.5}'


def test_of_a_control_sequence_of_any_form_nothing_is_kept() -> None:
    link = "\x1b]8;;https://example.org\x1b\\here\x1b]8;;\x1b\\"
    assert read_line(f"a\x1b[1mb\x1bPq;secret\x1b\\c\x9b31md{link}\x1b7\u202ee") == "abcdheree"
