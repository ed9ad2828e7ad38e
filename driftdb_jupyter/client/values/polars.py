"""polars' data frames and series, column by column."""

from __future__ import annotations

import importlib
import math
import re
import sys
from decimal import Decimal
from typing import Any

from .column import CellWriter, Column, Dtype, Table
from .errors import Unencodable

__all__ = ["build", "table"]

_PLAIN = re.compile(r"Boolean|String|Binary|Categorical|Null|U?Int(8|16|32|64|128)|Float(16|32|64)")
_TIMED = re.compile(r"(Datetime|Duration)\[(ms|us|ns)(?:, ([\w/+:-]+))?\]")
_DECIMAL = re.compile(r"Decimal\[(\d{1,2}), (\d{1,2})\]")
_FORMATS = {"Date": "%Y-%m-%d", "Time": "%H:%M:%S%.f", "Datetime": "%Y-%m-%dT%H:%M:%S%.f"}


def table(frame: Any, write: CellWriter) -> Table:
    """Return the table of a frame or a series.

    Raises :class:`.Unencodable` for a dtype that has no encoding.
    """
    polars = sys.modules["polars"]
    single = isinstance(frame, polars.Series)
    parts = [frame] if single else frame.get_columns()
    try:
        columns = [
            Column(part.name, *_encode(part, write, () if single else (part.name,)))
            for part in parts
        ]
    except polars.exceptions.PanicException as error:  # which is no Exception
        raise ValueError(str(error)) from error
    return Table(columns, series=single)


def build(table: Table) -> object:
    """Return the frame or the series of a table.

    Raises :class:`ImportError` where polars isn't installed, :class:`LookupError`,
    :class:`TypeError` or :class:`ValueError` for cells that aren't of their column's dtype.
    """
    if table.index or table.header:
        raise ValueError("expected neither an index nor a header")
    polars = importlib.import_module("polars")
    try:
        parts = {column.name: _decode(column, polars) for column in table.columns}
        # Of a list of series those without a name would be given one.
        return parts[table.columns[0].name] if table.series else polars.DataFrame(parts)
    except (polars.exceptions.PolarsError, polars.exceptions.PanicException) as error:
        raise ValueError(str(error)) from error


def _encode(series: Any, write: CellWriter, path: tuple[object, ...]) -> tuple[Dtype, list[object]]:
    """Return a series' dtype and its cells, both encoded."""
    kind = series.dtype
    name = kind.base_type().__name__
    if name == "Enum":
        return {"enum": kind.categories.to_list()}, series.to_list()
    dtype = name
    if name in ("List", "Array"):
        polars = sys.modules["polars"]
        inner = _encode(polars.Series(dtype=kind.inner), write, path)[0]
        lists = [None if cell is None else _encode(cell, write, path)[1] for cell in series]
        width = {"width": kind.shape[0]} if name == "Array" else {}
        return {"list": inner, **width}, [*lists]
    if name == "Struct":
        if not kind.fields:
            raise Unencodable("a struct with fields", "one without", path)
        fields = {field.name: series.struct.field(field.name) for field in kind.fields}
        parts = {each: _encode(part, write, (*path, each)) for each, part in fields.items()}
        rows = zip(*(cells for _, cells in parts.values()), strict=True)
        return {"struct": _object({each: inner for each, (inner, _) in parts.items()})}, [
            None if missing else _object(dict(zip(parts, row, strict=True)))
            for row, missing in zip(rows, series.is_null().to_list(), strict=True)
        ]
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
        raise Unencodable(
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


def _object(members: dict[str, Any]) -> dict[str, Any]:
    """Return an object of these members, told apart from an encoded value that looks like it."""
    if len(members) == 1 and next(iter(members)).startswith("$"):
        return {"$object": members}
    return members


def _decode(column: Column, polars: Any) -> Any:
    """Return the series of an encoded column."""
    name, dtype, cells = column.name, column.dtype, column.cells
    if isinstance(dtype, dict) and "enum" in dtype:
        return polars.Series(name, cells, polars.Enum(dtype["enum"]))
    if isinstance(dtype, dict):
        return _decode_nested(column, polars)
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


def _decode_nested(column: Column, polars: Any) -> Any:
    """Return the series of an encoded column of lists, arrays or structs."""
    assert isinstance(column.dtype, dict)
    name, dtype, cells = column.name, column.dtype, column.cells
    if "list" in dtype:
        inner = _decode(Column("", dtype["list"], []), polars).dtype
        lists = [
            None if cell is None else _decode(Column("", dtype["list"], cell), polars)
            for cell in cells
        ]
        series = polars.Series(name, lists, polars.List(inner))
        width = dtype.get("width")
        return series if width is None else series.cast(polars.Array(inner, width))
    fields = {
        each: _decode(
            Column(each, inner, [None if cell is None else cell[each] for cell in cells]), polars
        )
        for each, inner in dtype["struct"].items()
    }
    series = polars.DataFrame(fields).to_struct(name)
    missing = polars.Series([cell is None for cell in cells], dtype=polars.Boolean)
    return series.to_frame().select(polars.when(~missing).then(polars.col(name)))[name]
