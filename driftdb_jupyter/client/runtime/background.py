"""The one thread of a process on which all its connections live."""

from __future__ import annotations

import asyncio
import atexit
import multiprocessing
import os
import threading
from collections.abc import Callable, Coroutine
from multiprocessing.util import Finalize
from typing import Any, TypeVar

__all__ = ["Background", "at_end", "background", "on_fork"]

T = TypeVar("T")


class Background:
    """A daemon thread that runs one event loop."""

    def __init__(self) -> None:
        # Not Windows' default, the proactor loop: Tornado needs add_reader.
        self.loop = asyncio.SelectorEventLoop()
        self._thread = threading.Thread(target=self._run, name="driftdb", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T], *, timeout_seconds: float | None) -> T:
        """Run a coroutine there, and wait for its result; raises :class:`TimeoutError`.

        ``None``: it ends in time by itself.
        """
        waited = asyncio.wait_for(work, timeout_seconds)
        try:
            return asyncio.run_coroutine_threadsafe(waited, self.loop).result()
        except asyncio.TimeoutError:  # not the builtin one before Python 3.11
            raise TimeoutError from None

    def here(self) -> bool:
        """Whether the calling thread is this one."""
        return threading.current_thread() is self._thread

    def call(self, work: Callable[[], object]) -> None:
        """Have something called there soon."""
        self.loop.call_soon_threadsafe(work)

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()


_lock = threading.RLock()  # a finalizer may come in the middle
_current: Background | None = None
_fork_hooks: list[Callable[[], None]] = []
_end_hooks: list[Callable[[], None]] = []
_left_behind: list[object] = []


def background() -> Background:
    """Return this process's thread, and start it the first time."""
    global _current
    with _lock:
        if _current is None:
            _current = Background()
            if multiprocessing.parent_process() is not None:
                for hook in _end_hooks:
                    Finalize(None, hook, exitpriority=0)
        return _current


def at_end(hook: Callable[[], None]) -> None:
    """Have something called at the end of this process, and of every child that uses the thread.

    A hook may be called twice: :mod:`multiprocessing` ends its children without :mod:`atexit`,
    but not in all versions of Python and not on all systems.
    """
    atexit.register(hook)
    _end_hooks.append(hook)


def on_fork(hook: Callable[[], None]) -> None:
    """Have something called in every forked child, after it forgot the parent's thread."""
    _fork_hooks.append(hook)


def _forked() -> None:
    global _current, _lock
    _lock = threading.RLock()
    # Kept, not closed: what the loop watches (epoll) is shared with the parent.
    _left_behind.append(_current)
    _current = None
    for hook in _fork_hooks:
        hook()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
