"""What only JSON has: digits, escapes, white space."""

from __future__ import annotations

import json
import math
import re

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftdb_jupyter.protocol.errors import BadMessage, TooLarge
from driftdb_jupyter.protocol.json_codec import JSON
from driftdb_jupyter.protocol.limits import Limits
from driftdb_jupyter.protocol.messages import Push
from driftdb_jupyter.protocol.value import Value


def read(text: bytes, limits: Limits | None = None) -> Value:
    message = b'{"type":"push","key":"k","action":{"type":"relay"},"value":%b}' % text
    push = JSON.decode(message, limits or Limits())
    assert isinstance(push, Push)
    return JSON.value(push.value)


@pytest.mark.parametrize(
    "text",
    [b"1E400", b"-0", b"1.10", b"12345678901234567890123", b'"\\u00e4\\/"', b'{"a":1,"a":2}'],
)
def test_a_value_keeps_its_very_digits(text: bytes) -> None:
    assert bytes(read(text).as_json()) == text


@pytest.mark.parametrize(
    "text",
    [
        *(b"01", b"1.", b".5", b"+1", b"NaN", b"Infinity", b"[1,]", b"{1:2}", b"'a'", b""),
        *(b'"\x01"', b'"\\x"', b'"\\ud800"', b'"\\udc00\\ud800"', b"tru", b"1 2", b'"a'),
        b"[" * 100_000,
    ],
)
def test_what_is_no_json_is_refused(text: bytes) -> None:
    with pytest.raises(BadMessage):
        read(text)


@given(st.text(alphabet='[]{}"\\,:a1 ', max_size=30))
def test_rubbish_is_refused_as_the_json_module_does(text: str) -> None:
    try:
        expected = json.loads(text)
    except ValueError:
        with pytest.raises(BadMessage):
            read(text.encode())
    else:
        assert json.loads(bytes(read(text.encode()).as_json())) == expected


@given(st.integers(0, 12), st.lists(st.sampled_from(["[", "{"]), max_size=12))
def test_nesting_is_counted_exactly(limit: int, openings: list[str]) -> None:
    text = "".join('["[{",' if o == "[" else '{"{\\"":' for o in openings) + "1"
    text += "".join("]" if o == "[" else "}" for o in reversed(openings))
    limits = Limits(nesting=limit)
    if len(openings) <= limit:
        read(text.encode(), limits)
    else:
        with pytest.raises(BadMessage, match=f"at most {limit} deep"):
            read(text.encode(), limits)


@pytest.mark.parametrize(
    ("text", "nearest"), [(b"1E400", math.inf), (b"-1E400", -math.inf), (b"9" * 5000, math.inf)]
)
def test_a_number_that_no_double_holds_becomes_the_nearest_finite_one(
    text: bytes, nearest: float
) -> None:
    assert cbor2.loads(read(text).as_cbor()) == math.nextafter(nearest, 0)


def test_of_repeated_names_cbor_gets_the_last() -> None:
    assert cbor2.loads(read(b'{"a":1,"a":2}').as_cbor()) == {"a": 2}


@pytest.mark.parametrize(
    ("number", "most"),
    [
        *((b"12345678901234567890123", 202), (b"-0.12345678901234567890123", 202)),
        *((b"1e99", 2), (b"1e-199", 2), (b"9223372036854775807", 2)),
        *((b'"1e400"', 2), (b'"\\"12345678901234567890"', 2)),
    ],
)
def test_integers_that_are_bignums_in_cbor_count_as_tags(number: bytes, most: int) -> None:
    text = b"[%b]" % b",".join([number] * 100)
    containers = 1 + most  # with the message and the action
    assert read(text, Limits(containers=containers))
    with pytest.raises(TooLarge):
        read(text, Limits(containers=containers - 1))


@pytest.mark.parametrize(
    "number",
    [
        *(b"1e400", b"1E+0400", b"-1.5e200", b"5e-324", b"1e-0000", b"1e1000", b"1" * 220 + b"e90"),
        *(b"0." + b"0" * 80 + b"1e-230", b"1" * 80 + b"e100"),
    ],
)
def test_where_a_number_is_at_the_ends_of_doubles_everything_counts_six_times(
    number: bytes,
) -> None:
    text = b"[%b%b]" % (number, b",[0          ]" * 300)
    bignums = 2 * (max(map(len, re.findall(rb"\d+", number))) // 20)
    containers = 6 * (300 + 3 + bignums)
    assert read(text, Limits(containers=containers))
    with pytest.raises(TooLarge):
        read(text, Limits(containers=containers - 1))
