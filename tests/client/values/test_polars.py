from __future__ import annotations

import json
import math
import sys
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal, assert_series_equal

from driftdb_jupyter.client.values.encoding import decode, encode, same
from driftdb_jupyter.protocol.errors import EncodingError

MOMENT = datetime(2024, 2, 29, 12, 0, 0, 1)
SERIES = {
    "Boolean": pl.Series([True, None]),
    "Int64": pl.Series([2**63 - 1, -(2**63), None]),
    "UInt8": pl.Series([255], dtype=pl.UInt8),
    "Int128": pl.Series([2**100, None], dtype=pl.Int128),
    "Float64": pl.Series([1.5, math.nan, math.inf, None]),
    "Float32": pl.Series([0.1], dtype=pl.Float32),
    "String": pl.Series(["é", "", None]),
    "Binary": pl.Series([b"\xff", None]),
    "Null": pl.Series([None, None]),
    "Date": pl.Series([date(1, 1, 1), date(9999, 12, 31), None]),
    "Time": pl.Series([time(23, 59, 59, 999999), None]),
    "Time, ns": pl.Series([1, None]).cast(pl.Time),
    "Datetime": pl.Series([MOMENT, None]),
    "Datetime, ns": pl.Series([1, -1, None]).cast(pl.Datetime("ns")),
    "Datetime, ms": pl.Series([MOMENT], dtype=pl.Datetime("ms")),
    "Datetime, zone": pl.Series([MOMENT.replace(tzinfo=ZoneInfo("Europe/Berlin")), None]),
    "Duration": pl.Series([timedelta(microseconds=-1), None]),
    "Duration, ns": pl.Series([1], dtype=pl.Duration("ns")),
    "Decimal": pl.Series([Decimal("1.50"), None], dtype=pl.Decimal(10, 2)),
    "Categorical": pl.Series(["b", "a", None], dtype=pl.Categorical),
    "Enum": pl.Series(["b", None], dtype=pl.Enum(["a", "b"])),
    "List": pl.Series([[1, None], [], None]),
    "List of times": pl.Series([[MOMENT], [None]], dtype=pl.List(pl.Datetime("us", "Asia/Tokyo"))),
    "List of lists": pl.Series([[["a"], []], None], dtype=pl.List(pl.List(pl.String))),
    "Array": pl.Series([[1.5, math.inf], None], dtype=pl.Array(pl.Float64, 2)),
    "Struct": pl.Series([{"a": 1, "b": {"c": b"x"}}, {"a": None, "b": None}, None]),
    "List of structs": pl.Series(
        [[{"a": Decimal("1.5")}], [None], []], dtype=pl.List(pl.Struct({"a": pl.Decimal(10, 1)}))
    ),
    "Struct of a field that looks encoded": pl.Series([{"$date": "2024-02-29"}, None]),
    "Struct of a type that looks encoded": pl.Series([{"$bytes": date(2024, 2, 29)}]),
    "Struct of a field without a name": pl.Series([{"": 1, "a": 2}]),
    "empty List": pl.Series([], dtype=pl.List(pl.Int8)),
    "empty Struct": pl.Series([], dtype=pl.Struct({"a": pl.Date})),
    "empty": pl.Series([], dtype=pl.Datetime("us")),
    "named": pl.Series("x", [1]),
}


@pytest.mark.parametrize("series", SERIES.values(), ids=SERIES.keys())
def test_a_series_comes_back_as_it_was(series: Any) -> None:
    back = decode(encode([series]))[0]
    assert_series_equal(back, series)
    assert same(back, series)


@pytest.mark.parametrize(
    "frame",
    [
        pl.DataFrame({name: series[:1] for name, series in SERIES.items() if len(series)}),
        pl.DataFrame(),
        pl.DataFrame({"a": []}),
        pl.DataFrame({"": [1], "a": [2]}),
    ],
)
def test_a_frame_comes_back_as_it_was(frame: Any) -> None:
    assert_frame_equal(decode(encode({"a": frame}))["a"], frame, categorical_as_str=True)


cells: dict[Any, st.SearchStrategy[Any]] = {
    pl.Int64: st.integers(-(2**63), 2**63 - 1),
    pl.Float64: st.floats(),
    pl.Boolean: st.booleans(),
    pl.String: st.text(st.characters(exclude_categories=["Cs"])),
    pl.Binary: st.binary(),
    pl.Date: st.dates(),
    pl.Time: st.times(),
    pl.Datetime("us"): st.datetimes(),
    pl.Datetime("us", "UTC"): st.datetimes(timezones=st.just(ZoneInfo("UTC"))),
    pl.Duration("us"): st.timedeltas(timedelta(days=-10_000), timedelta(days=10_000)),
}


@given(st.data(), st.lists(st.sampled_from(list(cells)), max_size=3), st.integers(0, 4))
def test_any_frame_comes_back_as_it_was(data: Any, dtypes: list[Any], length: int) -> None:
    frame = pl.DataFrame(
        [
            pl.Series(
                f"{place}",
                data.draw(st.lists(st.none() | cells[dtype], min_size=length, max_size=length)),
                dtype=dtype,
            )
            for place, dtype in enumerate(dtypes)
        ]
    )
    assert_frame_equal(decode(encode(frame)), frame)


def test_a_frame_is_written_column_by_column() -> None:
    frame = pl.DataFrame(
        {"n": [1.5, None], "at": [MOMENT, None], "d": [timedelta(seconds=1)] * 2},
    ).with_columns(e=pl.Series(["a", "b"], dtype=pl.Enum(["b", "a"])))
    assert json.loads(encode(frame)) == {
        "$dataframe": {
            "library": "polars",
            "columns": ["n", "at", "d", "e"],
            "dtypes": ["Float64", "Datetime[us]", "Duration[us]", {"enum": ["b", "a"]}],
            "data": {
                "n": [1.5, None],
                "at": ["2024-02-29T12:00:00.000001", None],
                "d": [1_000_000, 1_000_000],
                "e": ["a", "b"],
            },
        }
    }


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (
            pl.DataFrame({"o": pl.Series([object()], dtype=pl.Object)}),
            r"value\[0\]\['o'\]: expected a column of numbers, .*, got one of dtype Object",
        ),
        (
            pl.DataFrame({"s": [{}]}),
            r"value\[0\]\['s'\]: expected a struct with fields, got one without",
        ),
        (
            pl.LazyFrame({"a": [1]}),
            r"value\[0\]: expected frame.collect\(\), got polars.*LazyFrame",
        ),
    ],
)
def test_what_has_no_encoding_is_named_with_its_path(frame: Any, message: str) -> None:
    with pytest.raises(EncodingError, match=f"^{message}"):
        encode([frame])


def test_without_polars_a_frame_is_its_columns_and_a_series_a_list(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    frame = pl.DataFrame({"a": [b"x"], "b": [1.5]})
    text = encode([frame, frame["a"]])
    monkeypatch.setitem(sys.modules, "polars", None)
    assert decode(text) == [{"a": [b"x"], "b": [1.5]}, [b"x"]]


@pytest.mark.parametrize(
    ("dtype", "cells"),
    [
        ("Int64", ["x"]),
        ("Int8", [1000]),
        ("Float64", [{}]),
        ("Boolean", [2]),
        ("Object", [1]),
        ("List(Int64)", [[1]]),
        ("Date", ["2024-02-30"]),
        ("Date", [5]),
        ("Time", ["25:00:00"]),
        ("Datetime[us]", ["now"]),
        ("Datetime[us]", [5]),
        ("Datetime[us, Nowhere]", ["2024-01-01T00:00:00Z"]),
        ("Datetime[h]", ["2024-01-01T00:00:00"]),
        ("Duration[us]", ["1 day"]),
        ("Duration[us]", [2**70]),
        ("Decimal[5, 2]", ["one"]),
        ("Decimal[99, 98]", ["1"]),
        ("Decimal[2, 5]", ["1"]),
        ("Decimal[3, 1]", ["12345"]),
        ("Decimal[5, 2]", ["1e999999999"]),
        ("Decimal[5, 2]", ["NaN"]),
        ({"enum": ["a"]}, ["b"]),
        ({"enum": ["a", "a"]}, ["a"]),
        ({"enum": 1}, ["a"]),
        ({}, [1]),
        (None, [1]),
        ("String", "text"),
    ],
)
@pytest.mark.parametrize("series", [True, False])
def test_a_column_of_other_cells_than_its_dtype_says_stays_as_it_is(
    dtype: Any, cells: Any, series: bool
) -> None:
    content = {"library": "polars", "columns": ["a"], "dtypes": [dtype], "data": {"a": cells}}
    value = {"$dataframe": content | {"series": series}}
    back = decode(json.dumps(value))
    assert isinstance(back, dict)
    assert back == value


def test_same_compares_frames_by_cells_and_types() -> None:
    frame = pl.DataFrame({"a": [1.0, math.nan]})
    assert same(frame, frame.clone())
    assert not same(frame, pl.DataFrame({"a": [1.0, None]}))
    assert not same(frame["a"], frame["a"].cast(pl.Float32))
    assert not same(pl.Series([1]), [1])
