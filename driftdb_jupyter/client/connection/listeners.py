"""The objects that want to know of a key's changes."""

from __future__ import annotations

import weakref
from typing import Protocol

from ...protocol.errors import Refusal
from ..runtime.callbacks import Target

__all__ = ["Listener", "Listeners", "Topic"]

Topic = tuple[str, bool]
"""A key, and whether it is about who is there."""


class Listener(Target, Protocol):
    """Receives changes of a key: :meth:`deliver` is called on the callbacks' thread."""

    def has_news(self) -> bool:
        """Return True unless a change leaves nothing to deliver (on the background thread)."""

    def refused(self, error: Refusal) -> None:
        """Take the news that a write of this process was refused (on the background thread)."""


class Listeners:
    """The listeners of each key, as long as somebody holds them.

    It is changed on the background thread alone; :meth:`of` may be called on any.
    """

    def __init__(self) -> None:
        self._by_topic: dict[Topic, tuple[weakref.ref[Listener], ...]] = {}  # each is replaced

    def add(self, topic: Topic, listener: Listener) -> None:
        """Add a listener, unless it is one."""
        others = [each for each in self.of(topic) if each is not listener]
        self._set(topic, [*others, listener])

    def discard(self, topic: Topic, listener: Listener) -> None:
        """Remove a listener, if it is one."""
        if topic in self._by_topic:
            self._set(topic, [each for each in self.of(topic) if each is not listener])

    def of(self, topic: Topic) -> list[Listener]:
        """Return the listeners of a topic."""
        refs = self._by_topic.get(topic, ())
        return [listener for ref in refs if (listener := ref()) is not None]

    def deserted(self) -> list[Topic]:
        """Return the topics that had listeners and have none any more."""
        return [topic for topic in self._by_topic if not self.of(topic)]

    def forget(self, topic: Topic) -> None:
        """Forget a topic."""
        del self._by_topic[topic]

    def _set(self, topic: Topic, listeners: list[Listener]) -> None:
        self._by_topic[topic] = tuple(map(weakref.ref, listeners))
