"""A reducer whose value a cell shows."""

from __future__ import annotations

from typing import Any

from ..client.objects import reducer
from ..client.objects.describe import describe
from ..client.runtime.cells import cells
from .boxed import Boxed
from .output import Kept
from .value_view import ValueView, kept_value, view_of

__all__ = ["SharedReducer"]


class SharedReducer(Boxed, reducer.SharedReducer):
    """A :class:`driftdb_jupyter.SharedReducer` whose value a cell shows, and boxes hold."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        reducer.SharedReducer.__init__(self, *args, **kwargs)
        self._place = cells.place(self._topic)
        self._view: ValueView | None = None

    def _widget(self) -> ValueView:
        if self._view is None or self._view.comm is None:
            self._view = view_of(self, self._place)
            describe(self, "reducer")
        return self._view

    def _kept_view(self) -> Kept:
        return kept_value(self, "reducer")
