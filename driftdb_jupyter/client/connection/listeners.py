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

    def refused(self, error: Refusal) -> None:
        """Take the news that a write of this process was refused (on the background thread)."""


class Listeners:
    """Who listens to which key, as long as somebody holds the listener. Not thread-safe."""

    def __init__(self) -> None:
        self._by_topic: dict[Topic, weakref.WeakSet[Listener]] = {}

    def add(self, topic: Topic, listener: Listener) -> None:
        """Add a listener."""
        self._by_topic.setdefault(topic, weakref.WeakSet()).add(listener)

    def discard(self, topic: Topic, listener: Listener) -> None:
        """Remove a listener, if it is one."""
        if topic in self._by_topic:
            self._by_topic[topic].discard(listener)

    def of(self, topic: Topic) -> list[Listener]:
        """Return the listeners of a topic."""
        return list(self._by_topic.get(topic, ()))

    def deserted(self) -> list[Topic]:
        """Return the topics that had listeners and have none any more."""
        return [topic for topic, listeners in self._by_topic.items() if not listeners]

    def forget(self, topic: Topic) -> None:
        """Forget a topic."""
        del self._by_topic[topic]
