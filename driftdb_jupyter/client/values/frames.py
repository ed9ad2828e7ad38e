"""Data frames and series of pandas and polars, and the encoding ``$dataframe`` (docs/values.md)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import pandas, polars
from .column import CellWriter, Column
from .errors import Unfit

__all__ = ["read", "written"]

_LIBRARIES = {"pandas": pandas, "polars": polars}


def written(frame: Any, library: str, write: CellWriter) -> dict[str, object]:
    """The encoding of a data frame or a series.

    Raises :class:`Unfit` for a column whose dtype, or whose name, has none.
    """
    columns, index = _LIBRARIES[library].columns(frame, write)
    names = [column.name for column in columns]
    data = {str(column.name): column.cells for column in columns}
    if len(data) < len(columns):
        raise Unfit("columns of different names", repr(names))
    content: dict[str, object] = {"library": library}
    if type(frame).__name__ == "Series":
        content["series"] = True
    content |= {"columns": names, "dtypes": [column.dtype for column in columns], "data": data}
    if index:
        content["index"] = {
            "names": [level.name for level in index],
            "dtypes": [level.dtype for level in index],
            "data": [level.cells for level in index],
        }
    return {"$dataframe": content}


def read(content: Any, restored: Callable[[Any], Any]) -> object:
    """The frame that was written; without its library a dict of its columns, each a list.

    A series is then a list. ``restored`` decodes the encoded values in a cell.
    Raises :class:`LookupError`, :class:`TypeError` or :class:`ValueError` for malformed content.
    """
    library, series = content["library"], content.get("series", False)
    data, index = content["data"], content.get("index")
    members = {"library", "columns", "dtypes", "data"}
    if content.keys() - {"series", "index"} != members or series not in (False, True):
        raise ValueError(f"expected {members}, got {list(content)}")
    names = content["columns"]
    if not isinstance(names, list) or sorted(map(str, names)) != sorted(data):
        raise ValueError(f"expected the columns {names!r}, got {list(data)}")
    cells = [data[str(name)] for name in names]
    columns = _columns(names, content["dtypes"], cells, restored)
    levels = _columns(index["names"], index["dtypes"], index["data"], restored) if index else []
    if len({len(column.cells) for column in [*columns, *levels]}) > 1:
        raise ValueError("expected columns of one length")
    if series and len(columns) != 1:
        raise ValueError(f"expected a single column, got {names!r}")
    try:
        return _LIBRARIES[library].build(columns, levels, series=series)
    except ImportError:
        if series:
            return columns[0].cells
        return {str(column.name): column.cells for column in columns}


def _columns(
    names: list[Any], dtypes: list[Any], data: list[Any], restored: Callable[[Any], Any]
) -> list[Column]:
    if not all(isinstance(cells, list) for cells in data):
        raise TypeError(f"expected lists of cells, got {data!r}")
    return [
        Column(name, restored(dtype), restored(cells))
        for name, dtype, cells in zip(names, dtypes, data, strict=True)
    ]
