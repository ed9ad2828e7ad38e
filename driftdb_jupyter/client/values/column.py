"""A data frame as columns of cells that JSON can hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

__all__ = ["CellWriter", "Column", "Dtype", "Table"]

# The name of a dtype, or an object that describes one (docs/values.md, "Frames").
Dtype = str | dict[str, Any]
# Encodes a cell of any type; the path says where it stands in the frame.
CellWriter = Callable[[object, tuple[object, ...]], object]
Label = str | int | None


@dataclass(frozen=True)
class Column:
    """A dtype and the cells of that dtype, ``None`` where one is missing.

    ``name``: what a column is called in the frame; of a level of an index its name.
    """

    name: Any
    dtype: Dtype
    cells: list[Any]


@dataclass(frozen=True)
class Table:
    """A data frame or a series.

    ``columns``: their names are ints, strs or ``None``, and differ as text. ``index`` and
    ``header``: the levels of the labels of the rows and of the columns, one cell for each; empty
    where the rows are numbered from 0, and where the columns' names are their labels.
    """

    columns: list[Column]
    index: list[Column] = field(default_factory=list)
    header: list[Column] = field(default_factory=list)
    series: bool = False
