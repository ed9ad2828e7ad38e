"""Wait for a shared value to satisfy a predicate."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from typing import Any, Generic, TypeVar

from ...protocol.errors import NotConnected, TimedOut
from ..arguments import check_function, check_seconds
from ..connection.connection import Connection
from ..runtime.waker import LoopWaker, Waker
from ..settings import Settings

__all__ = ["Wait"]

T = TypeVar("T")


class Wait(Generic[T]):
    """A wait for a value for which a predicate is true.

    ``wait.result()`` waits in plain code, also in the middle of a running cell, ``await wait`` in
    async code. Both return that value. The predicate is called where one waits, each time that
    anything may have changed.
    """

    def __init__(
        self,
        connection: Connection,
        read: Callable[[], T],
        predicate: Callable[[T], object],
        *,
        name: str,
    ) -> None:
        """``read`` gives the value, ``name`` is what it is called in an error."""
        check_function("the predicate", predicate)
        self._connection = connection
        self._read = read
        self._predicate = predicate
        self._name = name

    def result(self, timeout_seconds: float | None = None) -> T:
        """Wait, and return the value.

        Raises :class:`~driftdb_jupyter.protocol.errors.TimedOut` when ``timeout_seconds`` are over
        (``None``: ``DRIFTDB_WAIT_SECONDS``, a day), what stopped the connection, and
        :class:`~driftdb_jupyter.protocol.errors.NotConnected` after the room was closed.
        """
        seconds = _limit(timeout_seconds)
        end = time.monotonic() + seconds
        waker = Waker()
        wake = waker.wake
        try:
            self._connection.wakers.add(wake)
            while True:
                value = self._read()
                if self._predicate(value):
                    return value
                left = end - time.monotonic()
                if left <= 0:
                    raise self._late(seconds)
                self._check_alive()
                waker.wait(left)
        finally:
            self._connection.wakers.discard(wake)

    def __await__(self) -> Generator[Any, None, T]:
        """Wait as :meth:`result` does without arguments (see :func:`asyncio.wait_for`)."""
        return self._wait().__await__()

    async def _wait(self) -> T:
        seconds = _limit(None)
        end = time.monotonic() + seconds
        waker = LoopWaker()
        wake = waker.wake
        try:
            self._connection.wakers.add(wake)
            while True:
                value = self._read()
                if self._predicate(value):
                    return value
                self._check_alive()
                if not await waker.wait(end - time.monotonic()):
                    raise self._late(seconds)
        finally:
            self._connection.wakers.discard(wake)

    def _check_alive(self) -> None:
        if (reason := self._connection.stopped) is not None:
            raise reason
        if self._connection.status == "closed":
            raise NotConnected(f"the connection to {self._connection.location.url} was closed")

    def _late(self, seconds: float) -> TimedOut:
        return TimedOut(f"{self._name}: what was waited for did not come within {seconds:g} s")


def _limit(timeout_seconds: float | None) -> float:
    if timeout_seconds is None:
        seconds: float = Settings.read("wait_seconds")
        return seconds
    check_seconds("timeout_seconds", timeout_seconds)
    return timeout_seconds
