"""The outputs that a notebook keeps of ipywidgets' boxes that hold shared objects.

A box is ipywidgets' own, and its saved output names models of a kernel that may be gone. So what
it holds of ours is kept beside that, and is live without a kernel as it is outside of a box.
"""

from __future__ import annotations

import sys
from html import escape
from typing import Any

from ipywidgets import HTML, Box, HTMLMath, Label

from .boxed import Boxed
from .output import Kept
from .state import SharedState

__all__ = ["keep_boxes", "kept_box"]


def keep_boxes() -> None:
    """Have IPython show boxes with what is kept of them; does nothing outside of IPython."""
    ipython = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if ipython is not None:
        ipython.display_formatter.mimebundle_formatter.for_type(Box, _bundle)


def _bundle(box: Box, include: object = None, exclude: object = None) -> Any:
    made = box._repr_mimebundle_(include=include, exclude=exclude)  # a subclass may have its own
    data, *metadata = made if isinstance(made, tuple) else (made,)
    kept = None if data is None else kept_box(box)
    if kept is None:
        return made
    data = {**data, **kept.data}
    return (data, *metadata) if metadata else data


def kept_box(box: Box) -> Kept | None:
    """Return what a notebook keeps of a box; ``None`` where nothing of ours is in it.

    Labels and titles are kept as text. Other widgets need their kernel, and are left out.
    """
    titles = getattr(box, "titles", ())
    told, html, is_ours = [], [], False
    for place, child in enumerate(box.children):
        kept = _kept_child(child)
        if kept is None:
            continue
        is_ours = is_ours or "kind" in kept.told
        title = titles[place] if place < len(titles) else ""
        told.append({**kept.told, "title": title} if title else kept.told)
        html.append(f"<h4>{escape(title)}</h4>{kept.html}" if title else kept.html)
    if not is_ours:
        return None
    view = {"kind": "box", "row": box._view_name == "HBoxView", "children": told}
    return Kept(view, f"<div>{''.join(html)}</div>")


def _kept_child(child: Any) -> Kept | None:
    kind = type(child)  # what stands in a box tells it as DOMWidget
    if issubclass(kind, (Boxed, SharedState)):
        kept: Kept = child._kept_view()
        return kept
    if issubclass(kind, Box):
        return kept_box(child)
    if issubclass(kind, Label) and not issubclass(kind, (HTML, HTMLMath)):
        return Kept({"text": child.value}, f"<p>{escape(child.value)}</p>")
    return None
