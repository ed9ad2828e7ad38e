"""An event loop that somebody else turns, with a clock and a disk that somebody else moves."""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor, Future
from typing import Any, TypeVar

__all__ = ["Inline", "SteppedLoop"]

T = TypeVar("T")


class Inline(Executor):
    """In place of a thread: what is submitted is done at once."""

    def __init__(self, *arguments: object, **options: object) -> None:
        pass

    def submit(self, work: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        future: Future[T] = Future()
        future.set_result(work(*args, **kwargs))
        return future


class _Job:
    """Work for a thread: begun, done, and then heard of."""

    def __init__(self, work: Callable[[], Any], future: asyncio.Future[Any]) -> None:
        self.done = False
        self._work = work
        self._future = future
        self._tell: Callable[[], None] | None = None

    def do(self) -> None:
        self.done = True
        try:
            result = self._work()
        except Exception as error:
            self._outcome: Any = error
        else:
            self._outcome = (result,)

    def tell(self) -> None:
        if isinstance(self._outcome, Exception):
            self._future.set_exception(self._outcome)
        else:
            self._future.set_result(*self._outcome)


class SteppedLoop:
    """Just as much of a loop as a broker needs.

    ``itself``: the same, as far as asyncio knows. What was given to threads waits in a queue, and
    is done one by one in :meth:`step`.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.itself: Any = self  # a loop, as far as those know who ask
        self._clock = clock
        self._ahead = 0.0
        self._ready: deque[asyncio.Handle] = deque()
        self._timers: list[asyncio.TimerHandle] = []
        self._jobs: deque[_Job] = deque()

    def step(self) -> None:
        """Do one thing: turn; or let a thread do its oldest work; or hear that it was done."""
        if not self._jobs:
            self.turn()
        elif not self._jobs[0].done:
            self._jobs[0].do()
        else:
            self._jobs.popleft().tell()
            self.turn()

    def run(self) -> None:
        """Be the running loop, until :meth:`forsake`."""
        asyncio._set_running_loop(self.itself)

    def forsake(self) -> None:
        """Be the running loop no more."""
        self.forget()
        asyncio._set_running_loop(None)

    def turn(self) -> None:
        """Do all that can be done now."""
        while self._timers and self._timers[0].when() <= self.time():
            self._ready.append(heapq.heappop(self._timers))
        while self._ready:
            handle = self._ready.popleft()
            if not handle.cancelled():
                handle._run()

    def complete(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Do what is to be done until a coroutine has ended; if it waits for time, that passes."""
        task = self.create_task(coroutine)
        self.turn()
        while not task.done():
            if not self._jobs and self._timers:
                self._ahead += max(0.0, self._timers[0].when() - self.time())
            self.step()
        result: T = task.result()
        return result

    def forget(self) -> None:
        """End, as a process that is killed: nothing of what was to be done is done."""
        self._ready.clear()
        self._timers.clear()
        self._jobs.clear()

    def time(self) -> float:
        return self._clock() + self._ahead

    def call_soon(self, callback: Any, *args: Any, context: Any = None) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self.itself, context)
        self._ready.append(handle)
        return handle

    def call_at(
        self, when: float, callback: Any, *args: Any, context: Any = None
    ) -> asyncio.TimerHandle:
        timer = asyncio.TimerHandle(when, callback, args, self.itself, context)
        heapq.heappush(self._timers, timer)
        return timer

    def call_later(
        self, delay: float, callback: Any, *args: Any, context: Any = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self.itself)

    def create_task(self, coro: Any, **options: Any) -> asyncio.Task[Any]:
        return asyncio.Task(coro, loop=self.itself, **options)

    def run_in_executor(
        self, executor: Any, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        future: asyncio.Future[T] = self.create_future()
        self._jobs.append(_Job(lambda: func(*args), future))
        return future

    def get_debug(self) -> bool:
        return False

    def call_exception_handler(self, context: Any) -> None:
        # A process that is killed leaves tasks that never end.
        if context["message"] != "Task was destroyed but it is pending!":
            raise AssertionError(context)

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        pass
