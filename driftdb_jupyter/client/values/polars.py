"""polars' data frames and series, column by column."""

from __future__ import annotations

import importlib
import math
import re
import sys
from decimal import Decimal
from typing import Any

from .column import CellWriter, Column, Dtype
from .errors import Unfit

__all__ = ["build", "columns"]

_PLAIN = re.compile(r"Boolean|String|Binary|Categorical|Null|U?Int(8|16|32|64|128)|Float(32|64)")
_TIMED = re.compile(r"(Datetime|Duration)\[(ms|us|ns)(?:, ([\w/+:-]+))?\]")
_DECIMAL = re.compile(r"Decimal\[(\d{1,2}), (\d{1,2})\]")
_FORMATS = {"Date": "%Y-%m-%d", "Time": "%H:%M:%S%.f", "Datetime": "%Y-%m-%dT%H:%M:%S%.f"}


def columns(frame: Any, write: CellWriter) -> tuple[list[Column], list[Column]]:
    """The columns of a frame or a series; it has no index.

    Raises :class:`Unfit` for a dtype that has no encoding.
    """
    polars = sys.modules["polars"]
    if isinstance(frame, polars.Series):
        return [Column(frame.name, *_written(frame, write, ()))], []
    parts = frame.get_columns()
    return [Column(part.name, *_written(part, write, (part.name,))) for part in parts], []


def build(columns: list[Column], levels: list[Column], *, series: bool) -> object:
    """The frame or the series of these columns.

    Raises :class:`ImportError` where polars isn't installed, :class:`LookupError`,
    :class:`TypeError` or :class:`ValueError` for cells that aren't of their column's dtype.
    """
    if levels:
        raise ValueError("expected no index")
    polars = importlib.import_module("polars")
    try:
        parts = [_series(column, polars) for column in columns]
    except (polars.exceptions.PolarsError, polars.exceptions.PanicException) as error:
        raise ValueError(str(error)) from error
    return parts[0] if series else polars.DataFrame(parts)


def _written(
    series: Any, write: CellWriter, path: tuple[object, ...]
) -> tuple[Dtype, list[object]]:
    """How the dtype of a series is written, and its cells."""
    kind = series.dtype
    name = kind.base_type().__name__
    if name == "Enum":
        return {"enum": kind.categories.to_list()}, series.to_list()
    dtype = name
    if name == "Decimal":
        return f"Decimal[{kind.precision or 38}, {kind.scale}]", [
            None if cell is None else str(cell) for cell in series.to_list()
        ]
    if name == "Duration":
        return f"Duration[{kind.time_unit}]", series.to_physical().to_list()
    if name == "Datetime":
        dtype = f"Datetime[{kind.time_unit}]"
        if kind.time_zone:
            dtype = f"Datetime[{kind.time_unit}, {kind.time_zone}]"
            series = series.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    if name in _FORMATS:
        texts = series.dt.to_string(_FORMATS[name]).to_list()
        zone = "Z" if name != dtype and kind.time_zone else ""
        return dtype, [None if text is None else text + zone for text in texts]
    if not _PLAIN.fullmatch(dtype):
        raise Unfit(
            "a column of numbers, bools, text, bytes, times or categories",
            f"one of dtype {kind}",
            path,
        )
    return dtype, [
        write(cell, (*path, row))
        if isinstance(cell, bytes) or (isinstance(cell, float) and not math.isfinite(cell))
        else cell
        for row, cell in enumerate(series.to_list())
    ]


def _series(column: Column, polars: Any) -> Any:
    """The series of a column, as it was written."""
    name, dtype, cells = column.name, column.dtype, column.cells
    if isinstance(dtype, dict):
        return polars.Series(name, cells, polars.Enum(dtype["enum"]))
    if decimal := _DECIMAL.fullmatch(dtype):
        precision, scale = map(int, decimal.groups())
        numbers = [None if cell is None else Decimal(cell) for cell in cells]
        return polars.Series(name, numbers, polars.Decimal(precision, scale))
    if dtype in ("Date", "Time"):
        texts = polars.Series(name, cells, polars.String)
        return texts.str.strptime(getattr(polars, dtype), _FORMATS[dtype])
    if timed := _TIMED.fullmatch(dtype):
        kind, unit, zone = timed.groups()
        if kind == "Duration":
            return polars.Series(name, cells, polars.Int64).cast(polars.Duration(unit))
        texts = polars.Series(
            name,
            [None if cell is None else cell.removesuffix("Z") for cell in cells],
            polars.String,
        )
        moments = texts.str.strptime(polars.Datetime(unit), _FORMATS[kind])
        if zone:
            return moments.dt.replace_time_zone("UTC").dt.convert_time_zone(zone)
        return moments
    if not _PLAIN.fullmatch(dtype):
        raise ValueError(f"expected a dtype of docs/values.md, got {dtype!r}")
    return polars.Series(name, cells, getattr(polars, dtype))
