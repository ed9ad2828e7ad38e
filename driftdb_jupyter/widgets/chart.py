"""A chart in a cell."""

from __future__ import annotations

from typing import Any

from ..client.objects import chart
from ..client.objects.state import SharedState
from .boxed import Boxed
from .output import Kept
from .view import View, view_of

__all__ = ["Chart"]


class Chart(Boxed, chart.Chart):
    """A :class:`driftdb_jupyter.client.objects.chart.Chart` that a cell shows, live."""

    def _kept_view(self) -> Kept:
        shared: Any = self._shared
        if issubclass(type(shared), SharedState):
            kept: Kept = shared._kept_chart(self._style)
        else:
            kept = shared._kept_view_as(self._style)
        return kept

    def _widget(self) -> View:
        shared: Any = self._shared
        if issubclass(type(shared), SharedState):
            return view_of(shared, "chart", **shared._chart_options(self._style))
        return view_of(shared, "stream", **shared._options_as(self._style))
