"""The threads and loops on which the user's callbacks run.

In a kernel, or wherever else a loop runs on the main thread: on that loop, as soon as it is free.
In a plain script: on a thread of their own, so that a callback may wait for the network.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextvars import Context, copy_context
from functools import partial
from typing import Any, Protocol

from .background import at_start, background, on_fork
from .cells import ipython, keep_on_rerun
from .turn_lock import TurnLock
from .user_traceback import trimmed
from .wakeup import Wakeup
from .worker import Worker, updates

__all__ = ["Callbacks", "Target", "callbacks"]

_log = logging.getLogger("driftdb_jupyter")


class Target(Protocol):
    """An object with observers to notify."""

    def deliver(self) -> None:
        """Notify them of the present state, if it is new."""


class Callbacks:
    """Has targets deliver, one at a time.

    One that is due twice before its turn comes delivers once.

    No lock is taken, so that a signal handler may schedule in the middle of anything.
    """

    def __init__(self) -> None:
        self._due: dict[Target, None] = {}
        self._wakeup = Wakeup(self._wake)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting_on: asyncio.AbstractEventLoop | None = None
        self._shell: Any = None
        # Of the kernel's cell that ran last: what is printed goes below that one.
        self._context: Context | None = None
        self._worker = Worker("driftdb-callbacks")
        self._turn = TurnLock()  # held by the thread that delivers
        # On which thread a target delivers now, and since when.
        self._running: tuple[int, float] | None = None
        self._warned_of: tuple[int, float] | None = None

    def start(self) -> None:
        """Start the thread for callbacks where no loop runs on the main thread."""
        self._worker.start()

    def here(self) -> bool:
        """Return True on a thread on which callbacks may run at once."""
        return threading.current_thread() in (threading.main_thread(), self._worker.thread)

    def notice_loop(self) -> None:
        """Remember the loop that runs on the main thread, if this is called there."""
        if threading.current_thread() is threading.main_thread():
            with contextlib.suppress(RuntimeError):
                self._loop = asyncio.get_running_loop()
            self._watch_cells()
        elif self._loop is None:
            self._loop = _kernel_loop()

    def _watch_cells(self) -> None:
        shell = ipython()
        if shell is None or shell is self._shell:
            return
        self._shell = shell
        for event in ("pre_run_cell", "post_run_cell"):
            shell.events.register(event, self._note_cell)
        self._note_cell()

    def _note_cell(self, *_: object) -> None:
        self._context = copy_context()

    def schedule(self, target: Target) -> None:
        """Have a target deliver soon."""
        self._due[target] = None
        if self._waiting_on is not None and self._waiting_on.is_closed():
            self._wakeup.reset()
        self._wakeup.request()

    def schedule_later(self, target: Target, seconds: float) -> None:
        """Have a target deliver after some time."""
        loop = background().loop
        loop.call_soon_threadsafe(loop.call_later, seconds, self.schedule, target)

    def _wake(self) -> None:
        loop = self._loop
        if loop is None or not loop.is_running():
            loop = self._loop = _running_main_loop() or loop
        if loop is not None and loop.is_running():
            with contextlib.suppress(RuntimeError):  # closed in this very moment
                # Not in this thread's own context, which is that of the cell that connected: what
                # is printed there is lost once that cell is run again, or its page is loaded again.
                context = None if self._context is None else self._context.copy()
                loop.call_soon_threadsafe(self._run, context=context)
                self._waiting_on = loop
                return
        self._waiting_on = None
        self._worker.do(self._run)

    def poke(self) -> None:
        """Have what is due delivered, should an interrupt have hidden it."""
        if self._due:
            self._wakeup.request()

    def look(self, slow_seconds: float) -> None:
        """Warn once of a callback that keeps others waiting for longer than that."""
        running = self._running
        if running is None or not self._due or running is self._warned_of:
            return
        thread, began = running
        if time.monotonic() - began >= slow_seconds:
            self._warned_of = running
            # Not here, on the background thread: a log handler may write to a room.
            updates.do(partial(_warn_of_slow, _callback_of(thread), slow_seconds))

    def _run(self) -> None:
        self._wakeup.begin()
        # A main loop may have begun while the thread for callbacks is at it, which goes on then.
        if not self._turn.enter_now():
            return
        under_way: Target | None = None
        try:
            # This is no cell, though a kernel may still name the last one.
            with keep_on_rerun(), _interruptible():
                for target in list(self._due):
                    under_way = target
                    self._due.pop(target, None)
                    self._running = threading.get_ident(), time.monotonic()
                    self._deliver(target)
                    under_way = None
        finally:
            self._running = None
            if under_way is not None:  # it was interrupted, and has the rest to tell
                self._due[under_way] = None
            self._turn.leave()
            if self._due:  # something came meanwhile, or an interrupt came
                self._wakeup.request()

    def _deliver(self, target: Target) -> None:
        try:
            target.deliver()
        except KeyboardInterrupt:
            _log.warning("a callback of %r was interrupted", target, exc_info=True)
            raise
        except SystemExit as error:
            if not _in_kernel():  # which would end, with all that its notebook has in memory
                raise
            _log.error("a callback of %r failed", target, exc_info=trimmed(error))
            self._due[target] = None  # it has its other handlers to call
        except Exception as error:
            _log.error("a callback of %r failed", target, exc_info=trimmed(error))

    def forked(self) -> None:
        """Start over in a forked child: its parent's loop and thread aren't there."""
        self.__init__()  # type: ignore[misc]


def _interruptible() -> contextlib.AbstractContextManager[object]:
    """Let a kernel's Stop button interrupt what runs, as it does in a cell.

    Between two cells ipykernel ignores the signal, and while a cell awaits something it ends the
    cell alone. Elsewhere the signal does what it does.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if is_main and _in_kernel():
        return _interrupted_by_signal()
    return _as_it_is


def _in_kernel() -> bool:
    return getattr(ipython(), "kernel", None) is not None


_as_it_is = contextlib.nullcontext()


@contextlib.contextmanager
def _interrupted_by_signal() -> Iterator[None]:
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


def _callback_of(thread: int) -> str:
    """Return the name and the place of the user's function that a thread runs."""
    frame = sys._current_frames().get(thread)
    found = frame
    while frame is not None and frame.f_code is not _DELIVER:
        if not frame.f_globals.get("__name__", "").startswith(_NOT_USERS):
            found = frame
        frame = frame.f_back
    if found is None:
        return "a callback"
    code = found.f_code
    return (
        f"{code.co_name} ({code.co_filename}:{code.co_firstlineno}, now in line {found.f_lineno})"
    )


def _warn_of_slow(name: str, seconds: float) -> None:
    _log.warning(
        "%s has been running for more than %g s, and keeps other observers and handlers waiting "
        "until it ends. Do long work in a thread, or stop it.",
        name,
        seconds,
    )


def _kernel_loop() -> asyncio.AbstractEventLoop | None:
    """Return the main loop of the IPython kernel that this is."""
    loop = getattr(
        getattr(getattr(ipython(), "kernel", None), "io_loop", None), "asyncio_loop", None
    )
    return loop if isinstance(loop, asyncio.AbstractEventLoop) else None


def _running_main_loop() -> asyncio.AbstractEventLoop | None:
    """Return the loop that the main thread is running, wherever that was begun.

    asyncio tells it on that thread alone, so this looks at what the thread executes.
    """
    frame = sys._current_frames().get(threading.main_thread().ident or 0)
    while frame is not None:
        if frame.f_code is _RUN_FOREVER:
            loop = frame.f_locals.get("self")
            return loop if isinstance(loop, asyncio.AbstractEventLoop) else None
        frame = frame.f_back
    return None


_DELIVER = Callbacks._deliver.__code__
_NOT_USERS = (__name__.partition(".")[0], "traitlets")
_RUN_FOREVER = asyncio.BaseEventLoop.run_forever.__code__

callbacks = Callbacks()
at_start(callbacks.start)
on_fork(callbacks.forked)
