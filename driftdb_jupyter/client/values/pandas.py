"""pandas' data frames and series, column by column."""

from __future__ import annotations

import importlib
import math
import re
import sys
from typing import Any

from .column import CellWriter, Column, Dtype
from .errors import Unfit

__all__ = ["build", "columns"]

_NUMBERS = re.compile(r"bool|u?int(8|16|32|64)|float(16|32|64)")
_NULLABLE = re.compile(r"boolean|U?Int(8|16|32|64)|Float(32|64)")
_TEXT = ("str", "string")
_MOMENTS = re.compile(r"datetime64\[(s|ms|us|ns)(?:, ([\w/+:-]+))?\]")
_MOMENT = re.compile(r"-?\d{1,12}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z?")
_DURATIONS = re.compile(r"timedelta64\[(s|ms|us|ns)\]")


def columns(frame: Any, write: CellWriter) -> tuple[list[Column], list[Column]]:
    """The columns of a frame or a series, and the levels of its index that isn't a plain range.

    Raises :class:`Unfit` for a dtype or a name that has no encoding.
    """
    pandas = sys.modules["pandas"]
    series: list[tuple[Any, tuple[object, ...]]] = [(frame, ())]
    if isinstance(frame, pandas.DataFrame):
        series = [(frame.iloc[:, place], (name,)) for place, name in enumerate(frame.columns)]
    index = frame.index
    levels = [index.get_level_values(level) for level in range(index.nlevels)]
    if index.name is None and series and index.equals(pandas.RangeIndex(len(index))):
        levels = []
    return [Column(_label(part.name), *_written(part, write, path)) for part, path in series], [
        Column(_label(level.name), *_written(pandas.Series(level), write, ("index", place)))
        for place, level in enumerate(levels)
    ]


def build(columns: list[Column], levels: list[Column], *, series: bool) -> object:
    """The frame or the series of these columns.

    Raises :class:`ImportError` where pandas isn't installed, :class:`LookupError`,
    :class:`TypeError` or :class:`ValueError` for cells that aren't of their column's dtype.
    """
    pandas = importlib.import_module("pandas")
    index = None
    if levels:
        arrays = [_series(level.dtype, level.cells, pandas) for level in levels]
        names = [level.name for level in levels]
        index = pandas.Index(arrays[0], name=names[0])
        if len(levels) > 1:
            index = pandas.MultiIndex.from_arrays(arrays, names=names)
    parts = [_series(column.dtype, column.cells, pandas) for column in columns]
    if series:
        frame = parts[0].rename(columns[0].name)
    else:
        data = dict(enumerate(parts))
        frame = pandas.DataFrame(data, index=range(len(index)) if index is not None else None)
        if columns:
            frame.columns = [column.name for column in columns]
    if index is not None:
        frame.index = index
    return frame


def _label(name: Any) -> Any:
    return name.item() if isinstance(name, sys.modules["numpy"].generic) else name


def _written(
    series: Any, write: CellWriter, path: tuple[object, ...]
) -> tuple[Dtype, list[object]]:
    """How the dtype of a series is written, and its cells."""
    pandas, numpy = sys.modules["pandas"], sys.modules["numpy"]
    dtype = str(series.dtype)
    if isinstance(series.dtype, pandas.CategoricalDtype):
        inner, categories = _written(pandas.Series(series.cat.categories), write, path)
        described = {"dtype": inner, "categories": categories, "ordered": bool(series.cat.ordered)}
        return described, [None if code < 0 else categories[code] for code in series.cat.codes]
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
        raise Unfit(
            "a column of numbers, bools, text, times, categories or objects",
            f"one of dtype {dtype}",
            path,
        )
    return dtype, [write(cell, (*path, row)) for row, cell in enumerate(cells)]


def _series(dtype: Dtype, cells: list[Any], pandas: Any) -> Any:
    """The series of a dtype and its cells, as they were written."""
    numpy = importlib.import_module("numpy")
    if isinstance(dtype, dict):
        categories = _series(dtype["dtype"], list(dtype["categories"]), pandas)
        kind = pandas.CategoricalDtype(pandas.Index(categories), ordered=dtype["ordered"])
        return _series(dtype["dtype"], cells, pandas).astype(kind)
    if moments := _MOMENTS.fullmatch(dtype):
        if not all(cell is None or _MOMENT.fullmatch(cell) for cell in cells):
            raise ValueError("expected dates and times")
        texts = ["NaT" if cell is None else cell.removesuffix("Z") for cell in cells]
        series = pandas.Series(numpy.array(texts, f"M8[{moments[1]}]"))
        return series.dt.tz_localize("UTC").dt.tz_convert(moments[2]) if moments[2] else series
    if durations := _DURATIONS.fullmatch(dtype):
        counts = ["NaT" if cell is None else cell for cell in cells]
        return pandas.Series(numpy.array(counts, f"m8[{durations[1]}]"))
    if not (
        _NUMBERS.fullmatch(dtype)
        or _NULLABLE.fullmatch(dtype)
        or dtype == "object"
        or dtype in _TEXT
    ):
        raise ValueError(f"expected a dtype of docs/values.md, got {dtype!r}")
    return pandas.Series(cells, dtype=dtype)
