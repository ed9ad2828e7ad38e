"""A frame or a list of rows as an HTML table, for pages without our front end."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from html import escape
from itertools import islice
from typing import Any

from .readable import in_words

__all__ = ["MOST_COLUMNS", "MOST_ROWS", "table"]

MOST_ROWS = 100
MOST_COLUMNS = 50
_LONGEST_CELL = 200
# As wide as what it holds: JupyterLab makes a table in a widget as wide as the cell.
_TABLE = '<table style="width: auto; text-align: start">'


def table(value: Any) -> str | None:
    """Return the HTML table of a value, as it travels (docs/values.md).

    ``None`` for a value that is no frame, list of objects or list of lists. Of a large one the
    first rows and columns are there, and a line that says how many are not.
    """
    if isinstance(value, dict) and value.keys() == {"$dataframe"}:
        return _frame(value["$dataframe"])
    if not isinstance(value, list) or not value:
        return None
    if all(isinstance(row, dict) for row in value):
        names = list(dict.fromkeys(name for row in value for name in row))
        return _html(names, ([row.get(name) for name in names] for row in value), len(value))
    if all(isinstance(row, list) for row in value):
        names = [str(place) for place in range(max(map(len, value)))]
        return _html(names, value, len(value))
    return None


def _frame(frame: Any) -> str | None:
    """Return the table of a frame; ``None`` if that is malformed."""
    try:
        columns, data, index = frame["columns"], frame["data"], frame.get("index", {})
        cells = [data[str(name)] for name in columns]
        length = max((len(column) for column in cells), default=0)
        levels = index.get("data", [list(range(length))])
        names = ["" if name is None else name for name in index.get("names", [None])]
        rows = zip(*levels, *cells, strict=True)
        return _html([*names, *columns], rows, length, labels=len(levels))
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def _html(
    names: Sequence[Any], rows: Iterable[Sequence[Any]], length: int, *, labels: int = 0
) -> str:
    head = "".join(f"<th>{_text(name)}</th>" for name in names[:MOST_COLUMNS])
    body = "".join(
        "<tr>" + "".join(_cell(cell, place < labels) for place, cell in enumerate(row)) + "</tr>"
        for row in (row[:MOST_COLUMNS] for row in islice(rows, MOST_ROWS))
    )
    left = [
        f"{count:,} more {what}{'' if count == 1 else 's'}"
        for what, count in (("column", len(names) - MOST_COLUMNS), ("row", length - MOST_ROWS))
        if count > 0
    ]
    more = f"<p>… and {' and '.join(left)}</p>" if left else ""
    return f"{_TABLE}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"


def _cell(value: Any, label: bool) -> str:
    return f"<th>{_text(value)}</th>" if label else f"<td>{_text(value)}</td>"


def _text(value: Any) -> str:
    words = in_words(value)
    text = words if words is not None else value if isinstance(value, str) else _json(value)
    return escape(text if len(text) <= _LONGEST_CELL else f"{text[:_LONGEST_CELL]}…")


def _json(value: Any) -> str:
    return "" if value is None else json.dumps(value, ensure_ascii=False)
