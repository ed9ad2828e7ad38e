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
    "months": pd.Series(pd.PeriodIndex(["2024-02", None], freq="M")),
    "weeks": pd.Series(pd.period_range("2024-02-29", periods=2, freq="W-SUN")),
    "quarters": pd.Series(pd.period_range("2024-02-29", periods=2, freq="Q-NOV")),
    "nanoseconds": pd.Series(pd.PeriodIndex(["2024-02-29T12:00:00.000000001"], freq="ns")),
    "gaps in categories of integers": pd.Series(pd.Categorical([2, None, 1])),
    "gaps in categories of bools": pd.Series(pd.Categorical([True, None])),
    "gaps in categories of intervals": pd.Series(pd.cut([1, 9], [0, 3, 6])),
    "categories of tuples": pd.Series(pd.Categorical([("a", 1), None])),
    "intervals": pd.Series(pd.cut([1, 2, 3], 2)),
    "intervals of integers": pd.Series(pd.IntervalIndex.from_tuples([(1, 2)], closed="both")),
    "intervals of times": pd.Series(pd.interval_range(pd.Timestamp("2024"), periods=2)),
    "intervals with a gap": pd.Series(pd.IntervalIndex.from_tuples([(0.5, 1), None])),
    "named by a time": pd.Series([1], name=pd.Timestamp("2024-02-29")),
    "named by a tuple": pd.Series([1], name=("a", 1)),
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
    "of a float index": pd.DataFrame({"a": [1, 2]}, index=[0.0, 1.0]),
    "of an index of objects": pd.DataFrame({"a": [1, 2]}, index=pd.Index([0, 1], dtype=object)),
    "of a small index": pd.DataFrame({"a": [1, 2]}, index=pd.Index([0, 1], dtype="int32")),
    "of an index of bools": pd.DataFrame({"a": [1, 2]}, index=[False, True]),
    "of an index of periods": pd.DataFrame(
        {"a": [1, 2]}, index=pd.period_range("2024", periods=2, freq="D")
    ),
    "grouped": pd.DataFrame({"k": list("aab"), "v": [1, 2, 3]})
    .groupby("k")
    .agg({"v": ["sum", "mean"]}),
    "pivoted": pd.DataFrame({"a": ["x", "y"], "b": ["u", "v"], "c": [1, 2]}).pivot(
        index="a", columns="b", values="c"
    ),
    "pivoted by time": pd.DataFrame(
        {"a": ["x", "y"], "b": pd.to_datetime(["2024-01-01", "2024-01-02"]), "c": [1, 2]}
    ).pivot(index="a", columns="b", values="c"),
    "crossed": pd.crosstab(pd.cut([1, 2, 3], 2), pd.Series(["a", "b", "a"], name="k")),
    "of columns of one name": pd.DataFrame([[1, "x"]], columns=["a", "a"]),
    "of columns of other types": pd.DataFrame([[1, 2, 3]], columns=[True, 1.5, date(2024, 1, 1)]),
    "of a column and a level that are named by a tuple": pd.DataFrame(
        {0: [1], ("a", 1): [2]}, index=pd.Index([3], name=("b", 2))
    ),
    "of columns that read alike": pd.DataFrame([[1, 2, 3]], columns=[1, "1", "1.1"]),
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


def test_a_reader_without_the_header_finds_columns_of_different_names() -> None:
    frame = pd.DataFrame(
        [[1, 2, 3]], columns=pd.MultiIndex.from_tuples([("v", "a"), ("v", "a"), (1, 2)])
    )
    content = json.loads(encode(frame))["$dataframe"]
    assert content["columns"] == ["v / a", "v / a.1", "1 / 2"]
    assert content["data"] == {"v / a": [1], "v / a.1": [2], "1 / 2": [3]}
    assert content["header"]["data"] == [["v", "v", 1], ["a", "a", 2]]


def test_a_frame_of_a_class_of_ones_own_is_a_frame() -> None:
    measured = type("Measured", (pd.DataFrame,), {})
    back = decode(encode(measured({"a": [1]})))
    assert type(back) is pd.DataFrame
    assert back.to_dict("list") == {"a": [1]}


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (
            pd.DataFrame({"s": pd.array([0.0], dtype="Sparse[float]")}),
            r"value\[0\]\['s'\]: expected a column of numbers, .* got one of dtype Sparse",
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
            pd.DataFrame({frozenset(): [1]}),
            r"value\[0\]\['columns'\]\[0\]\[0\]: expected sorted\(set\), a list, got frozenset",
        ),
        (
            pd.DataFrame({"\ud800": [1]}),
            r"value\[0\]\['columns'\]\[0\]: expected text that UTF-8 can hold",
        ),
        (
            pd.DatetimeIndex(["2024"]),
            r"value\[0\]: expected index.to_series\(\), .*, got pandas.*DatetimeIndex",
        ),
        (
            pd.Categorical(["a"]),
            r"value\[0\]: expected pandas.Series\(array\), .* got pandas.*Categorical",
        ),
        (pd.Period("2024"), r"value\[0\]: expected JSON's types, .* got pandas.*Period"),
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
        ("period[M]", [1]),
        ("period[M]", ["never"]),
        ("period[!]", ["2024-01"]),
        ({"interval": "int64", "closed": "right"}, [[1]]),
        ({"interval": "int64", "closed": "both ways"}, [[1, 2]]),
        ({"interval": "str", "closed": "right"}, [["a", "b"]]),
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
