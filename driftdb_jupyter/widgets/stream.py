"""A stream that a cell shows as a log."""

from __future__ import annotations

from typing import Any

from ..client.objects.chart import ChartStyle
from ..client.objects.stream import stream
from ..protocol.json_text import read_json
from .boxed import Boxed
from .output import Kept
from .readable import read_line
from .view import View, kept_view, view_of

__all__ = ["Stream"]

_LINES = 200
"""How many of the newest are kept in the notebook, for where no front end runs."""


class Stream(Boxed, stream.Stream):
    """A :class:`driftdb_jupyter.Stream` that a cell shows as a live log.

    Where the values are numbers, or dicts of numbers, it is a chart with the log a click away.
    The log follows its end, can be searched, and keeps a terminal's colours. ``label`` stands
    above it in place of the key.
    """

    def _kept_view(self) -> Kept:
        return self._kept_view_as(self._style)

    def _kept_view_as(self, style: ChartStyle | None) -> Kept:
        """Return what a notebook keeps of the view, as a chart that looks so."""
        entries = self._replica.entries[-_LINES:]
        text = "\n".join(read_line(read_json(entry.value)) for entry in entries)
        return kept_view(self, "stream", text, **self._options_as(style))

    def _widget(self) -> View:
        return view_of(self, "stream", **self._options_as(self._style))

    def _options_as(self, style: ChartStyle | None) -> dict[str, Any]:
        """Return how a front end is to show it: as a chart that looks so; ``None``: as it fits."""
        options: dict[str, Any] = {"label": self.label, "stamps": self._stamps}
        if style is not None:
            options["chart"] = style.members()
            options["stamps"] = self._stamps or style.x == "time"
        return options
