"""The view of a presence in a cell."""

from __future__ import annotations

from ..client.objects import presence
from .boxed import Boxed
from .output import Kept
from .view import View, kept_view, view_of

__all__ = ["Presence"]


class Presence(Boxed, presence.Presence):
    """A :class:`driftdb_jupyter.Presence` that a cell shows as avatars.

    ``label`` stands above them in place of the key. A value's ``name`` is shown where the
    server's authentication knows none, as a guest's, its ``colour`` always.
    """

    def _kept_view(self) -> Kept:
        text = ", ".join(person.name for person in self.people)
        return kept_view(self, "presence", text, label=self.label)

    def _widget(self) -> View:
        return view_of(self, "presence", label=self.label)
