"""Who is called with each value."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

__all__ = ["Subscribers", "Subscription"]

_log = logging.getLogger("driftdb_jupyter")


class Subscription:
    """Ends what it stands for when it is called, or its ``with`` block is left."""

    def __init__(self, end: Callable[[], None]) -> None:
        self._end = end

    def __call__(self) -> None:
        """Call the handler no more."""
        self._end()

    def __enter__(self) -> Subscription:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()


class Subscribers:
    """Handlers, in the order in which they came."""

    def __init__(self) -> None:
        self._handlers: dict[object, Callable[..., object]] = {}

    def __bool__(self) -> bool:
        return bool(self._handlers)

    def add(self, handler: Callable[..., object]) -> Subscription:
        """Call a handler, until its subscription ends."""
        number = object()
        self._handlers[number] = handler
        return Subscription(lambda: self._remove(number))

    def clear(self) -> None:
        """Call nobody any more."""
        self._handlers.clear()

    def tell(self, *made: Callable[[], Any]) -> None:
        """Call all handlers with what is made for them; what one raises is logged."""
        for handler in list(self._handlers.values()):
            try:
                handler(*(make() for make in made))
            except Exception:
                _log.exception("%r failed", handler)

    def _remove(self, number: object) -> None:
        self._handlers.pop(number, None)
