"""Charts of streams and states: how they look, and what a room is told of that."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice, zip_longest
from typing import TYPE_CHECKING, Any, Literal, get_args

from ...protocol.json_text import read_json
from ..arguments import (
    check_flag,
    check_number,
    check_text,
    check_whole,
    close_match,
    got,
    is_number,
)
from ..sealed import Sealed

if TYPE_CHECKING:
    from .shared import Shared

__all__ = [
    "Chart",
    "ChartKind",
    "ChartStyle",
    "check_columns",
    "keys_of",
    "rows_in",
    "values_in",
]

ChartKind = Literal["line", "points", "bar", "histogram"]

_MOST_BINS = 500
_MOST_STREAMS = 8
_MOST_NAMED = 20


@dataclass(frozen=True)
class ChartStyle:
    """How a chart looks; made by :meth:`of`. Its members are those that stand in the room."""

    kind: ChartKind
    x: str | None
    y: tuple[str, ...] | None
    log_x: bool
    log_y: bool
    smoothing: float
    bins: int
    window: float | None
    streams: tuple[str, ...]

    @classmethod
    def of(
        cls,
        *,
        kind: ChartKind = "line",
        x: str | None = None,
        y: str | Iterable[str] | None = None,
        log_x: bool = False,
        log_y: bool = False,
        smoothing: float = 0.0,
        bins: int = 30,
        window: float | None = None,
        streams: Sequence[str] = (),
    ) -> ChartStyle:
        """Check what was asked for.

        Raises :class:`TypeError` for an argument of a wrong type, and :class:`ValueError` for one
        that makes no sense.
        """
        kinds = get_args(ChartKind)
        if kind not in kinds:
            match = close_match(kind, kinds) if isinstance(kind, str) else ""
            raise ValueError(
                f"expected one of {', '.join(kinds)} as kind=, got {got(kind)}.{match}"
            )
        check_text("x", x)
        check_flag("log_x", log_x)
        check_flag("log_y", log_y)
        if not is_number(smoothing):
            raise TypeError(f"expected a number as smoothing=, got {got(smoothing)}")
        if not 0 <= smoothing < 1:
            raise ValueError(f"expected a smoothing from 0 to below 1, got {got(smoothing)}")
        check_whole("bins", bins, least=1)
        if bins > _MOST_BINS:
            raise ValueError(f"expected a number of bins up to {_MOST_BINS}, got {got(bins)}")
        check_number("window", window)
        if window is not None and not 0 < window <= sys.float_info.max:
            raise ValueError(f"expected a window above 0, got {got(window)}")
        return cls(
            kind=kind,
            x=x,
            y=_names(y),
            log_x=bool(log_x),
            log_y=bool(log_y),
            smoothing=float(smoothing),
            bins=int(bins),
            window=None if window is None else float(window),
            streams=tuple(streams),
        )

    def members(self) -> dict[str, Any]:
        """Return what was asked for by name, as it stands in the room."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self).items()
            if value != getattr(_PLAIN, name)
        } | {"kind": self.kind}


class Chart(Sealed):
    """A chart of a stream or a state, as their ``chart()`` returns it.

    In a notebook a cell shows it, live, also while the kernel is busy. The room is told how it
    looks, so that its page shows the same; the newest one counts.
    """

    def __init__(self, shared: Shared, style: ChartStyle) -> None:
        self._shared = shared
        self._style = style

    @property
    def key(self) -> str:
        """The key of what it shows."""
        return self._shared.key

    @property
    def style(self) -> ChartStyle:
        """How it looks."""
        return self._style

    def remove(self) -> None:
        """Have everybody see what it is of as it was without a chart.

        A state is a control again, and a stream is shown as it fits its values. Outputs that show
        this very chart stay. Of a chart that somebody else asked for: ``stream.chart().remove()``.
        """
        self._shared._style_as(None)

    def __repr__(self) -> str:
        return f"Chart({self._shared!r}, kind={self._style.kind!r})"


_PLAIN = ChartStyle("line", None, None, False, False, 0.0, 30, None, ())


def keys_of(streams: object, beside: Shared, kind: type[Shared]) -> tuple[str, ...]:
    """Return the keys of other streams (of the class ``kind``) of the same room: one, or several.

    Raises :class:`TypeError` for what are none, and :class:`ValueError` for those of another room,
    or too many.
    """
    # What a cell shows tells ipywidgets that it is a widget, and not what it is.
    several = [streams] if issubclass(type(streams), kind) else streams
    if isinstance(several, (str, bytes, Mapping)) or not isinstance(several, Iterable):
        raise TypeError(f"expected a Stream, or a list of them, as streams=, got {got(streams)}")
    found: list[str] = []
    for each in several:
        if not issubclass(type(each), kind):
            raise TypeError(f"expected a Stream as each of streams=, got {got(each)}")
        if each.room.url != beside.room.url:
            raise ValueError(
                f"expected streams of the room {beside.room.name!r} as streams=, got one of "
                f"{each.room.name!r}"
            )
        if each.key != beside.key and each.key not in found:
            found.append(each.key)
    if len(found) > _MOST_STREAMS:
        raise ValueError(f"expected at most {_MOST_STREAMS} streams beside it, got {len(found)}")
    return tuple(found)


def check_columns(style: ChartStyle, rows: Iterable[Any]) -> None:
    """Check that there are the columns that a chart is of, as far as it is known which there are.

    ``rows`` are the values as they travel, which is what pages draw. No more of them are read than
    it takes to find the columns. A column that is ``null`` in all of them may have numbers yet.
    Raises :class:`ValueError`.
    """
    y = style.y or ()
    x = () if style.x in (None, "time") else (style.x,)
    names: dict[str, None] = {}  # in the order in which they were seen
    numeric: set[str] = set()
    other: set[str] = set()
    numbers = False
    for row in rows:
        if names.keys() >= {*x} and numeric >= {*y}:
            return
        if isinstance(row, Mapping):
            if len(row) == 1 and next(iter(row)).startswith("$"):
                continue  # an encoded value, such as NaN
            names |= dict.fromkeys(row)
            numeric |= {name for name, each in row.items() if is_number(each)}
            other |= {
                name for name, each in row.items() if each is not None and not is_number(each)
            }
        else:
            numbers = numbers or is_number(row)
    wanted: list[tuple[str, Any]] = [("x", name) for name in x] + [("y", name) for name in y]
    for argument, name in wanted:
        if not names and numbers:
            raise ValueError(f"expected values that are dicts for {argument}={name!r}, got numbers")
        if names and name not in names:
            known = ", ".join(map(repr, islice(names, _MOST_NAMED)))
            more = ", …" if len(names) > _MOST_NAMED else ""
            match = close_match(name, names)
            raise ValueError(f"expected one of {known}{more} as {argument}=, got {name!r}.{match}")
        if argument == "y" and name in other - numeric:
            raise ValueError(f"expected a column of numbers as y=, got {name!r}, which has none")


def values_in(texts: Iterable[bytes]) -> Iterator[Any]:
    """Read JSON texts as they travel, one after the other; what can't be read is left out."""
    for text in texts:
        try:
            value = read_json(text)
        except (ValueError, RecursionError):
            continue
        yield value


def rows_in(text: bytes) -> Iterable[Any]:
    """Read the rows of a state's value as it travels: the items of a list, or a frame's.

    The newest, which are the last of a list, come first. Of what has no rows there are none.
    """
    value = next(values_in([text]), None)
    if isinstance(value, list):
        return reversed(value)
    frame = value.get("$dataframe") if isinstance(value, dict) and len(value) == 1 else None
    if not isinstance(frame, dict):
        return ()
    names, data = frame.get("columns"), frame.get("data")
    if not isinstance(names, list) or not isinstance(data, dict):
        return ()
    columns = [name if isinstance(name, str) else json.dumps(name) for name in names]
    cells = [data.get(name) for name in columns]
    lists = [each if isinstance(each, list) else [] for each in cells]
    return (dict(zip(columns, row, strict=True)) for row in zip_longest(*lists))


def _names(y: object) -> tuple[str, ...] | None:
    if y is None:
        return None
    several = (y,) if isinstance(y, str) else y
    if isinstance(several, (bytes, Mapping)) or not isinstance(several, Iterable):
        raise TypeError(f"expected a column, or a list of columns, as y=, got {got(y)}")
    names = tuple(several)
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"expected a str as each column of y=, got {got(name)}")
    if not names:
        raise ValueError("expected at least one column as y=, got none")
    return tuple(dict.fromkeys(names))
