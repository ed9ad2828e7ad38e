"""The end of a server, which nothing holds up for ever."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any

__all__ = ["Deadline", "within"]

_SHOWN = 10
_TELLING_SECONDS = 2.0


async def within(
    seconds: float, work: Coroutine[Any, Any, None], what: str, log: logging.Logger
) -> None:
    """Wait for some work of a stop, but not for ever: then the log says that it is given up.

    The work isn't cancelled, because it may hold that up just as well. Raises what it raises.
    """
    task = asyncio.ensure_future(work)
    done, _ = await asyncio.wait([task], timeout=seconds)
    if done:
        task.result()
    else:
        log.error("Stopping: %s took longer than %g s, and is given up", what, seconds)


class Deadline:
    """Ends the process if it still runs after ``seconds``, whatever it waits for.

    A thread may wait for a disk, a task may refuse to be cancelled, and Python joins all threads
    before it ends. The log says what they were at. ``end`` is called with the exit status.
    """

    def __init__(
        self,
        log: logging.Logger,
        *,
        seconds: float,
        end: Callable[[int], object] = os._exit,
    ) -> None:
        self._log = log
        self._seconds = seconds
        self._end = end

    def begin(self) -> None:
        """Count from now on; to be called on the loop."""
        loop = asyncio.get_running_loop()
        thread = threading.Thread(target=self._wait, args=(loop,), name="deadline", daemon=True)
        thread.start()

    def _wait(self, loop: asyncio.AbstractEventLoop) -> None:
        time.sleep(self._seconds)
        # The log itself may be what everybody waits for: a pipe that nobody reads.
        telling = threading.Thread(target=self._tell, args=(loop,), daemon=True)
        telling.start()
        telling.join(_TELLING_SECONDS)
        self._end(1)

    def _tell(self, loop: asyncio.AbstractEventLoop) -> None:
        self._log.critical(
            "Stopping took longer than %g s, and is cut off; at work are %s",
            self._seconds,
            "; ".join([*_threads(), *_tasks(loop)]),
        )
        for handler in self._log.handlers:
            handler.flush()


def _threads() -> list[str]:
    """Return where the threads are that Python would wait for."""
    frames = sys._current_frames()
    places = []
    for thread in threading.enumerate():
        frame = frames.get(thread.ident or 0)
        if frame is not None and not thread.daemon:
            code = frame.f_code
            place = f"{os.path.basename(code.co_filename)}:{frame.f_lineno}"
            places.append(f"thread {thread.name} in {code.co_name} ({place})")
    return places[:_SHOWN]


def _tasks(loop: asyncio.AbstractEventLoop) -> list[str]:
    """Return the names of the tasks that haven't ended."""
    names = [getattr(task.get_coro(), "__qualname__", "?") for task in asyncio.all_tasks(loop)]
    return [f"task {name}" for name in names[:_SHOWN]]
