"""The connections that a journal is read with, several at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import Any, TypeVar

from .journal import Journal

__all__ = ["Readers"]

_Result = TypeVar("_Result")


class Readers:
    """Hands each thread that reads a connection for as long as that takes.

    ``journals``: open ones. Where all are taken, the next thread waits.
    """

    def __init__(self, journals: Sequence[Journal]) -> None:
        self._journals = journals
        self._idle: SimpleQueue[Journal] = SimpleQueue()
        for journal in journals:
            self._idle.put(journal)

    def run(self, function: Callable[..., _Result], *args: Any, **options: Any) -> _Result:
        """Call a method of :class:`Journal` on one of them."""
        journal = self._idle.get()
        try:
            return function(journal, *args, **options)
        finally:
            self._idle.put(journal)

    def close(self) -> None:
        """Close all, each as soon as it is not in use."""
        for _ in self._journals:
            self._idle.get().close()
