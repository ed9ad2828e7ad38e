"""Reading JSON texts, and counting in them without reading them."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftdb_jupyter.protocol.json_text import LARGEST_DOUBLE, is_deeper, read_json, structure

from .values import json_values

STRINGS = st.text(alphabet='[]{}"\\,:a1 ü\n', max_size=6)
JSON_VALUES = json_values() | st.recursive(
    STRINGS | st.integers(0, 9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(STRINGS, inner, max_size=3),
)


def depth(value: Any) -> int:
    """How deep arrays and objects are nested in a value."""
    if isinstance(value, list):
        return 1 + max(map(depth, value), default=0)
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    return 0


def marks(value: Any) -> str:
    """The brackets, commas and colons of a value's JSON text."""
    if isinstance(value, list):
        return f"[{','.join(map(marks, value))}]"
    if isinstance(value, dict):
        return f"{{{','.join(':' + marks(member) for member in value.values())}}}"
    return ""


def calls(function: Callable[[], object]) -> int:
    """How many functions of ours a call takes."""
    count = 0

    def profile(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        count += event == "call" and "driftdb_jupyter" in frame.f_code.co_filename

    sys.setprofile(profile)
    try:
        function()
    finally:
        sys.setprofile(None)
    return count


@given(JSON_VALUES, st.booleans(), st.sampled_from([None, 1]))
def test_the_structure_is_what_stands_outside_of_strings(
    value: Any, escaped: bool, indent: int | None
) -> None:
    text = json.dumps(value, ensure_ascii=escaped, indent=indent).encode()
    assert structure(text).decode() == marks(value)


@given(JSON_VALUES, st.integers(-1, 1))
def test_depth_is_told_exactly(value: Any, over: int) -> None:
    limit = max(0, depth(value) + over)
    assert is_deeper(json.dumps(value).encode(), limit) == (depth(value) > limit)


@given(JSON_VALUES)
def test_a_value_is_read_as_the_json_module_reads_it(value: Any) -> None:
    text = json.dumps(value)
    assert repr(read_json(text)) == repr(read_json(text.encode())) == repr(json.loads(text))


@pytest.mark.parametrize("text", ["NaN", "[1,]", "1e400]", "", "[1e400", "9" * 5000 + "x"])
def test_what_is_not_json_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        read_json(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e400", LARGEST_DOUBLE),
        ("-1e400", -LARGEST_DOUBLE),
        ("9" * 4300, 10**4300 - 1),
        ("9" * 4301, LARGEST_DOUBLE),
        ("-" + "9" * 4301, -LARGEST_DOUBLE),
        ("0." + "9" * 4301, 1.0),
        ("9" * 4301 + "e-4301", 1.0),
        *(("1e" + "9" * 4301, LARGEST_DOUBLE), ("-1.5E+" + "9" * 4301, -LARGEST_DOUBLE)),
        *(("1e-" + "9" * 4301, 0.0), ("1e" + "0" * 4301, 1.0)),
        ('"\\ud800"', "\ud800"),
    ],
)
def test_what_msgspec_refuses_is_read_wherever_it_stands(text: str, value: Any) -> None:
    assert read_json(text) == value
    long = "9" * 5000
    around = f'{{"{long}":["\\"{long}\\\\",{text}],"b":{text},"c":[[{text},1e-400,1.5,null]]}}'
    assert read_json(around) == {
        long: [f'"{long}\\', value],
        "b": value,
        "c": [[value, 0.0, 1.5, None]],
    }


numbers = st.builds(
    "{}{}{}".format,
    st.from_regex(r"-?(0|[1-9][0-9]{0,25})", fullmatch=True).map(
        lambda digits: digits * 250 if len(digits) > 20 and digits[0] != "-" else digits
    ),
    st.from_regex(r"(\.[0-9]{1,25})?", fullmatch=True).map(
        lambda fraction: fraction + fraction[1:] * 250 if len(fraction) > 20 else fraction
    ),
    st.from_regex(r"([eE][+-]?[0-9]{1,20})?", fullmatch=True).map(
        lambda exponent: exponent + exponent[-1:] * 4400 if len(exponent) > 18 else exponent
    ),
)


@given(st.lists(numbers, min_size=1, max_size=4), st.sampled_from([" ", " " * 100]))
def test_any_number_is_read_as_the_nearest_double_or_the_very_integer(
    texts: list[str], space: str
) -> None:
    read = read_json(f"[{f',{space}'.join(texts)}]")
    for text, number in zip(texts, read, strict=True):
        if text.lstrip("-").isdigit() and len(text.lstrip("-")) <= 4300:
            assert (type(number), number) == (int, int(text))
        else:
            nearest = max(-LARGEST_DOUBLE, min(float(text), LARGEST_DOUBLE))
            assert (type(number), number) == (float, nearest)


@pytest.mark.parametrize("text", ["1.5", "1e400", '"["', '"\\ud800"', "12", '{"a":[]}'])
def test_no_item_costs_a_step_of_python(text: str) -> None:
    few, many = (f"[{','.join([text] * n)}]".encode() for n in (200, 2000))
    for function in (structure, read_json, partial(is_deeper, limit=9)):
        assert calls(partial(function, many)) == calls(partial(function, few))


def test_a_number_that_no_double_holds_becomes_the_nearest_finite_one() -> None:
    assert read_json(f"[{'1e400,' * 3}-1e999]") == [LARGEST_DOUBLE] * 3 + [-LARGEST_DOUBLE]
    assert math.isfinite(LARGEST_DOUBLE)
