from __future__ import annotations

import enum
import json
import math
import pathlib
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftdb_jupyter.client.values.encoding import decode, encode, encode_each, same
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
    assert decode(encode(value)) == value


@given(json_values)
def test_a_json_value_in_which_nothing_looks_encoded_is_written_as_it_is(value: Any) -> None:
    text = encode(value)
    assert b'{"$' in text or json.loads(text) == value


@given(
    st.lists(
        json_values
        | st.floats()
        | st.dictionaries(st.text() | st.sampled_from(["$date", "$"]), st.floats() | st.text())
        | st.dates()
        | st.dictionaries(st.text(), st.dates() | st.integers())
    )
)
def test_many_values_are_each_encoded_as_alone(values: list[Any]) -> None:
    assert encode_each(values) == [encode(value) for value in values]
    for value in values:
        assert encode_each([value, value]) == [encode(value)] * 2


class Hidden:
    """As a library's class that is kept in a private module."""

    __module__ = "library._private.more"


@pytest.mark.parametrize("odd", [{1: 2}, {"a": object()}, {"a": "\ud800"}, object()])
def test_of_many_values_one_that_has_no_encoding_is_refused(odd: object) -> None:
    with pytest.raises(EncodingError):
        encode_each([{"a": 1}, odd, {"a": 2}])


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
            {"a": [0, 1, 2, object]},
            "value['a'][3]: expected JSON's types, bytes, a date or time, Decimal, UUID, Enum, "
            "a dataclass or model, an array or a frame, got type",
        ),
        ([{1}], "value[0]: expected sorted(set), a list, got set"),
        ([pathlib.PurePosixPath("x")], "value[0]: expected str(path), got pathlib.PurePosixPath"),
        (
            Hidden(),
            "value: expected JSON's types, bytes, a date or time, Decimal, UUID, Enum, "
            "a dataclass or model, an array or a frame, got library.Hidden",
        ),
        (
            {"x": [10**5000]},
            "value['x'][0]: expected an integer of at most 4300 digits, got a longer one",
        ),
        ({"x": {3: 1}}, "value['x']: expected str keys, got 3 (int)"),
        ({"x": {"$y": {3: 1}}}, "value['x']['$y']: expected str keys, got 3 (int)"),
    ],
)
def test_what_has_no_encoding_is_named_with_its_path(value: Any, message: str) -> None:
    with pytest.raises(EncodingError) as error:
        encode(value)
    assert str(error.value) == message


def test_what_a_values_own_code_raises_is_named_with_its_path() -> None:
    @dataclass
    class Unset:
        a: int = field(init=False)

    class Lazy:
        shape = ()

        def item(self) -> object:
            raise RuntimeError("it was never computed")

    with pytest.raises(EncodingError, match=r"^value\['x'\]\[1\]: .*Unset raised AttributeError: "):
        encode({"x": [0, Unset()]})
    with pytest.raises(
        EncodingError, match=r"^value\[0\]: .*Lazy raised RuntimeError: it was never"
    ):
        encode([Lazy()])
    with pytest.raises(EncodingError, match=r"^value\[0\]: type raised TypeError: ") as error:
        encode([int], hook=sorted)
    assert isinstance(error.value.__cause__, TypeError)


def test_a_scalar_of_another_library_is_pythons_own() -> None:
    class Tensor:
        def __init__(self, *shape: int) -> None:
            self.shape = shape

        def item(self) -> float:
            return 0.25

    assert encode({"loss": Tensor()}) == b'{"loss":0.25}'
    with pytest.raises(EncodingError, match=r"value\['loss'\]: expected .*, got .*Tensor"):
        encode({"loss": Tensor(3)})


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


def test_same_takes_nan_for_nan_and_a_tuple_for_a_list() -> None:
    assert same((math.nan, 1), [math.nan, 1.0])
    assert not same(math.nan, 1.0)
    assert same(Decimal("NaN"), Decimal("NaN"))


def test_same_tells_types_apart_that_only_compare_equal() -> None:
    assert not same(Decimal(1), 1)
    assert not same("2024-01-01", date(2024, 1, 1))
    assert same(b"a", bytearray(b"a"))


def test_same_compares_what_is_written_where_types_can_not_be_compared() -> None:
    snan = Decimal("sNaN")
    assert same(snan, Decimal("sNaN"))  # which no comparison takes
    assert same(np.True_, True)
    assert not same(np.True_, 1)
    assert same(pd.Series([pd.Series([1])]), pd.Series([pd.Series([1])]))


def test_same_never_raises() -> None:
    class Odd:
        def __eq__(self, other: object) -> bool:
            raise ArithmeticError

        __hash__ = None  # type: ignore[assignment]

    assert not same(Odd(), Odd())
    assert not same({"a": Odd()}, {"a": 1})


def test_the_encode_hook_makes_something_of_each_value_that_has_no_encoding() -> None:
    def hook(value: object) -> object:
        return sorted(value) if isinstance(value, set) else value

    assert encode({"a": [{2, 1}, b""]}, hook=hook) == b'{"a":[[1,2],{"$bytes":""}]}'
    with pytest.raises(EncodingError, match=r"value\['a'\]: expected JSON's types, .*, got type"):
        encode({"a": int}, hook=hook)


def test_what_the_encode_hook_returns_may_need_it_again_further_in() -> None:
    assert encode(frozenset([frozenset()]), hook=list) == b"[[]]"
    with pytest.raises(EncodingError, match="nested at most 128 deep"):
        encode(object(), hook=lambda value: [value])


def test_the_decode_hook_gets_the_whole_value_decoded() -> None:
    assert decode(b'{"a":{"$bytes":"YQ=="}}', hook=lambda value: [value]) == [{"a": b"a"}]
    assert decode(b"1", hook=str) == "1"


@pytest.mark.parametrize(
    "text", [b'[{"\\u0024bytes":""}]', '[{"$bytes":""}]', b'[{ "$bytes" :""}]']
)
def test_an_encoded_value_is_known_however_its_text_is_spelt(text: bytes | str) -> None:
    assert decode(text) == [b""]


def test_plain_values_import_no_library() -> None:
    script = (
        "import sys, driftdb_jupyter\n"
        "from driftdb_jupyter.client.values.encoding import decode, encode, encode_each, same\n"
        "value = [{'$a': b'x'}, 1.5, float('nan'), {1}]\n"
        "assert same(decode(encode(value, hook=list)), [*value[:3], [1]])\n"
        "print(*{'numpy', 'pandas', 'polars'} & set(sys.modules))\n"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, text=True)
    assert ran.stdout.split() == []
