from __future__ import annotations

import enum
from collections import deque
from dataclasses import dataclass, field
from datetime import date, timedelta
from json import dumps
from typing import Any, ClassVar, NamedTuple

import attrs
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftdb_jupyter.client.values.encoding import decode, encode
from driftdb_jupyter.protocol.errors import EncodingError

json = st.recursive(st.none() | st.text(), st.lists, max_leaves=3)


@given(
    st.recursive(
        json,
        lambda inner: st.dictionaries(
            st.sampled_from(["$object", "$bytes", "$new", "$", "a"]), inner, max_size=2
        ),
        max_leaves=5,
    )
)
def test_a_dict_that_looks_encoded_comes_back_as_it_was(value: Any) -> None:
    assert decode(encode(value)) == value


def test_a_dict_that_looks_encoded_is_written_as_an_object() -> None:
    assert encode({"$bytes": "YQ=="}) == b'{"$object":{"$bytes":"YQ=="}}'
    assert encode({"$object": {}}) == b'{"$object":{"$object":{}}}'
    assert encode({"$a": 1, "$b": 2}) == b'{"$a":1,"$b":2}'


def test_values_are_decoded_in_an_object_too() -> None:
    assert decode('{"$object":{"$a":[{"$bytes":""}]}}') == {"$a": [b""]}


def test_an_enum_member_is_its_value() -> None:
    class Colour(enum.Enum):
        RED = "red"
        GLOW = b"\x01"

    class Level(str, enum.Enum):
        HIGH = "high"

    assert encode([Colour.RED, Colour.GLOW, Level.HIGH]) == b'["red",{"$bytes":"AQ=="},"high"]'


def test_a_dataclass_is_an_object_of_its_fields() -> None:
    @dataclass
    class Point:
        x: float
        tags: set[str] = field(default_factory=set)

    assert encode(Point(1.5), hook=list) == b'{"x":1.5,"tags":[]}'
    with pytest.raises(EncodingError, match=r"value\[0\]\['tags'\]: expected sorted"):
        encode([Point(1.5)])


def test_a_named_tuple_is_a_list() -> None:
    class Point(NamedTuple):
        x: int
        y: int

    assert encode(Point(1, 2)) == b"[1,2]"


def nested(innermost: object, depth: int) -> object:
    for _ in range(depth):
        innermost = [innermost]
    return innermost


@pytest.mark.parametrize(("value", "levels"), [([], 1), ({"$a": 1}, 2), (b"", 1), ({"$a": []}, 3)])
def test_what_an_encoding_adds_counts_for_the_depth(value: object, levels: int) -> None:
    encode(nested(value, 128 - levels))
    with pytest.raises(EncodingError, match="nested at most 128 deep"):
        encode(nested(value, 129 - levels))


def test_however_deep_a_text_is_it_is_decoded() -> None:
    value = decode('{"$object":' * 400 + '{"$bytes":""}' + "}" * 400)
    for _ in range(200):  # the outer of each two says that the inner is as it stands
        (value,) = value.values()
    assert value == b""


def test_a_model_of_a_library_is_an_object_of_its_fields() -> None:
    class Point(msgspec.Struct):
        x: int
        when: date

    @attrs.define
    class Segment:
        ends: tuple[Point, ...]
        _hidden: int = 0

    class Model:
        """As pydantic's: the names of the fields are the class's."""

        __pydantic_fields__: ClassVar = {"name": None}

        def __init__(self, name: str) -> None:
            self.name, self.other = name, object()

    assert decode(encode([Segment((Point(1, date(2024, 2, 29)),)), Model("m")])) == [
        {"ends": [{"x": 1, "when": date(2024, 2, 29)}], "_hidden": 0},
        {"name": "m"},
    ]


def test_ranges_and_deques_are_lists() -> None:
    assert encode([range(2), deque([1, (2,)])]) == b"[[0,1],[1,[2]]]"


@pytest.mark.parametrize(
    "value",
    [
        timedelta.max,
        timedelta.min,
        timedelta(days=100_000, microseconds=1),
        timedelta(days=-300_000, microseconds=7),
    ],
)
def test_a_long_duration_keeps_its_microseconds(value: timedelta) -> None:
    assert decode(encode(value)) == value


@pytest.mark.parametrize("content", [[1], [1, 2, "3"], [1, 2, True], [10**10, 0, 0], "1", None])
def test_a_malformed_duration_stays_as_it_is(content: Any) -> None:
    assert decode(encode({"$object": {"$timedelta": content}})) == {
        "$object": {"$timedelta": content}
    }
    assert decode(dumps({"$timedelta": content})) == {"$timedelta": content}
