"""Where the user's callbacks run.

In a kernel, or wherever else a loop runs on the main thread: on that loop, as soon as it is free.
In a plain script: on a thread of their own, so that a callback may wait for the network.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
import signal
import threading
from collections.abc import Iterator
from typing import Protocol

from .background import background, on_fork
from .cells import ipython, keep_on_rerun

__all__ = ["Callbacks", "Target", "callbacks"]

_log = logging.getLogger("driftdb_jupyter")


class Target(Protocol):
    """Something that has observers to tell."""

    def deliver(self) -> None:
        """Tell them how things are now, if that is news."""


class Callbacks:
    """Has targets deliver; one that is due twice before its turn comes delivers once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._due: dict[Target, None] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting_on: asyncio.AbstractEventLoop | None = None
        self._wakes: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def here(self) -> bool:
        """Whether the calling thread is one on which callbacks may run at once."""
        return threading.current_thread() in (threading.main_thread(), self._thread)

    def notice_loop(self) -> None:
        """Remember the loop that runs on the main thread, if this is called there."""
        if threading.current_thread() is threading.main_thread():
            with contextlib.suppress(RuntimeError):
                self._loop = asyncio.get_running_loop()
        elif self._loop is None:
            self._loop = _kernel_loop()

    def schedule(self, target: Target) -> None:
        """Have a target deliver soon."""
        with self._lock:
            lost = self._waiting_on is not None and self._waiting_on.is_closed()
            waiting = bool(self._due) and not lost
            self._due[target] = None
            if not waiting:
                self._wake()

    def schedule_later(self, target: Target, seconds: float) -> None:
        """Have a target deliver after some time."""
        loop = background().loop
        loop.call_soon_threadsafe(loop.call_later, seconds, self.schedule, target)

    def _wake(self) -> None:
        loop = self._loop
        if loop is not None and loop.is_running():
            with contextlib.suppress(RuntimeError):  # closed in this very moment
                loop.call_soon_threadsafe(self._run)
                self._waiting_on = loop
                return
        self._waiting_on = None
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._serve, name="driftdb-callbacks", daemon=True
            )
            self._thread.start()
        self._wakes.put(None)

    def _serve(self) -> None:
        while True:
            self._wakes.get()
            self._run()

    def _run(self) -> None:
        with self._lock:
            due, self._due = list(self._due), {}
        try:
            # This is no cell, though a kernel may still name the last one.
            with keep_on_rerun(), _interruptible():
                while due:
                    self._deliver(due.pop(0))
        finally:
            for target in due:  # what an interrupt leaves over
                self.schedule(target)

    @staticmethod
    def _deliver(target: Target) -> None:
        try:
            target.deliver()
        except KeyboardInterrupt:
            _log.warning("a callback of %r was interrupted", target, exc_info=True)
            raise
        except Exception:
            _log.exception("a callback of %r failed", target)

    def forked(self) -> None:
        """Start over in a forked child: its parent's loop and thread aren't there."""
        self.__init__()  # type: ignore[misc]


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Let a kernel's Stop button interrupt what runs, as it does in a cell.

    Between two cells ipykernel ignores the signal, and while a cell awaits something it ends the
    cell alone. Elsewhere the signal does what it does.
    """
    kernel = getattr(ipython(), "kernel", None)
    if kernel is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    interrupted = False
    try:
        yield
    except KeyboardInterrupt:
        interrupted = True
    finally:
        signal.signal(signal.SIGINT, before)
    if interrupted:
        signal.raise_signal(signal.SIGINT)  # a cell that awaits ends, too


def _kernel_loop() -> asyncio.AbstractEventLoop | None:
    """The main loop of the IPython kernel that this is."""
    loop = getattr(
        getattr(getattr(ipython(), "kernel", None), "io_loop", None), "asyncio_loop", None
    )
    return loop if isinstance(loop, asyncio.AbstractEventLoop) else None


callbacks = Callbacks()
on_fork(callbacks.forked)
