"""The handlers that an object calls with each value."""

from __future__ import annotations

import logging
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from itertools import starmap
from operator import length_hint

from ..arguments import check_function
from .cells import Topic, cells
from .user_traceback import trimmed

__all__ = ["Subscribers", "Subscription", "call_each"]

_log = logging.getLogger("driftdb_jupyter")

_NOTHING = object()


class Subscription:
    """A registered handler. Call it, or leave its ``with`` block, to unsubscribe.

    Made in a notebook's cell, it ends when that cell is run again (:mod:`.cells`).
    """

    def __init__(self, subscribers: Subscribers) -> None:
        # Weakly, because an object that nobody holds is to go at once, without the cyclic
        # collector.
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
        # What they are called with now, and the subscriptions of those that were not called yet.
        self._calling: tuple[object, deque[Subscription]] = (_NOTHING, deque())

    def __bool__(self) -> bool:
        return bool(self._handlers)

    def add(self, handler: Callable[..., object]) -> Subscription:
        """Call a handler, until its subscription ends; raises :class:`TypeError` for none."""
        check_function("the handler", handler)
        subscription = Subscription(self)
        cells.own(self._topic, subscription)
        self._handlers[subscription] = handler
        return subscription

    def remove(self, subscription: Subscription) -> None:
        """Call a subscription's handler no more; does nothing if it has ended already."""
        self._handlers.pop(subscription, None)

    def clear(self) -> None:
        """End all subscriptions."""
        self._handlers.clear()

    def notify(self, news: object, make: Callable[[], object]) -> None:
        """Call each handler with what ``make()`` returns, whatever another raises; that is logged.

        An interrupt (:exc:`KeyboardInterrupt`) ends the handler that runs, and is raised at once.
        Another call with the same ``news`` (by identity) calls the handlers that are left: so each
        is called once, wherever the interrupt comes.
        """
        if self._calling[0] is not news:
            self._calling = news, deque(self._handlers)
        left = self._calling[1]
        while left:
            subscription = left[0]
            handler = self._handlers.get(subscription, _ignore)  # it may have ended meanwhile
            try:
                value = make()
                # In C alone, so that no interrupt comes between the one and the other.
                next(zip(iter(left.popleft, None), map(handler, (value,)), strict=False))
            except Exception as error:
                _log.error("%r failed", handler, exc_info=trimmed(error))
                if left and left[0] is subscription:
                    left.popleft()


def call_each(
    handlers: Sequence[Callable[..., object]], arguments: Iterable[object], *, raises: bool = False
) -> None:
    """Call each handler with its argument, one of the arguments, whatever the others raise.

    What a handler raises is logged; with ``raises`` the first error is raised when all were
    called. An interrupt (:exc:`KeyboardInterrupt`) ends the handler that runs, and is raised when
    all were called.
    """
    rest, arguments = iter(handlers), iter(arguments)
    # In C alone, so that no interrupt comes between taking a handler and calling it. Each call is
    # taken by a ``next`` of its own: so a StopIteration of a handler is an error as any other.
    calls = map(next, map(starmap, rest, zip(zip(arguments, strict=False), strict=False)))
    failed: BaseException | None = None
    try:
        while length_hint(rest):
            try:
                while length_hint(rest):
                    next(calls)
            except KeyboardInterrupt as error:
                failed = error
            except Exception as error:
                if raises and failed is None:
                    failed = trimmed(error)
                else:
                    handler = handlers[-length_hint(rest) - 1]
                    _log.error("%r failed", handler, exc_info=trimmed(error))
    finally:
        if length_hint(rest):  # an interrupt came between two of them
            call_each(list(rest), arguments)
    if failed is not None:
        try:
            raise failed
        finally:
            del failed  # or error and frame would hold each other, and what the handlers hold


def _ignore(value: object) -> None:
    """Take the value of a handler that has ended."""
