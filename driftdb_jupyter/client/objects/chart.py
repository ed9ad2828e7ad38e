"""Charts of streams and states: how they look, and what a room is told of that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from ...protocol.errors import DriftDBError
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
    "LOOKED_AT",
    "Chart",
    "ChartKind",
    "ChartStyle",
    "check_columns",
    "columns_of",
    "keys_of",
    "newest_of",
]

ChartKind = Literal["line", "points", "bar", "histogram"]

_MOST_BINS = 500
_MOST_STREAMS = 8
LOOKED_AT = 200
"""The number of a stream's newest values of which the columns are looked at."""


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
            raise ValueError(f"expected a smoothing from 0 to below 1, got {smoothing!r}")
        check_whole("bins", bins, least=1)
        if bins > _MOST_BINS:
            raise ValueError(f"expected a number of bins up to {_MOST_BINS}, got {bins!r}")
        check_number("window", window)
        if window is not None and not 0 < window < float("inf"):
            raise ValueError(f"expected a window above 0, got {window!r}")
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


def columns_of(values: Sequence[Any]) -> dict[str, bool] | None:
    """Return the columns of the newest values, and whether each has numbers.

    Empty for numbers alone; ``None`` where that is not known, because there are no values yet, or
    none that could be drawn.
    """
    columns: dict[str, bool] = {}
    numbers = False
    for value in values[-LOOKED_AT:]:
        if isinstance(value, Mapping):
            for name, each in value.items():
                columns[str(name)] = columns.get(str(name), False) or is_number(each)
        else:
            numbers = numbers or is_number(value)
    return columns if columns or numbers else None


def check_columns(style: ChartStyle, columns: Mapping[str, bool] | None) -> None:
    """Check that there are the columns that a chart is of, as far as it is known which there are.

    Raises :class:`ValueError`.
    """
    if columns is None:
        return
    wanted = [("x", name) for name in (style.x,) if name not in (None, "time")]
    wanted += [("y", name) for name in style.y or ()]
    for argument, name in wanted:
        assert name is not None
        if not columns:
            raise ValueError(f"expected values that are dicts for {argument}={name!r}, got numbers")
        if name not in columns:
            known = ", ".join(map(repr, columns))
            match = close_match(name, columns)
            raise ValueError(f"expected one of {known} as {argument}=, got {name!r}.{match}")
        if argument == "y" and not columns[name]:
            raise ValueError(f"expected a column of numbers as y=, got {name!r}, which has none")


def newest_of(read: Iterable[Any]) -> list[Any]:
    """Return values as far as they can be read: one that can't is nothing that is drawn."""
    try:
        return list(read)
    except (DriftDBError, ValueError):
        return []


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
