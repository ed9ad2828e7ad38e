from __future__ import annotations

import datetime
import enum
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftdb_jupyter.client.values import decode, encode, same
from driftdb_jupyter.protocol.errors import EncodingError

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(json_values)
def test_a_json_value_comes_back_as_it_was(value: Any) -> None:
    text = encode(value)
    assert decode(text) == value
    assert json.loads(text) == value


def test_text_is_compact_and_utf8() -> None:
    assert encode({"é": [1, 2.5, True]}) == '{"é":[1,2.5,true]}'.encode()


def test_lone_surrogates_are_read_but_not_written() -> None:
    assert decode(b'"\\ud800"') == "\ud800"
    for value in ("\ud800", {"\ud800": 1}):
        with pytest.raises(EncodingError, match="value: expected text that UTF-8 can hold, got"):
            encode(value)


def test_tuples_become_lists_and_subclasses_their_base() -> None:
    class Level(enum.IntEnum):
        HIGH = 3

    class Name(str):
        __slots__ = ()

    assert encode((1, (2,))) == b"[1,[2]]"
    assert encode([Level.HIGH, Name("x")]) == b'[3,"x"]'


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            {"a": [0, 1, 2, {1}]},
            "value['a'][3]: expected None, bool, int, float, str, list, tuple or dict, got set",
        ),
        (
            datetime.date(2024, 1, 1),
            "value: expected None, bool, int, float, str, list, tuple or dict, got datetime.date",
        ),
        ([math.nan], "value[0]: expected a finite number, got nan"),
        ({"x": -math.inf}, "value['x']: expected a finite number, got -inf"),
        ({"x": {3: 1}}, "value['x']: expected str keys, got 3 (int)"),
    ],
)
def test_what_has_no_json_form_is_named_with_its_path(value: Any, message: str) -> None:
    with pytest.raises(EncodingError) as error:
        encode(value)
    assert str(error.value) == message


def test_a_value_that_holds_itself_is_refused() -> None:
    value: list[Any] = []
    value.append(value)
    with pytest.raises(EncodingError, match=r"value\[0\]\[0\]\[0\]…: expected a value nested at"):
        encode(value)


def test_an_integer_of_more_digits_than_python_writes_is_refused() -> None:
    with pytest.raises(EncodingError, match="value: "):
        encode(10**5000)


@pytest.mark.parametrize("text", [b"1e999", b"9" * 5000])
def test_a_number_out_of_range_is_the_nearest_double(text: bytes) -> None:
    assert decode(text) == math.nextafter(math.inf, 0)
    assert decode(b"[-%b]" % text) == [-math.nextafter(math.inf, 0)]


def test_same_knows_true_from_one_but_not_one_from_one() -> None:
    assert same({"a": [1, None]}, {"a": [1.0, None]})
    assert not same([True], [1])
    assert not same({"a": 1}, {"b": 1})
    assert not same([1], [1, 2])
    assert not same(None, False)
