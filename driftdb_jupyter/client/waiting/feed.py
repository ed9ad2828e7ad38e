"""What is yet to come of a key, to go through in a loop."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import Any

from ...protocol.errors import TimedOut
from ..connection.connection import Connection
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
        given = timeout_seconds is not None
        self._timeout = timeout_seconds if given else Settings.from_environment().wait_seconds
        self._ready: deque[Heard] = deque()
        self._closed = False
        self._waiters: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []
        self._lock = threading.Lock()
        with connection.guard:
            self._follower: Follower = replica.follow(wake=self._wake)
        connection.feeds.add(self)

    def __iter__(self) -> Feed:
        return self

    def __aiter__(self) -> Feed:
        return self

    def __next__(self) -> Any:
        """Wait for the next value.

        Raises :class:`~driftdb_jupyter.protocol.errors.TimedOut` when none came in time.
        """
        while not self._fill():
            with self._connection.guard:
                came = self._connection.guard.wait_for(
                    lambda: self._follower or self._over, self._timeout
                )
                if not came:
                    raise self._late()
            if self._over and not self._fill():
                raise StopIteration
        return self._read(self._ready.popleft())

    async def __anext__(self) -> Any:
        """Wait for the next value, as ``__next__`` does."""
        while not self._fill():
            waiter = (asyncio.get_running_loop(), asyncio.Event())
            with self._connection.guard:
                if self._over:
                    raise StopAsyncIteration
                self._waiters.append(waiter)
                if self._follower:
                    waiter[1].set()
            try:
                await asyncio.wait_for(waiter[1].wait(), self._timeout)
            except asyncio.TimeoutError:
                raise self._late() from None
            finally:
                with self._connection.guard:
                    self._waiters.remove(waiter)
        return self._read(self._ready.popleft())

    def close(self) -> None:
        """End every loop over it."""
        with self._connection.guard:
            self._closed = True
            self._connection.guard.notify_all()
            self.wake()

    def wake(self) -> None:
        """Look whether there is something to do, or it is over (under the connection's guard)."""
        for loop, event in self._waiters:
            loop.call_soon_threadsafe(event.set)

    def _wake(self) -> None:
        self.wake()

    @property
    def _over(self) -> bool:
        return self._closed or self._connection.status == "closed"

    def _fill(self) -> bool:
        if not self._ready:
            with self._connection.guard:
                news = self._follower.take()
            for each in news:
                if isinstance(each, Missed):
                    self.missed += each.number
                    _log.warning("a loop was too slow for %d values: they are gone", each.number)
                else:
                    self._ready.extend(self._pick(each))
        return bool(self._ready)

    def _late(self) -> TimedOut:
        return TimedOut(f"no value came within {self._timeout:g} s")
