"""pandas' data frames and series, column by column."""

from __future__ import annotations

import importlib
import math
import re
import sys
from typing import Any

from .column import CellWriter, Column, Dtype, Table
from .errors import Unencodable

__all__ = ["build", "table"]

_NUMBERS = re.compile(r"bool|u?int(8|16|32|64)|float(16|32|64)")
_NULLABLE = re.compile(r"boolean|U?Int(8|16|32|64)|Float(32|64)")
_TEXT = ("str", "string")
_MOMENTS = re.compile(r"datetime64\[(s|ms|us|ns)(?:, ([\w/+:-]+))?\]")
_MOMENT = re.compile(r"-?\d{1,12}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z?")
_DURATIONS = re.compile(r"timedelta64\[(s|ms|us|ns)\]")
_PERIODS = re.compile(r"period\[[\w-]{1,20}\]")


def table(frame: Any, write: CellWriter) -> Table:
    """Return the table of a frame or a series.

    Raises :class:`.Unencodable` for a dtype that has no encoding.
    """
    pandas = sys.modules["pandas"]
    single = not isinstance(frame, pandas.DataFrame)
    labels = pandas.Index([frame.name]) if single else frame.columns
    series = [frame] if single else [frame.iloc[:, place] for place in range(len(labels))]
    names = [_text(label) for label in labels]
    plain = _is_plain(labels, names)
    if plain:
        names = [_item(label) for label in labels]
    return Table(
        columns=[
            Column(name, *_encode(part, write, () if single else (label,)))
            for name, label, part in zip(_distinct(names), labels, series, strict=True)
        ],
        index=[] if series and _is_numbering(frame.index) else _levels(frame.index, write, "index"),
        header=[] if plain else _levels(labels, write, "columns"),
        series=single,
    )


def build(table: Table) -> object:
    """Return the frame or the series of a table.

    Raises :class:`ImportError` where pandas isn't installed, :class:`LookupError`,
    :class:`TypeError` or :class:`ValueError` for cells that aren't of their column's dtype.
    """
    pandas = importlib.import_module("pandas")
    index = _index(table.index, pandas)
    header = _index(table.header, pandas)
    parts = [_decode(column.dtype, column.cells, pandas) for column in table.columns]
    if table.series:
        name = table.columns[0].name if header is None else header[0]
        frame = parts[0].rename(name)
    else:
        data = dict(enumerate(parts))
        frame = pandas.DataFrame(data, index=range(len(index)) if index is not None else None)
        if header is not None:
            frame.columns = header
        elif table.columns:
            frame.columns = [column.name for column in table.columns]
    if index is not None:
        frame.index = index
    return frame


def _is_plain(labels: Any, names: list[str]) -> bool:
    """Return True if the labels are ints, strs and ``None``, and differ as text."""
    return (
        labels.nlevels == 1
        and labels.name is None
        and str(labels.dtype) in ("object", "int64", *_TEXT)
        and all(label is None or type(_item(label)) in (int, str) for label in labels)
        and len(set(names)) == len(names)
    )


def _is_numbering(index: Any) -> bool:
    """Return True if the rows are numbered from 0."""
    pandas = sys.modules["pandas"]
    plain = index.name is None and str(index.dtype) == "int64"
    return bool(plain and index.equals(pandas.RangeIndex(len(index))))


def _levels(index: Any, write: CellWriter, place: str) -> list[Column]:
    pandas = sys.modules["pandas"]
    levels = [index.get_level_values(number) for number in range(index.nlevels)]
    return [
        Column(_item(level.name), *_encode(pandas.Series(level), write, (place, number)))
        for number, level in enumerate(levels)
    ]


def _index(levels: list[Column], pandas: Any) -> Any:
    """Return the index of these levels, or ``None`` where there are none."""
    if not levels:
        return None
    arrays = [_decode(level.dtype, _hashable(level.cells), pandas) for level in levels]
    names = _hashable([level.name for level in levels])
    if len(levels) > 1:
        return pandas.MultiIndex.from_arrays(arrays, names=names)
    return pandas.Index(arrays[0], name=names[0], dtype=arrays[0].dtype)


def _hashable(labels: list[Any]) -> list[Any]:
    """Return labels as they were before they were written: tuples, where they are lists now."""
    return [tuple(_hashable(label)) if isinstance(label, list) else label for label in labels]


def _item(label: Any) -> Any:
    return label.item() if isinstance(label, sys.modules["numpy"].generic) else label


def _text(label: Any) -> str:
    return " / ".join(map(str, label)) if isinstance(label, tuple) else str(label)


def _distinct(names: list[Any]) -> list[Any]:
    """Return the names, with a number behind each that occurred before."""
    taken: set[str] = set()
    distinct = []
    for name in names:
        other, count = name, 0
        while str(other) in taken:
            count += 1
            other = f"{name}.{count}"
        taken.add(str(other))
        distinct.append(other)
    return distinct


def _encode(series: Any, write: CellWriter, path: tuple[object, ...]) -> tuple[Dtype, list[object]]:
    """Return a series' dtype and its cells, both encoded."""
    pandas, numpy = sys.modules["pandas"], sys.modules["numpy"]
    dtype = str(series.dtype)
    if isinstance(series.dtype, pandas.CategoricalDtype):
        inner, categories = _encode(pandas.Series(series.cat.categories), write, path)
        described = {"dtype": inner, "categories": categories, "ordered": bool(series.cat.ordered)}
        return described, [None if code < 0 else categories[code] for code in series.cat.codes]
    if isinstance(series.dtype, pandas.IntervalDtype):
        bounds = [pandas.Series(getattr(series.array, side)) for side in ("left", "right")]
        (inner, left), (_, right) = (_encode(bound, write, path) for bound in bounds)
        pairs = zip(left, right, series.isna().tolist(), strict=True)
        described = {"interval": inner, "closed": series.dtype.closed}
        return described, [None if missing else [low, high] for low, high, missing in pairs]
    if _PERIODS.fullmatch(dtype):
        missing = series.isna().tolist()
        texts = series.astype(str).tolist()
        return dtype, [None if gone else text for text, gone in zip(texts, missing, strict=True)]
    if moments := _MOMENTS.fullmatch(dtype):
        zone = ""
        if moments[2]:
            series, zone = series.dt.tz_convert("UTC").dt.tz_localize(None), "Z"
        texts = numpy.datetime_as_string(series.to_numpy()).tolist()
        return dtype, [None if text == "NaT" else text + zone for text in texts]
    cells = series.to_numpy().astype("i8") if _DURATIONS.fullmatch(dtype) else series
    cells = [
        None if missing else cell
        for cell, missing in zip(cells.tolist(), series.isna().tolist(), strict=True)
    ]
    if _NUMBERS.fullmatch(dtype) or _NULLABLE.fullmatch(dtype) or _DURATIONS.fullmatch(dtype):
        return dtype, [
            write(cell, (*path, row)) if isinstance(cell, float) and math.isinf(cell) else cell
            for row, cell in enumerate(cells)
        ]
    if dtype == "object":  # where None is not NaN
        cells = series.tolist()
    elif dtype not in _TEXT:
        raise Unencodable(
            "a column of numbers, bools, text, times, categories or objects",
            f"one of dtype {dtype}",
            path,
        )
    return dtype, [write(cell, (*path, row)) for row, cell in enumerate(cells)]


def _decode(dtype: Dtype, cells: list[Any], pandas: Any) -> Any:
    """Return the series of an encoded dtype and its cells."""
    numpy = importlib.import_module("numpy")
    if isinstance(dtype, dict) and "interval" in dtype:
        bounds = [
            _decode(dtype["interval"], [cell and cell[side] for cell in cells], pandas)
            for side in (0, 1)
        ]
        intervals = pandas.arrays.IntervalArray.from_arrays(*bounds, closed=dtype["closed"])
        return pandas.Series(intervals)
    if isinstance(dtype, dict):
        categories = _decode(dtype["dtype"], _hashable(dtype["categories"]), pandas)
        kind = pandas.CategoricalDtype(pandas.Index(categories), ordered=dtype["ordered"])
        # Numbers and intervals have no missing cells where categories of them have.
        there = _hashable([cell for cell in cells if cell is not None])
        codes = iter(_decode(dtype["dtype"], there, pandas).astype(kind).cat.codes)
        codes = [-1 if cell is None else next(codes) for cell in cells]
        return pandas.Series(pandas.Categorical.from_codes(codes, dtype=kind))
    if moments := _MOMENTS.fullmatch(dtype):
        if not all(cell is None or _MOMENT.fullmatch(cell) for cell in cells):
            raise ValueError("expected dates and times")
        texts = ["NaT" if cell is None else cell.removesuffix("Z") for cell in cells]
        series = pandas.Series(numpy.array(texts, f"M8[{moments[1]}]"))
        return series.dt.tz_localize("UTC").dt.tz_convert(moments[2]) if moments[2] else series
    if durations := _DURATIONS.fullmatch(dtype):
        counts = ["NaT" if cell is None else cell for cell in cells]
        return pandas.Series(numpy.array(counts, f"m8[{durations[1]}]"))
    if _PERIODS.fullmatch(dtype):
        if not all(cell is None or isinstance(cell, str) for cell in cells):
            raise ValueError("expected periods")
        return pandas.Series(pandas.PeriodIndex(cells, dtype=dtype))
    if not (
        _NUMBERS.fullmatch(dtype)
        or _NULLABLE.fullmatch(dtype)
        or dtype == "object"
        or dtype in _TEXT
    ):
        raise ValueError(f"expected a dtype of docs/values.md, got {dtype!r}")
    return pandas.Series(cells, dtype=dtype)
