"""A thread for work of users that may take its time."""

from __future__ import annotations

import logging
import queue
import threading
from collections import deque
from collections.abc import Callable

from .background import at_start, on_fork

__all__ = ["Worker", "updates"]

_log = logging.getLogger("driftdb_jupyter")


class Worker:
    """A daemon thread that does one piece of work after the other.

    It begins with the first connection of the process, because at the end of the process, when much
    work may have to be done, no thread can be started any more.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._work: deque[Callable[[], object]] = deque()
        self._more: queue.SimpleQueue[None] = queue.SimpleQueue()  # wakes the thread
        self._begin = deque([None])
        self.thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread, unless it runs."""
        if self.thread is None:
            threading.Thread(target=self._run, name=self._name, daemon=True).start()

    def do(self, work: Callable[[], object]) -> None:
        """Run something on the thread; may be called from any other."""
        self._work.append(work)
        self._more.put(None)

    def forked(self) -> None:
        """Forget the parent's work in a forked child."""
        self._work, self._more = deque(), queue.SimpleQueue()
        self._begin, self.thread = deque([None]), None

    def _run(self) -> None:
        try:
            self._begin.pop()  # where two threads were started at once, the second one ends here
        except IndexError:
            return
        self.thread = threading.current_thread()
        work, more = self._work, self._more
        each: Callable[[], object] | None = None
        while True:
            try:
                while work:
                    each = work.popleft()
                    each()
                more.get()
            except BaseException:  # this thread has to stay, whatever is raised in it or into it
                _log.exception("%r failed", each)


updates = Worker("driftdb-updates")
"""Where the functions of updates are called again."""

at_start(updates.start)
on_fork(updates.forked)
