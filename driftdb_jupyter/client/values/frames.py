"""Data frames and series of pandas and polars, and the encoding ``$dataframe`` (docs/values.md)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import pandas, polars
from .column import CellWriter, Column, Table

__all__ = ["decode", "encode"]

_LIBRARIES = {"pandas": pandas, "polars": polars}
_MEMBERS = {"library", "columns", "dtypes", "data"}


def encode(frame: Any, library: str, write: CellWriter) -> dict[str, object]:
    """Return the encoding of a data frame or a series.

    Raises :class:`.Unencodable` for a column whose dtype has none.
    """
    table = _LIBRARIES[library].table(frame, write)
    content: dict[str, object] = {"library": library}
    if table.series:
        content["series"] = True
    content["columns"] = [
        write(column.name, ("columns", place)) for place, column in enumerate(table.columns)
    ]
    content["dtypes"] = [column.dtype for column in table.columns]
    content["data"] = {str(column.name): column.cells for column in table.columns}
    for member, levels in (("index", table.index), ("header", table.header)):
        if levels:
            content[member] = {
                "names": [write(level.name, (member,)) for level in levels],
                "dtypes": [level.dtype for level in levels],
                "data": [level.cells for level in levels],
            }
    return {"$dataframe": content}


def decode(content: Any, restore: Callable[[Any], Any]) -> object:
    """Return the frame that was encoded; without its library, a dict of its columns as lists.

    A series is then a list. ``restore`` decodes the encoded values in a cell.
    Raises :class:`LookupError`, :class:`TypeError` or :class:`ValueError` for malformed content.
    """
    library, series = content["library"], content.get("series", False)
    data, names = content["data"], content["columns"]
    if content.keys() - {"series", "index", "header"} != _MEMBERS or series not in (False, True):
        raise ValueError(f"expected {_MEMBERS}, got {list(content)}")
    if not isinstance(names, list) or sorted(map(str, names)) != sorted(data):
        raise ValueError(f"expected the columns {names!r}, got {list(data)}")
    if any(name is not None and type(name) not in (int, str) for name in names):
        raise TypeError(f"expected columns' names of int or str, got {names!r}")
    cells = [data[str(name)] for name in names]
    columns = _columns(names, content["dtypes"], cells, restore)
    index, header = (_levels(content.get(member), restore) for member in ("index", "header"))
    if len({len(column.cells) for column in [*columns, *index]}) > 1:
        raise ValueError("expected columns of one length")
    if any(len(level.cells) != len(columns) for level in header):
        raise ValueError("expected a label for each column")
    if series and len(columns) != 1:
        raise ValueError(f"expected a single column, got {names!r}")
    try:
        return _LIBRARIES[library].build(Table(columns, index, header, series))
    except ImportError:
        if series:
            return columns[0].cells
        return {str(column.name): column.cells for column in columns}


def _levels(content: Any, restore: Callable[[Any], Any]) -> list[Column]:
    if content is None:
        return []
    return _columns(restore(content["names"]), content["dtypes"], content["data"], restore)


def _columns(
    names: list[Any], dtypes: list[Any], data: list[Any], restore: Callable[[Any], Any]
) -> list[Column]:
    if not all(isinstance(cells, list) for cells in data):
        raise TypeError(f"expected lists of cells, got {data!r}")
    return [
        Column(name, restore(dtype), restore(cells))
        for name, dtype, cells in zip(names, dtypes, data, strict=True)
    ]
