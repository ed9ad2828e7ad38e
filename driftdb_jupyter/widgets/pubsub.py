"""A channel that a cell shows as the list of its newest messages."""

from __future__ import annotations

from typing import Any

from ..client.objects import pubsub
from .view import shown

__all__ = ["PubSub"]


class PubSub(pubsub.PubSub):
    """A :class:`driftdb_jupyter.PubSub` whose newest messages a cell shows.

    ``label`` stands above them in place of the key.
    """

    def __init__(self, *args: Any, label: str | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label = label
        """What stands above the messages."""

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        text = "Messages are shown as they come, and not kept."
        history = self._history.maxlen
        return shown(
            self, "stream", text, label=self.label, stamps=self._stamps, keep=False, history=history
        )
