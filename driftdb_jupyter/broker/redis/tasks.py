"""Tasks that go on beside, and end with the broker."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from ...protocol.errors import Unavailable

__all__ = ["Tasks", "ended"]

_log = logging.getLogger("driftdb_jupyter")
_AGAIN_SECONDS = 0.1


class Tasks:
    """Tasks that nobody waits for: what goes wrong in one is in the log."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Future[Any]] = set()

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Begin a task."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    async def close(self) -> None:
        """End all that go on."""
        await ended(*self._tasks)

    def _done(self, task: asyncio.Future[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            error = task.exception()
            if not isinstance(error, Unavailable):
                _log.error("Something that goes on beside failed", exc_info=error)


async def ended(*tasks: asyncio.Future[Any]) -> None:
    """Cancel tasks, and wait until they have ended.

    They are cancelled again and again: the client library of Redis loses a cancellation where
    Redis refuses a connection at the same moment.
    """
    going = {task for task in tasks if not task.done()}
    while going:
        for task in going:
            task.cancel()
        _, going = await asyncio.wait(going, timeout=_AGAIN_SECONDS)
