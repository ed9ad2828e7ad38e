"""Work that is done again and again, by a clock that nobody sets."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from inspect import isawaitable

__all__ = ["Periodic"]

_log = logging.getLogger("driftdb_jupyter")


class Periodic:
    """Calls ``work`` every ``seconds``, from :meth:`start` to :meth:`stop`.

    Tornado's ``PeriodicCallback`` goes by the wall clock: where that is set back by an hour,
    nothing is called for an hour. What ``work`` returns is awaited before the next call; what it
    raises is logged.
    """

    def __init__(self, work: Callable[[], Awaitable[object] | object], seconds: float) -> None:
        self._work = work
        self._seconds = seconds
        self._running = False
        self._next: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None  # or nobody holds it

    def start(self) -> None:
        """Begin, on the loop that runs; the first call is one period away."""
        self._running = True
        self._wait()

    def stop(self) -> None:
        """Call it no more; a call that has begun goes on to its end."""
        self._running = False
        if self._next is not None:
            self._next.cancel()
            self._next = None

    def _wait(self) -> None:
        if self._running:
            self._next = asyncio.get_running_loop().call_later(self._seconds, self._begin)

    def _begin(self) -> None:
        self._next = None
        self._task = asyncio.get_running_loop().create_task(self._call())

    async def _call(self) -> None:
        try:
            doing = self._work()
            if isawaitable(doing):
                await doing
        except Exception:
            _log.exception("DriftDB: what is done every %g s failed", self._seconds)
        self._wait()
