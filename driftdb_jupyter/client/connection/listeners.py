"""The objects that want to know of a key's changes."""

from __future__ import annotations

import weakref
from collections import deque
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


class _Ref(weakref.ref[Listener]):
    """A weak reference that knows what its listener listened to."""

    __slots__ = ("topic",)
    topic: Topic


class Listeners:
    """The listeners of each key, as long as somebody holds them.

    It is changed on the background thread alone; :meth:`of` may be called on any.
    """

    def __init__(self) -> None:
        self._by_topic: dict[Topic, tuple[_Ref, ...]] = {}  # each is replaced
        self._left: deque[Topic] = deque()  # a listener of these has gone, on any thread
        self._deserted: dict[Topic, None] = {}

    def add(self, topic: Topic, listener: Listener) -> None:
        """Add a listener, unless it is one."""
        others = [each for each in self.of(topic) if each is not listener]
        self._set(topic, [*others, listener])

    def discard(self, topic: Topic, listener: Listener) -> None:
        """Remove a listener, if it is one."""
        if topic in self._by_topic:
            self._set(topic, [each for each in self.of(topic) if each is not listener])
            self._left.append(topic)

    def of(self, topic: Topic) -> list[Listener]:
        """Return the listeners of a topic."""
        refs = self._by_topic.get(topic, ())
        return [listener for ref in refs if (listener := ref()) is not None]

    def deserted(self) -> list[Topic]:
        """Return the topics that had listeners and have none any more."""
        deserted = self._deserted
        while self._left:
            deserted[self._left.popleft()] = None
        for topic in list(deserted):
            if topic not in self._by_topic or self.of(topic):
                del deserted[topic]
        return list(deserted)

    def forget(self, topic: Topic) -> None:
        """Forget a topic."""
        del self._by_topic[topic]

    def _set(self, topic: Topic, listeners: list[Listener]) -> None:
        self._by_topic[topic] = tuple(self._ref(topic, each) for each in listeners)

    def _ref(self, topic: Topic, listener: Listener) -> _Ref:
        ref = _Ref(listener, self._gone)
        ref.topic = topic
        return ref

    def _gone(self, ref: weakref.ref[Listener]) -> None:
        """Note the end of a listener; on any thread, in the middle of anything."""
        assert isinstance(ref, _Ref)
        self._left.append(ref.topic)
