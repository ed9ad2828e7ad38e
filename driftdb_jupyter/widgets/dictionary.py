"""A dictionary whose items a cell shows."""

from __future__ import annotations

from ..client.objects import dictionary
from .boxed import Boxed
from .output import Kept
from .value_view import kept_value
from .view import View, view_of

__all__ = ["SharedDict"]


class SharedDict(Boxed, dictionary.SharedDict):
    """A :class:`driftdb_jupyter.SharedDict` whose items a cell shows, and boxes hold.

    Texts, numbers and true and false can be edited there.
    """

    def _widget(self) -> View:
        return view_of(self._reducer, "dict", label=None)

    def _kept_view(self) -> Kept:
        return kept_value(self._reducer, "dict")
