"""A channel that a cell shows as the list of its newest messages."""

from __future__ import annotations

from typing import Any

from ..client.objects import pubsub
from .boxed import Boxed
from .view import View, shown, view_of

__all__ = ["PubSub"]


class PubSub(Boxed, pubsub.PubSub):
    """A :class:`driftdb_jupyter.PubSub` whose newest messages a cell shows.

    ``label`` stands above them in place of the key.
    """

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        text = "Messages are shown as they come, and not kept."
        return shown(self, "stream", text, **self._options())

    def _widget(self) -> View:
        return view_of(self, "stream", **self._options())

    def _options(self) -> dict[str, Any]:
        history = self._history.maxlen
        return {"label": self.label, "stamps": self._stamps, "keep": False, "history": history}
