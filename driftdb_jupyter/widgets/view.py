"""The view of a stream, a channel, a dictionary or a presence in a cell."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from anywidget import AnyWidget
from ipywidgets import Widget, widget_serialization
from traitlets import Dict, Instance, Unicode

from ..client.objects.describe import describe
from ..client.objects.shared import Shared
from .bundle import STYLE, bundle, code, outlives_cells, send_code
from .output import Kept, kept
from .tunnel import carry

__all__ = ["View", "kept_view", "server_of", "view_of"]


def server_of(shared: Shared) -> str:
    """Return the server's root: a path on the page's own, or a URL."""
    location = shared.room.connection.location
    return urlsplit(location.server).path if location.own else location.server


class View(AnyWidget):
    """The model of a view. Its front end joins the room by itself."""

    _esm = Unicode().tag(sync=True)
    _css = Unicode(STYLE).tag(sync=True)
    _bundle = Instance(Widget, allow_none=True).tag(sync=True, **widget_serialization)
    _hash = Unicode().tag(sync=True)

    _server = Unicode().tag(sync=True)
    _room = Unicode().tag(sync=True)
    _key = Unicode().tag(sync=True)
    _kind = Unicode().tag(sync=True)
    _options = Dict().tag(sync=True)

    def __init__(self, shared: Shared, kind: str, options: dict[str, Any]) -> None:
        loaded = bundle()
        super().__init__(
            _esm=code(),
            _bundle=loaded,
            _hash="" if loaded is None else loaded.hash,
            _server=server_of(shared),
            _room=shared.room.name,
            _key=shared.key,
            _kind=kind,
            _options=options,
        )
        self._connection = shared.room.connection

    def _handle_custom_msg(self, content: Any, buffers: Any) -> None:
        carry(content, self.comm, self._connection)
        send_code(content, self)
        super()._handle_custom_msg(content, buffers)


# A model lives as long as the kernel, because a page that is loaded again asks for it. So there is
# one for what looks the same, however often a cell is run.
_views: dict[str, View] = {}


def view_of(shared: Shared, kind: str, **options: Any) -> View:
    """Return the view of an object, and tell the room how it is shown."""
    looks = repr((shared.room.url, shared.key, kind, sorted(options.items())))
    view = _views.get(looks)
    if view is None or view.comm is None:
        view = View(shared, kind, options)
        if outlives_cells():
            _views[looks] = view
    if kind != "chart":  # a state says by itself how it is shown
        known = "channel" if options.get("keep") is False else kind
        describe(shared, known, label=options["label"], chart=options.get("chart"))
    return view


def kept_view(
    shared: Shared,
    kind: str,
    text: str,
    *,
    table: str | None = None,
    remembered: str | None = None,
    **options: Any,
) -> Kept:
    """Return what a notebook keeps of a view.

    ``text``, or ``table`` (HTML), is what is read where no front end runs; ``remembered`` the
    JSON text, with all digits of long integers, of what one shows until it has heard of the room.
    """
    told = {
        "server": server_of(shared),
        "room": shared.room.name,
        "key": shared.key,
        "kind": kind,
        "options": options,
    }
    if remembered is not None:
        told["remembered"] = remembered
    label = options.get("label") or shared.key
    return kept(told, label=label, text=text, table=table)
