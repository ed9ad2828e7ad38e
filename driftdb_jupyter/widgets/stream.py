"""A stream that a cell shows as a log."""

from __future__ import annotations

from typing import Any

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

    The log follows its end, can be searched, and keeps a terminal's colours. ``label`` stands
    above it in place of the key.
    """

    def _kept_view(self) -> Kept:
        entries = self._replica.entries[-_LINES:]
        text = "\n".join(read_line(read_json(entry.value)) for entry in entries)
        return kept_view(self, "stream", text, **self._options())

    def _widget(self) -> View:
        return view_of(self, "stream", **self._options())

    def _options(self) -> dict[str, Any]:
        return {"label": self.label, "stamps": self._stamps}
