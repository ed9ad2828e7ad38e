"""The news of a key, to go through in a loop."""

from __future__ import annotations

import contextlib
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import Any

from ...protocol.errors import TimedOut
from ..connection.connection import Connection
from ..runtime.waker import LoopWaker
from ..session.log import Follower, Heard, LogReplica, Missed, News
from ..settings import Settings

__all__ = ["Feed"]

_log = logging.getLogger("driftdb_jupyter")


class Feed(Iterator[Any], AsyncIterator[Any]):
    """Waits for each next value, in a ``for`` loop or an ``async for`` loop, in any thread.

    It works in the middle of a running cell, and ends when it is closed, or the connection is.
    Of the values that nobody took 10,000 are remembered; :attr:`missed` counts those that were
    forgotten.
    """

    def __init__(
        self,
        connection: Connection,
        replica: LogReplica,
        *,
        owner: object,
        pick: Callable[[News], Iterable[Heard]],
        read: Callable[[Heard], Any],
        timeout_seconds: float | None,
    ) -> None:
        """``pick`` says which of the news are values of this feed; ``owner`` is kept alive."""
        self.missed = 0
        self._connection = connection
        self._owner = owner
        self._pick = pick
        self._read = read
        if timeout_seconds is None:
            timeout_seconds = Settings.from_environment().wait_seconds
        self._timeout = timeout_seconds
        self._ready: deque[Heard] = deque()
        self._closed = False
        self._follower = Follower()
        connection.follow(replica, self._follower)

    def __iter__(self) -> Feed:
        return self

    def __aiter__(self) -> Feed:
        return self

    def __next__(self) -> Any:
        """Wait for the next value.

        Raises :class:`~driftdb_jupyter.protocol.errors.TimedOut` when none came in time.
        """
        connection = self._connection
        while (heard := self._next()) is None:
            if not connection.wait_until(lambda: self._follower or self._over, self._timeout):
                raise self._late()
            if self._over and not self._follower:
                raise StopIteration
        return self._read(heard)

    async def __anext__(self) -> Any:
        """Wait for the next value, as ``__next__`` does."""
        waker = LoopWaker()
        wake = waker.wake
        end = time.monotonic() + self._timeout
        try:
            self._connection.wakers.add(wake)
            while (heard := self._next()) is None:
                if self._over and not self._follower:
                    raise StopAsyncIteration
                if not await waker.wait(end - time.monotonic()):
                    raise self._late()
        finally:
            self._connection.wakers.discard(wake)
        return self._read(heard)

    def close(self) -> None:
        """End every loop over it."""
        self._closed = True
        for wake in list(self._connection.wakers):
            wake()

    @property
    def _over(self) -> bool:
        return self._closed or self._connection.status == "closed"

    def _next(self) -> Heard | None:
        """Take the next value, if there is one; several threads may go through one feed."""
        while True:
            with contextlib.suppress(IndexError):
                return self._ready.popleft()
            news = self._follower.take()
            if not news:
                return None
            for each in news:
                if isinstance(each, Missed):
                    self.missed += each.number
                    _log.warning("a loop was too slow for %d values: they are gone", each.number)
                else:
                    self._ready.extend(self._pick(each))

    def _late(self) -> TimedOut:
        return TimedOut(f"no value came within {self._timeout:g} s")
