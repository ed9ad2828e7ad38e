"""The handlers that an object calls with each value."""

from __future__ import annotations

import logging
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from .cells import Topic, cells

__all__ = ["Subscribers", "Subscription", "tell_each"]

T = TypeVar("T")

_log = logging.getLogger("driftdb_jupyter")


class Subscription:
    """A registered handler. Call it, or leave its ``with`` block, to unsubscribe.

    Made in a notebook's cell, it ends when that cell is run again (:mod:`.cells`).
    """

    def __init__(self, subscribers: Subscribers) -> None:
        # Weakly, for an object that nobody holds is to go at once, without the cyclic collector.
        self._subscribers = weakref.ref(subscribers)

    def __call__(self) -> None:
        """Call the handler no more."""
        subscribers = self._subscribers()
        if subscribers is not None:
            subscribers.remove(self)

    def end(self) -> None:
        """Call the handler no more."""
        self()

    def __enter__(self) -> Subscription:
        return self

    def __exit__(self, *_: object) -> None:
        self()


class Subscribers:
    """Handlers, in the order in which they were added.

    ``topic`` is the room and the key that they are about.
    """

    def __init__(self, topic: Topic) -> None:
        self._topic = topic
        self._handlers: dict[Subscription, Callable[..., object]] = {}

    def __bool__(self) -> bool:
        return bool(self._handlers)

    def add(self, handler: Callable[..., object]) -> Subscription:
        """Call a handler, until its subscription ends."""
        subscription = Subscription(self)
        cells.own(self._topic, subscription)
        self._handlers[subscription] = handler
        return subscription

    def tell_all(self, values: deque[T], read: Callable[[T], object]) -> None:
        """Call all handlers with each value, and take it from ``values``.

        After an interrupt those are left that no handler was called with.
        """
        while values:
            value = values.popleft()
            self.tell(lambda value=value: read(value))  # type: ignore[misc]

    def remove(self, subscription: Subscription) -> None:
        """Call a subscription's handler no more; does nothing if it has ended already."""
        self._handlers.pop(subscription, None)

    def clear(self) -> None:
        """End all subscriptions."""
        self._handlers.clear()

    def tell(self, *made: Callable[[], Any]) -> None:
        """Call all handlers with what ``made`` returns (see :func:`tell_each`)."""
        tell_each(
            list(self._handlers.values()), lambda handler: handler(*(make() for make in made))
        )


def tell_each(
    handlers: Sequence[Callable[..., object]],
    call: Callable[[Any], object],
    *,
    raises: bool = False,
) -> None:
    """Call each handler, whatever the others raise.

    What a handler raises is logged; with ``raises`` the first error is raised when all were
    called. An interrupt (:exc:`KeyboardInterrupt`) ends the handler that runs, and is raised when
    all were called.
    """
    failed: BaseException | None = None
    for handler in handlers:
        try:
            call(handler)
        except KeyboardInterrupt as error:
            failed = error
        except Exception as error:
            if raises and failed is None:
                failed = error
            else:
                _log.exception("%r failed", handler)
    if failed is not None:
        try:
            raise failed
        finally:
            del failed  # or error and frame would hold each other, and what the handlers hold
