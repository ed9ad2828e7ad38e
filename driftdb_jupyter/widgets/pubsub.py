"""A channel that a cell shows as the list of its newest messages."""

from __future__ import annotations

from typing import Any

from ..client.objects import pubsub
from .boxed import Boxed
from .output import Kept
from .view import View, kept_view, view_of

__all__ = ["PubSub"]


class PubSub(Boxed, pubsub.PubSub):
    """A :class:`driftdb_jupyter.PubSub` whose newest messages a cell shows.

    ``label`` stands above them in place of the key.
    """

    def _kept_view(self) -> Kept:
        text = "Messages are shown as they come, and not kept."
        return kept_view(self, "stream", text, **self._options())

    def _widget(self) -> View:
        return view_of(self, "stream", **self._options())

    def _options(self) -> dict[str, Any]:
        history = self._history.maxlen
        return {"label": self.label, "stamps": self._stamps, "keep": False, "history": history}
