"""The value of a reducer as a cell shows it, kept current by the kernel, and what is kept of it.

A dictionary needs no kernel: its front end has its items from the room (:mod:`.view`).
"""

from __future__ import annotations

from collections.abc import Hashable
from html import escape
from typing import Any

from ipywidgets import HTML

from ..client.objects.reducer import SharedReducer
from ..client.runtime.cells import keep_on_rerun
from ..protocol.json_text import read_json
from .output import LONGEST, Kept
from .readable import read
from .table import table
from .view import kept_view

__all__ = ["ValueView", "kept_value", "view_of"]


class ValueView(HTML):  # type: ignore[misc]  # ipywidgets has no types
    """Shows the value of a reducer as a table, or as text."""

    _shared: SharedReducer

    def show(self, shared: SharedReducer) -> None:
        """Show a value from now on."""
        self._shared = shared

        def told(_: Any) -> None:
            if self._shared is shared:  # else a later one has taken its place
                self.refresh()

        with keep_on_rerun():
            shared.subscribe(told)
        self.refresh()

    def refresh(self) -> None:
        """Show the value as it is now."""
        self.value = html_of(self._shared)


def html_of(shared: SharedReducer) -> str:
    """Return a value for people to read, with its key; nothing of it is taken for HTML."""
    value = read_json(shared._kept_text(shared._current()))
    text = read(value)
    text = text if len(text) <= LONGEST else f"{text[:LONGEST]}\n…"
    shown = _table(value) or f"<pre>{escape(text)}</pre>"
    return f'<div class="driftdb-place"><strong>{escape(shared.key)}</strong>{shown}</div>'


def kept_value(shared: SharedReducer, kind: str) -> Kept:
    """Return what a notebook keeps of the view of a reducer or a dictionary."""
    text = shared._kept_text(shared._current())
    value = read_json(text)
    limit = shared.room.connection.settings.notebook_limit_bytes
    remembered = text.decode() if len(text) <= limit else None
    return kept_view(
        shared, kind, read(value), table=_table(value), remembered=remembered, label=None
    )


def _table(value: Any) -> str | None:
    if isinstance(value, dict) and not any(name.startswith("$") for name in value):
        value = [{"": name, "value": item} for name, item in value.items()]
    return table(value)


# Of which place in a cell's runs. A model lives as long as the kernel, because a page that is
# loaded again asks for it: so the next run's object takes its place.
_views: dict[Hashable, ValueView] = {}


def view_of(shared: SharedReducer, place: Hashable) -> ValueView:
    """Return the view of an object that its cell made in this place (:meth:`.Cells.place`)."""
    view = _views.get(place)
    if view is None or view.comm is None:
        view = ValueView()
        if place is not None:
            _views[place] = view
    if getattr(view, "_shared", None) is not shared:
        view.show(shared)
    return view
