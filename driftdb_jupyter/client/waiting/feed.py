"""The news of a key, to go through in a loop."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from ...protocol.errors import TimedOut
from ..arguments import check_seconds
from ..connection.connection import Connection
from ..runtime.turn_lock import TurnLock
from ..runtime.waker import LoopWaker
from ..session.bookmark import Bookmark
from ..session.log import Heard, LogReplica
from ..session.unread import Unread
from ..settings import Settings

__all__ = ["Feed"]

_log = logging.getLogger("driftdb_jupyter")


class Feed(Iterator[Any], AsyncIterator[Any]):
    """Waits for each next value, in a ``for`` loop or an ``async for`` loop, in any thread.

    It works in the middle of a running cell, and ends when it is closed, or the connection is.
    What stops the connection is raised after the values that came before; once the room has been
    asked to :meth:`~.BaseRoom.retry`, the next loop goes on.
    Of the values that nobody took 10,000 are remembered; :attr:`missed` counts those that were
    forgotten.
    """

    def __init__(
        self,
        connection: Connection,
        replica: LogReplica,
        *,
        owner: object,
        place: Bookmark | None = None,
        read: Callable[[Heard], Any],
        timeout_seconds: float | None,
    ) -> None:
        """``place``: where to begin (see :class:`.Unread`); ``owner`` is kept alive."""
        self._connection = connection
        self._owner = owner
        self._read = read
        if timeout_seconds is None:
            timeout_seconds = Settings.read("wait_seconds")
        check_seconds("timeout_seconds", timeout_seconds)
        self._timeout = timeout_seconds
        self._closed = False
        self._unread = Unread(place)
        self._told_missed = 0
        self._lock = TurnLock()  # for several threads may go through one feed
        connection.follow(replica, self._unread.follower)

    @property
    def missed(self) -> int:
        """How many values nobody took in time: they are gone."""
        return self._unread.missed

    def __iter__(self) -> Feed:
        return self

    def __aiter__(self) -> Feed:
        return self

    def __next__(self) -> Any:
        """Wait for the next value.

        Raises :class:`~driftdb_jupyter.protocol.errors.TimedOut` when none came in time, and what
        stopped the connection.
        """
        while True:
            try:
                return self._take()
            except _NothingThere:
                if self._ended():
                    raise StopIteration from None
            if not self._connection.wait_until(self._has_more, self._timeout):
                raise self._late() from None

    async def __anext__(self) -> Any:
        """Wait for the next value, as ``__next__`` does."""
        waker = LoopWaker()
        wake = waker.wake
        end = time.monotonic() + self._timeout
        try:
            self._connection.wakers.add(wake)
            while True:
                try:
                    return self._take()
                except _NothingThere:
                    if self._ended():
                        raise StopAsyncIteration from None
                if not await waker.wait(end - time.monotonic()):
                    raise self._late()
        finally:
            self._connection.wakers.discard(wake)

    def close(self) -> None:
        """End every loop over it."""
        self._closed = True
        for wake in list(self._connection.wakers):
            wake()

    def _ended(self) -> bool:
        """Return True if nothing comes any more; raises what stopped the connection."""
        if self._closed or self._connection.status == "closed":
            return not self._unread
        reason = self._connection.stopped
        if reason is not None and not self._unread:
            raise reason from None
        return False

    def _has_more(self) -> bool:
        """Return True if there is a value, or none comes any more."""
        connection = self._connection
        return (
            bool(self._unread)
            or self._closed
            or connection.status == "closed"
            or connection.stopped is not None
        )

    def _take(self) -> Any:
        """Read, take and return the next value; an interrupt at any line loses none.

        Raises :class:`_NothingThere`.
        """
        values = self._unread.values
        if not values:
            self._fetch()
            values = self._unread.values
        heard = _first(values)
        try:
            value = self._read(heard)
        except Exception:
            if values and values[0] is heard:  # else another thread was faster
                _pop(values)  # or it would be read again and again
            raise
        return value if (taken := _pop(values)) is heard else self._read(taken)

    def _fetch(self) -> None:
        """Take in what came, unless another thread has done so."""
        with self._lock:
            if not self._unread.values:
                self._unread.fetch()
            missed = self.missed - self._told_missed
            if missed:
                _log.warning("a loop was too slow for %d values: they are gone", missed)
                self._told_missed += missed

    def _late(self) -> TimedOut:
        return TimedOut(f"no value came within {self._timeout:g} s")


class _NothingThere(Exception):
    """There is no value to take: nothing came, or another thread was faster."""


def _first(values: deque[Heard]) -> Heard:
    try:
        return values[0]
    except IndexError:
        raise _NothingThere from None


def _pop(values: deque[Heard]) -> Heard:
    try:
        return values.popleft()
    except IndexError:
        raise _NothingThere from None
