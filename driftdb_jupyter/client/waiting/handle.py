"""The pending result of a request to the room."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, Generic, TypeVar

from ...protocol.errors import DriftDBError, TimedOut
from ..arguments import check_seconds
from ..runtime.waker import LoopWaker, wait_for
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
        why: Callable[[], DriftDBError | None],
    ) -> None:
        """``read`` makes the result of what the outcome brings; ``why``: what is in the way."""
        self._outcome = outcome
        self._read = read
        self._why = why

    def done(self) -> bool:
        """Return True if the room has answered."""
        return self._outcome.done()

    def result(self, timeout_seconds: float | None = None) -> T:
        """Wait for the room's answer, and return it.

        Raises what the room refused it with, what keeps the room from being reached, or
        :class:`~driftdb_jupyter.protocol.errors.TimedOut` when ``timeout_seconds`` are over
        (``None``: ``DRIFTDB_TIMEOUT_SECONDS``). It is on its way all the same.
        """
        if timeout_seconds is None:
            timeout_seconds = Settings.read("timeout_seconds")
        check_seconds("timeout_seconds", timeout_seconds)
        if not wait_for(self._outcome, timeout_seconds):
            raise self._late(timeout_seconds) from self._why()
        return self._read(self._outcome.result())

    def __await__(self) -> Generator[Any, None, T]:
        """Wait as :meth:`result` does without arguments, and raise the same."""
        return self._wait().__await__()

    async def _wait(self) -> T:
        seconds = Settings.read("timeout_seconds")
        outcome = self._outcome
        if not outcome.done():
            waker = LoopWaker()
            outcome.add_done_callback(waker.wake)
            await waker.wait(seconds)
            if not outcome.done():
                raise self._late(seconds) from self._why()
        return self._read(outcome.result())

    def __repr__(self) -> str:
        if not self.done():
            return "<Handle (under way)>"
        error = self._outcome.exception()
        return f"<Handle ({'done' if error is None else error!r})>"

    def _late(self, timeout_seconds: float) -> TimedOut:
        why = self._why()
        return TimedOut(
            f"the room gave no answer within {timeout_seconds:g} s"
            f"{'.' if why is None else f': {why.plain}'}",
            in_python="What was asked is still on its way; wait longer with "
            ".result(timeout_seconds).",
        )
