"""The output that a notebook keeps of a view, for where there is no kernel."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from html import escape
from typing import Any

__all__ = ["VIEW", "Kept", "kept"]

VIEW = "application/vnd.driftdb.view+json"
"""JupyterLab's extension (``js/src/lab``) shows this, live, where ipywidgets has no model."""

LONGEST = 20_000
"""How many characters of a value a page without our front end shows."""


@dataclass(frozen=True)
class Kept:
    """A notebook's copy of a view: for our front end (``told``), and to be read (``html``)."""

    told: dict[str, Any]
    html: str

    @property
    def data(self) -> dict[str, Any]:
        """The MIME types that stand beside the widget's own."""
        return {VIEW: self.told, "text/html": self.html}


def kept(told: dict[str, Any], *, label: str, text: str, table: str | None = None) -> Kept:
    """Return what a notebook keeps of a view.

    ``told`` are the traits that the front end reads, without their underscores. ``text`` is what
    is to be read where no front end runs at all: in nbconvert's pages and on GitHub. ``table``: the
    HTML that is shown there in its place.
    """
    text = text if len(text) <= LONGEST else f"{text[:LONGEST]}\n…"
    now = datetime.now(timezone.utc)
    when = f"{now.day} {now:%B %Y at %H:%M} UTC"
    html = (
        f"<div><strong>{escape(label)}</strong>"
        f"{table or f'<pre>{escape(text)}</pre>'}"
        f"<small>Room {escape(told['room'])}, as it was on {when}</small></div>"
    )
    return Kept(told, html)
