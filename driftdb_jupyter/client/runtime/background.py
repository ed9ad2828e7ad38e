"""The threads of a process on which all its connections live."""

from __future__ import annotations

import asyncio
import atexit
import logging
import multiprocessing
import os
import socket
import threading
from collections import deque
from collections.abc import Callable, Coroutine
from multiprocessing.util import Finalize
from typing import Any, TypeVar

from ...protocol.errors import DriftDBError
from .turn_lock import TurnLock

__all__ = ["Background", "at_end", "at_start", "background", "on_fork", "turn"]

T = TypeVar("T")

# A fork waits until the background thread is between two pieces of work, none of which waits for
# anything.
_FORK_SECONDS = 5.0

_log = logging.getLogger("driftdb_jupyter")


# Not Windows' default, the proactor loop: Tornado needs add_reader.
class _Loop(asyncio.SelectorEventLoop):
    """A loop that looks up names to the very end of the process.

    asyncio has its executor do that, which takes nothing more once the main thread has ended, while
    other threads may work on for days.
    """

    def __init__(self) -> None:
        super().__init__()
        self._look_ups: dict[tuple[Any, ...], asyncio.Future[Any]] = {}

    async def getaddrinfo(
        self,
        host: bytes | str | None,
        port: bytes | str | int | None,
        *,
        family: int = 0,
        type: int = 0,
        proto: int = 0,
        flags: int = 0,
    ) -> Any:
        """Look up a name, as :func:`socket.getaddrinfo` does, on a thread of its own.

        All who ask the same wait for the same thread, also those that come after others gave up:
        so a resolver that hangs holds one thread, however many rooms try again and again.
        """
        asked = (host, port, family, type, proto, flags)
        found = self._look_ups.get(asked)
        if found is None:
            found = self._look_ups[asked] = self._look_up(asked)
        await asyncio.wait([found])  # which lets it go on for the others where one gives up
        return found.result()

    def _look_up(self, asked: tuple[Any, ...]) -> asyncio.Future[Any]:
        found: asyncio.Future[Any] = self.create_future()

        def done(answer: Any, error: Exception | None) -> None:
            del self._look_ups[asked]
            if error is None:
                found.set_result(answer)
            else:
                found.set_exception(error)
                found.exception()  # asyncio logs one that nobody took, and all may have given up

        def look_up() -> None:
            answer, failed = None, None
            try:
                answer = socket.getaddrinfo(*asked)
            except Exception as error:
                failed = error
            self.call_soon_threadsafe(done, answer, failed)

        try:
            threading.Thread(target=look_up, name="driftdb-names", daemon=True).start()
        except RuntimeError:  # in a hook of atexit no thread is started
            look_up()
        return found


class Background:
    """A daemon thread that runs one event loop."""

    def __init__(self) -> None:
        self.loop = _Loop()
        self._thread: threading.Thread | None = None
        self._begin = deque([None])

    def start(self) -> None:
        """Start the thread, unless it runs."""
        # An interrupt may come anywhere in here, and another thread: so what is half done is done
        # again, by a thread of its own.
        if self._thread is None:
            threading.Thread(target=self._run, name="driftdb", daemon=True).start()

    def run(self, work: Coroutine[Any, Any, T], *, timeout_seconds: float | None) -> T:
        """Run a coroutine there, and wait for its result; raises :class:`TimeoutError`.

        ``None``: it ends in time by itself.
        """
        waited = asyncio.wait_for(work, timeout_seconds)
        try:
            return asyncio.run_coroutine_threadsafe(waited, self.loop).result()
        except asyncio.TimeoutError:  # not the builtin one before Python 3.11
            raise TimeoutError from None
        except DriftDBError as error:
            # The frames of the loop tell whoever reads the traceback nothing.
            raise error.with_traceback(None) from error.__cause__

    def here(self) -> bool:
        """Return True on this thread."""
        return threading.current_thread() is self._thread

    def call(self, work: Callable[[], object]) -> None:
        """Have something called there soon."""
        self.loop.call_soon_threadsafe(work)

    def _run(self) -> None:
        try:
            self._begin.pop()  # where two threads were started, the second one ends here
        except IndexError:
            return
        self._thread = threading.current_thread()
        asyncio.set_event_loop(self.loop)
        while True:
            try:
                self.loop.run_forever()
            except BaseException:
                # Only KeyboardInterrupt and SystemExit come out of a loop: nothing that happens
                # in one connection may end the thread of all.
                _log.exception("the background thread goes on after an error")


class _Process:
    """The state of one process, which is made anew in a forked child."""

    def __init__(self) -> None:
        self.ready: Background | None = None
        """The thread, once it was started and has all it needs."""
        self.made: list[Background] = []
        self.ends: list[object] = []
        # Should an interrupt keep a fork's hook from giving it back, that takes no longer.
        self.turn = TurnLock(look_seconds=_FORK_SECONDS)


_process = _Process()
_start_hooks: list[Callable[[], None]] = []
_fork_hooks: list[Callable[[], None]] = []
_end_hooks: list[Callable[[], None]] = []
_left_behind: list[object] = []
_held: list[_Process] = []


def background() -> Background:
    """Return this process's thread, and start it the first time."""
    process = _process
    if process.ready is not None:
        return process.ready
    # An interrupt may come anywhere in here, and a signal handler come here again: so each step
    # may be done twice.
    process.made.append(Background())
    current = process.made[0]
    for start in _start_hooks:
        start()
    if multiprocessing.parent_process() is not None and not process.ends:
        process.ends += [Finalize(None, hook, exitpriority=0) for hook in _end_hooks]
    current.start()
    process.ready = current
    return current


def turn() -> TurnLock:
    """Return the lock to hold on the background thread during what a fork must not copy half done.

    No other thread may take it.
    """
    return _process.turn


def at_start(hook: Callable[[], None]) -> None:
    """Have something called before the background thread starts (or again, after an interrupt).

    It is the place to start other threads: at the end of a process none can be started any more.
    """
    _start_hooks.append(hook)


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


def _before_fork() -> None:
    if _process.ready is None or _process.ready.here():
        return
    _process.turn.__enter__()
    _held.append(_process)


def _after_fork() -> None:
    while _held:
        _held.pop().turn.leave()


def _forked() -> None:
    global _process
    # Kept, not closed: what the loop watches (epoll) is shared with the parent.
    _left_behind.append(_process)
    _held.clear()
    _process = _Process()
    for hook in _fork_hooks:
        hook()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_forked)
