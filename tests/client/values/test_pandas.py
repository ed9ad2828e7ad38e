from __future__ import annotations

import json
import sys
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftdb_jupyter.client.values.encoding import decode, encode, same
from driftdb_jupyter.protocol.errors import EncodingError

DAYS = pd.DatetimeIndex(["2024-02-29T12:00:00.000001", "NaT"]).as_unit("us")
SERIES = {
    "bool": pd.Series([True, False]),
    "int64": pd.Series([2**63 - 1, -(2**63)]),
    "uint8": pd.Series([0, 255], dtype="uint8"),
    "float64": pd.Series([1.5, np.nan, np.inf, -np.inf]),
    "float32": pd.Series([0.1], dtype="float32"),
    "boolean": pd.Series([True, None], dtype="boolean"),
    "Int64": pd.Series([2**60, None], dtype="Int64"),
    "Float32": pd.Series([0.5, None, np.inf], dtype="Float32"),
    "text": pd.Series(["é", "", None]),
    "string": pd.Series(["a", None], dtype="string"),
    "datetime": pd.Series(DAYS),
    "datetime, ns": pd.Series(pd.DatetimeIndex([pd.Timestamp(1), pd.NaT]).as_unit("ns")),
    "datetime, s": pd.Series(np.array(["9999-12-31", "-0044-03-15"], "M8[s]")),
    "datetime, zone": pd.Series(DAYS.tz_localize("Europe/Berlin")),
    "datetime, offset": pd.Series(DAYS.tz_localize("UTC+01:30")),
    "timedelta": pd.Series(pd.to_timedelta([1, None], unit="ns")),
    "category": pd.Series(pd.Categorical(["b", None, "a"], categories=["a", "b", "c"])),
    "ordered": pd.Series(pd.Categorical([2, 1], categories=[2, 1], ordered=True)),
    "infinities as categories": pd.Series(pd.Categorical([np.inf, 1.0])),
    "times as categories": pd.Series(pd.Categorical(DAYS)),
    "objects": pd.Series(
        [None, b"\xff", Decimal("1.0"), date(2024, 1, 1), {"$a": [1]}], dtype=object
    ),
    "empty": pd.Series([], dtype="datetime64[ns]"),
    "named": pd.Series([1], name="x"),
    "numbered": pd.Series([1], name=3),
    "indexed": pd.Series([1, 2], index=pd.Index(DAYS, name="day")),
}
FRAMES = {
    "of many types": pd.DataFrame(
        {name: series.reindex(range(2)) for name, series in SERIES.items()}
    ),
    "of numbers": pd.DataFrame(np.arange(6.0).reshape(3, 2)),
    "of nothing": pd.DataFrame(),
    "without columns": pd.DataFrame(index=[1, 2, 3]),
    "without rows": pd.DataFrame({"a": pd.Series([], dtype="int32")}),
    "of another index": pd.DataFrame({"a": [1, 2]}, index=["x", "y"]),
    "of a named range": pd.DataFrame({"a": [1, 2]}, index=pd.RangeIndex(2, name="n")),
    "of an index of several levels": pd.DataFrame(
        {"a": [1, 2]}, index=pd.MultiIndex.from_arrays([["x", "y"], [1, 2]], names=["i", None])
    ),
}


@pytest.mark.parametrize("series", SERIES.values(), ids=SERIES.keys())
def test_a_series_comes_back_as_it_was(series: Any) -> None:
    back = decode(encode([series]))[0]
    pd.testing.assert_series_equal(back, series, check_index_type=False, check_freq=False)
    assert same(back, series)


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES.keys())
def test_a_frame_comes_back_as_it_was(frame: Any) -> None:
    back = decode(encode({"a": frame}))["a"]
    pd.testing.assert_frame_equal(
        back, frame, check_index_type=False, check_column_type=False, check_freq=False
    )


cells: dict[str, st.SearchStrategy[Any]] = {
    "int64": st.integers(-(2**63), 2**63 - 1),
    "float64": st.floats(),
    "bool": st.booleans(),
    "string": st.none() | st.text(st.characters(exclude_categories=["Cs"])),
    "object": st.none()
    | st.booleans()
    | st.integers()
    | st.binary()
    | st.decimals(allow_nan=False),
    "datetime64[ns]": st.none() | st.integers(-(2**63) + 1, 2**63 - 1),
    "timedelta64[us]": st.none() | st.integers(-(2**53), 2**53),
    "Int64": st.none() | st.integers(-(2**63), 2**63 - 1),
}


@given(st.data(), st.lists(st.sampled_from(sorted(cells)), max_size=3), st.integers(0, 4))
def test_any_frame_comes_back_as_it_was(data: Any, dtypes: list[str], length: int) -> None:
    columns = {
        name: pd.Series(
            data.draw(st.lists(cells[dtype], min_size=length, max_size=length)), dtype=dtype
        )
        for name, dtype in enumerate(dtypes)
    }
    frame = pd.DataFrame(columns)
    back = decode(encode(frame))
    pd.testing.assert_frame_equal(back, frame, check_index_type=False, check_column_type=False)


def test_a_frame_is_written_column_by_column() -> None:
    frame = pd.DataFrame({"n": [1.5, np.nan], "day": DAYS, "mark": pd.Categorical(["b", "a"])})
    frame["mark"] = frame["mark"].cat.rename_categories([1, 2])
    assert json.loads(encode(frame)) == {
        "$dataframe": {
            "library": "pandas",
            "columns": ["n", "day", "mark"],
            "dtypes": [
                "float64",
                "datetime64[us]",
                {"dtype": "int64", "categories": [1, 2], "ordered": False},
            ],
            "data": {
                "n": [1.5, None],
                "day": ["2024-02-29T12:00:00.000001", None],
                "mark": [2, 1],
            },
        }
    }


def test_a_series_is_a_frame_of_one_column_and_an_index_stands_beside_it() -> None:
    assert json.loads(encode(pd.Series([1], name="a", index=pd.Index(["x"], dtype="object")))) == {
        "$dataframe": {
            "library": "pandas",
            "series": True,
            "columns": ["a"],
            "dtypes": ["int64"],
            "data": {"a": [1]},
            "index": {"names": [None], "dtypes": ["object"], "data": [["x"]]},
        }
    }


@pytest.mark.parametrize(
    ("scalar", "value"),
    [
        (pd.Timestamp("2024-02-29T12:00"), datetime(2024, 2, 29, 12)),
        (pd.Timestamp("2024-02-29T12:00:00.123456789"), datetime(2024, 2, 29, 12, 0, 0, 123456)),
        (pd.Timedelta(seconds=90), timedelta(seconds=90)),
        (pd.NaT, None),
        (pd.NA, None),
    ],
)
def test_a_scalar_is_pythons_own(scalar: Any, value: Any) -> None:
    back = decode(encode([scalar]))[0]
    assert (back, type(back)) == (value, type(value))


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (
            pd.DataFrame({"p": pd.period_range("2024-01", periods=1, freq="M")}),
            r"value\[0\]\['p'\]: expected a column of numbers, .* got one of dtype period\[M\]",
        ),
        (pd.DataFrame({"c": [1j]}), r"value\[0\]\['c'\]: expected .*, got one of dtype complex128"),
        (
            pd.DataFrame({"a": [1, int]}),
            r"value\[0\]\['a'\]\[1\]: expected JSON's types, .* got type",
        ),
        (pd.Series([1, int], name="a"), r"value\[0\]\[1\]: expected JSON's types, .* got type"),
        (
            pd.Series([1], index=[frozenset()]),
            r"value\[0\]\['index'\]\[0\]\[0\]: expected sorted\(set\), a list, got frozenset",
        ),
        (
            pd.DataFrame([[1, 2]], columns=["a", "a"]),
            r"value\[0\]: expected columns of different names, got \['a', 'a'\]",
        ),
        (
            pd.DataFrame({("a", "b"): [1]}),
            r"value\[0\]: expected a column's name of int or str, got \('a', 'b'\) \(tuple\)",
        ),
        (pd.Index([1]), r"value\[0\]: expected JSON's types, .* got pandas"),
    ],
)
def test_what_has_no_encoding_is_named_with_its_path(frame: Any, message: str) -> None:
    with pytest.raises(EncodingError, match=f"^{message}"):
        encode([frame])


def test_the_encode_hook_gets_the_frame_or_the_cell_that_has_none() -> None:
    cell = encode(pd.DataFrame({"a": [{1}]}), hook=list)
    assert json.loads(cell)["$dataframe"]["data"] == {"a": [[1]]}
    assert encode(pd.Index([1, 2]), hook=list) == b"[1,2]"


def test_without_pandas_a_frame_is_its_columns_and_a_series_a_list(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    frame = pd.DataFrame({"a": [np.inf, 1], 2: ["x", "y"]}, index=["r", "s"])
    text = encode([frame, frame[2]])
    monkeypatch.setitem(sys.modules, "pandas", None)
    assert decode(text) == [{"a": [float("inf"), 1.0], "2": ["x", "y"]}, ["x", "y"]]


@pytest.mark.parametrize(
    ("dtype", "cells"),
    [
        ("int64", ["x"]),
        ("int64", [None]),
        ("int8", [1000]),
        ("float64", [{}]),
        ("bool[pyarrow]", [True]),
        ("period[M]", ["2024-01"]),
        ("datetime64[ns]", [5]),
        ("datetime64[ns]", ["now"]),
        ("datetime64[ns]", ["2024-13-01T00:00:00"]),
        ("datetime64[ns, Nowhere]", ["2024-01-01T00:00:00Z"]),
        ("timedelta64[ns]", ["1 day"]),
        ("timedelta64[ns]", [2**70]),
        ({"dtype": "int64", "categories": [1, 1], "ordered": False}, [1]),
        ({"dtype": "int64", "categories": 1, "ordered": False}, [1]),
        ({}, [1]),
        ("object", "text"),
        (None, [1]),
    ],
)
@pytest.mark.parametrize("series", [True, False])
def test_a_column_of_other_cells_than_its_dtype_says_stays_as_it_is(
    dtype: Any, cells: list[Any], series: bool
) -> None:
    content = {"library": "pandas", "columns": ["a"], "dtypes": [dtype], "data": {"a": cells}}
    value = {"$dataframe": content | {"series": series}}
    assert decode(json.dumps(value)) == value


def test_an_index_of_other_cells_than_its_dtype_says_stays_as_it_is() -> None:
    value = json.loads(encode(pd.Series([1], index=pd.Index(["x"], dtype="object"))))
    value["$dataframe"]["index"]["dtypes"] = ["int64"]
    assert decode(json.dumps(value)) == value


def test_same_compares_frames_by_cells_and_types() -> None:
    frame = pd.DataFrame({"a": [1.0, np.nan]})
    assert same(frame, frame.copy())
    assert not same(frame, frame.fillna(0))
    assert not same(pd.Series([1]), pd.Series([1], dtype="int8"))
    assert not same(pd.Series([1], index=["a"]), pd.Series([1], index=["b"]))
    assert not same(pd.Series([1]), [1])
