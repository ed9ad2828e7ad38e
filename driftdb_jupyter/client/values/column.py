"""A column of a data frame, as it is written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .errors import Unfit, kind

__all__ = ["CellWriter", "Column", "Dtype"]

# The name of a dtype, or an object that describes one (docs/values.md, "Frames").
Dtype = str | dict[str, Any]
# Gives what is to be written for a cell of any type that stands at a path in the frame.
CellWriter = Callable[[object, tuple[object, ...]], object]


@dataclass(frozen=True)
class Column:
    """Its name, its dtype and its cells, ``None`` where one is missing.

    Raises :class:`Unfit` for a name that isn't ``None``, an int or a str.
    """

    name: str | int | None
    dtype: Dtype
    cells: list[Any]

    def __post_init__(self) -> None:
        if self.name is not None and type(self.name) not in (int, str):
            raise Unfit("a column's name of int or str", f"{self.name!r} ({kind(self.name)})")
