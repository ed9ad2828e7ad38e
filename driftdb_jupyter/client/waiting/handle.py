"""The pending result of a request to the room."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from functools import partial
from typing import Any, Generic, TypeVar

from ...protocol.errors import DriftDBError, TimedOut
from ..arguments import check_seconds
from ..connection.connection import Connection
from ..runtime.waker import LoopWaker, Waker
from ..session.outcome import Outcome
from ..settings import Settings

__all__ = ["Handle"]

R = TypeVar("R")
T = TypeVar("T")


class Handle(Generic[T]):
    """The pending result of a request to the room.

    ``handle.result()`` waits for it in plain code, ``await handle`` in async code. Ignoring it is
    fine: the request is on its way all the same.
    """

    def __init__(
        self,
        outcome: Outcome[R],
        read: Callable[[R], T],
        *,
        connection: Connection,
    ) -> None:
        """``read`` makes the result of what the outcome brings, which comes by ``connection``."""
        self._outcome = outcome
        self._read = read
        self._connection = connection

    def done(self) -> bool:
        """Return True if the room has answered."""
        return self._outcome.done()

    def result(self, timeout_seconds: float | None = None) -> T:
        """Wait for the room's answer, and return it.

        Raises what the room refused it with, at once what stopped the connection, or
        :class:`~driftdb_jupyter.protocol.errors.TimedOut` when ``timeout_seconds`` are over
        (``None``: ``DRIFTDB_TIMEOUT_SECONDS``). It is sent all the same, as soon as it can be.
        """
        if timeout_seconds is None:
            timeout_seconds = Settings.read("timeout_seconds")
        check_seconds("timeout_seconds", timeout_seconds)
        outcome = self._outcome
        if not outcome.done():
            waker = Waker()
            end = time.monotonic() + timeout_seconds
            outcome.add_done_callback(waker.wake)
            look = partial(self._wake_if_stopped, waker.wake)
            try:
                self._connection.wakers.add(look)
                while not self._decided():
                    left = end - time.monotonic()
                    if left <= 0:
                        raise self._late(timeout_seconds) from self._obstacle()
                    waker.wait(left)
            finally:
                self._connection.wakers.discard(look)
        return self._read(outcome.result())

    def __await__(self) -> Generator[Any, None, T]:
        """Wait as :meth:`result` does without arguments, and raise the same."""
        return self._wait().__await__()

    async def _wait(self) -> T:
        seconds = Settings.read("timeout_seconds")
        outcome = self._outcome
        if not outcome.done():
            waker = LoopWaker()
            end = time.monotonic() + seconds
            outcome.add_done_callback(waker.wake)
            look = partial(self._wake_if_stopped, waker.wake)
            try:
                self._connection.wakers.add(look)
                while not self._decided():
                    if not await waker.wait(end - time.monotonic()) and not self._decided():
                        raise self._late(seconds) from self._obstacle()
            finally:
                self._connection.wakers.discard(look)
        return self._read(outcome.result())

    def __repr__(self) -> str:
        if not self.done():
            return "<Handle (under way)>"
        error = self._outcome.exception()
        return f"<Handle ({'done' if error is None else error!r})>"

    def _wake_if_stopped(self, wake: Callable[[], object]) -> None:
        # Others' changes wake no one who waits for this answer.
        if self._connection.stopped is not None:
            wake()

    def _decided(self) -> bool:
        """Return True if the answer is there; raises what stopped the connection."""
        if self._outcome.done():
            return True
        reason = self._connection.stopped
        if reason is not None and not self._outcome.done():
            raise reason
        return self._outcome.done()

    def _obstacle(self) -> DriftDBError | None:
        return self._connection.error or self._connection.held

    def _late(self, timeout_seconds: float) -> TimedOut:
        why = self._obstacle()
        return TimedOut(
            f"the room gave no answer within {timeout_seconds:g} s"
            f"{'.' if why is None else f': {why.plain}'}",
            in_python="What was asked is still on its way; wait longer with "
            ".result(timeout_seconds).",
        )
