from __future__ import annotations

import json
import math
import sys
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as arrays

from driftdb_jupyter.client.values.encoding import decode, encode, same
from driftdb_jupyter.protocol.errors import EncodingError

dtypes = (
    arrays.boolean_dtypes()
    | arrays.integer_dtypes()
    | arrays.unsigned_integer_dtypes()
    | arrays.floating_dtypes(sizes=(16, 32, 64))
    | arrays.complex_number_dtypes(sizes=(64, 128))
    | arrays.datetime64_dtypes()
    | arrays.timedelta64_dtypes()
    | arrays.byte_string_dtypes()
    | arrays.unicode_string_dtypes()
)


@given(arrays.arrays(dtypes, arrays.array_shapes(min_dims=0, min_side=0, max_side=4)))
def test_an_array_comes_back_as_it_was(array: Any) -> None:
    back = decode(encode({"a": [array]}))["a"][0]
    assert back.dtype == array.dtype.newbyteorder("<")
    assert back.shape == array.shape
    np.testing.assert_array_equal(back, array)
    assert back.flags.writeable
    assert same([back], [array])


def test_an_array_is_its_items_in_c_order_and_little_endian() -> None:
    array = np.array([[1, 2], [3, 4]], ">u2").T
    assert json.loads(encode(array)) == {
        "$ndarray": {"dtype": "<u2", "shape": [2, 2], "data": "AQADAAIABAA="}
    }


@pytest.mark.parametrize(
    ("scalar", "value"),
    [
        (np.bool_(True), True),
        (np.uint64(2**64 - 1), 2**64 - 1),
        (np.float32(0.1), 0.10000000149011612),
        (np.longdouble(1.5), 1.5),
        (np.float64(2.5), 2.5),
        (np.float16("inf"), math.inf),
        (np.str_("é"), "é"),
        (np.bytes_(b"a"), b"a"),
        (np.datetime64("2024-02-29"), date(2024, 2, 29)),
        (np.datetime64("2024-02-29T12:00:00.123456789"), datetime(2024, 2, 29, 12, 0, 0, 123456)),
        (np.timedelta64(90, "s"), timedelta(seconds=90)),
        (np.datetime64("NaT", "s"), None),
        (np.timedelta64("NaT", "s"), None),
    ],
)
def test_a_scalar_is_a_plain_value(scalar: Any, value: Any) -> None:
    back = decode(encode([scalar]))[0]
    assert (back, type(back)) == (value, type(value))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.array([None]), "expected an array of numbers, .* or times, got one of dtype object"),
        (np.zeros(1, [("a", "<i4")]), "expected an array of numbers, .* got one of dtype "),
        (np.zeros(1, np.longdouble), "expected an array of numbers, .* got one of dtype float128"),
        (np.ma.masked_equal([1, 2], 1), "expected JSON's types, .* got numpy.ma"),
        (np.complex64(1), r"expected a number, .* got np.complex64\(1\+0j\) \(numpy.complex64\)"),
        (np.timedelta64(1, "Y"), "expected a number, .* got np.timedelta64"),
        (np.datetime64("20000-01-01"), "expected a number, .* got np.datetime64"),
    ],
)
def test_what_has_no_encoding_is_named_with_its_path(value: Any, message: str) -> None:
    with pytest.raises(EncodingError, match=rf"^value\['a'\]\[1\]: {message}"):
        encode({"a": [0, value]})


def test_the_encode_hook_gets_an_array_that_has_none() -> None:
    assert encode(np.array([{1}], object), hook=list) == b"[[1]]"


@pytest.mark.parametrize(
    "content",
    [
        {},
        [],
        {"dtype": "<f8", "shape": [1], "data": ""},
        {"dtype": "<f8", "shape": [2], "data": "AAAAAAAAAAA="},
        {"dtype": "<f8", "shape": [-1], "data": "AAAAAAAAAAA="},
        {"dtype": "<f8", "shape": [True], "data": "AAAAAAAAAAA="},
        {"dtype": "<f8", "shape": [1] * 65, "data": "AAAAAAAAAAA="},
        {"dtype": "<f8", "shape": "1", "data": "AAAAAAAAAAA="},
        {"dtype": "<f8", "shape": 1, "data": "AAAAAAAAAAA="},
        {"dtype": "<f8", "shape": [1], "data": "AAAAAAAAAAA=", "more": 1},
        {"dtype": "|O", "shape": [1], "data": "AAAAAAAAAAA="},
        {"dtype": "|O8", "shape": [1], "data": "AAAAAAAAAAA="},
        {"dtype": "|V8", "shape": [1], "data": "AAAAAAAAAAA="},
        {"dtype": "<f8,<f8", "shape": [0], "data": ""},
        {"dtype": ["<f8"], "shape": [0], "data": ""},
        {"dtype": "<M8[xx]", "shape": [0], "data": ""},
        {"dtype": "|b1", "shape": [1], "data": "Ag=="},
        {"dtype": "<U1", "shape": [1], "data": "/////w=="},
    ],
)
@pytest.mark.parametrize("installed", [True, False])
def test_what_only_looks_like_an_array_stays_as_it_is(
    content: Any, installed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not installed:
        monkeypatch.setitem(sys.modules, "numpy", None)
    value = {"$ndarray": content}
    assert decode(json.dumps(value)) == value


@pytest.mark.parametrize("length", [2**62, 2**70])
def test_an_array_of_more_than_numpy_can_hold_stays_as_it_is(length: int) -> None:
    value = {"$ndarray": {"dtype": "<f8", "shape": [0, length], "data": ""}}
    assert decode(json.dumps(value)) == value


@pytest.mark.parametrize(
    ("array", "value"),
    [
        (np.array([[True], [False]]), [[True], [False]]),
        (np.arange(6, dtype="i2").reshape(3, 2), [[0, 1], [2, 3], [4, 5]]),
        (np.array(1.5), 1.5),
        (np.zeros((3, 0)), []),
    ],
)
def test_without_numpy_an_array_is_lists(
    array: Any, value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = encode([array])
    monkeypatch.setitem(sys.modules, "numpy", None)
    assert decode(text) == [value]


def test_without_numpy_an_array_of_other_items_stays_encoded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = encode([np.array(["a"])])
    monkeypatch.setitem(sys.modules, "numpy", None)
    assert decode(text) == json.loads(text)


def test_same_compares_arrays_by_items_and_type() -> None:
    assert same(np.array([1.0, math.nan]), np.array([1.0, math.nan]))
    assert not same(np.array([1.0, 2.0]), np.array([1.0, 3.0]))
    assert not same(np.array([1]), np.array([1.0]))
    assert not same(np.array([1]), [1])
    assert same({"a": np.float32(1)}, {"a": 1.0})
