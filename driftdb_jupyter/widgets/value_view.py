"""The value of a reducer or a dictionary as a cell shows it, kept current by the kernel."""

from __future__ import annotations

from collections.abc import Hashable
from html import escape
from typing import Any

from ipywidgets import HTML

from ..client.objects.reducer import SharedReducer
from ..client.runtime.cells import keep_on_rerun
from ..client.values.encoding import encode
from ..protocol.json_text import read_json
from .output import LONGEST, read
from .table import table

__all__ = ["ValueView", "view_of"]


class ValueView(HTML):  # type: ignore[misc]  # ipywidgets has no types
    """Shows the value of a reducer or a dictionary as a table, or as text."""

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
    value = read_json(encode(shared.value, hook=shared._encode))
    rows = value
    if isinstance(value, dict) and not any(name.startswith("$") for name in value):
        rows = [{"": name, "value": item} for name, item in value.items()]
    text = read(value)
    text = text if len(text) <= LONGEST else f"{text[:LONGEST]}\n…"
    return f"<strong>{escape(shared.key)}</strong>{table(rows) or f'<pre>{escape(text)}</pre>'}"


# Of which place in a cell's runs. A model lives as long as the kernel, for a page that is loaded
# again asks for it: so the next run's object takes its place.
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
