"""What a call returns that the room has to answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any, Generic, TypeVar

from ...protocol.errors import DriftDBError, TimedOut
from ..session.receipt import Receipt
from ..settings import Settings

__all__ = ["Handle"]

R = TypeVar("R")
T = TypeVar("T")


class Handle(Generic[T]):
    """Something that was asked of a room, and is on its way; nobody has to wait for it.

    ``handle.result()`` waits in plain code, ``await handle`` in async code.
    """

    def __init__(
        self,
        receipt: Receipt[R],
        read: Callable[[R], T],
        *,
        why: Callable[[], DriftDBError | None],
    ) -> None:
        """``read`` makes the result of what the receipt brings; ``why``: what is in the way."""
        self._receipt = receipt
        self._read = read
        self._why = why

    def done(self) -> bool:
        """Whether the room has answered."""
        return self._receipt.done()

    def result(self, timeout_seconds: float | None = None) -> T:
        """Wait for the room's answer, and return it.

        Raises what the room refused it with, what keeps the room from being reached, or
        :class:`~driftdb_jupyter.protocol.errors.TimedOut` when ``timeout_seconds`` are over
        (``None``: ``DRIFTDB_TIMEOUT_SECONDS``). It is on its way all the same.
        """
        if timeout_seconds is None:
            timeout_seconds = Settings.from_environment().timeout_seconds
        try:
            return self._read(self._receipt.result(timeout_seconds))
        except (FutureTimeoutError, TimeoutError):
            if self._receipt.done():
                raise
            raise self._late(timeout_seconds) from self._why()

    def __await__(self) -> Generator[Any, None, T]:
        """Wait as :meth:`result` does without arguments, and raise the same."""
        return self._wait().__await__()

    async def _wait(self) -> T:
        seconds = Settings.from_environment().timeout_seconds
        answer = asyncio.shield(asyncio.wrap_future(self._receipt))
        try:
            return self._read(await asyncio.wait_for(answer, seconds))
        except asyncio.TimeoutError:
            if self._receipt.done():
                raise
            raise self._late(seconds) from self._why()

    def __repr__(self) -> str:
        if not self.done():
            return "<Handle (under way)>"
        error = self._receipt.exception()
        return f"<Handle ({'done' if error is None else error!r})>"

    def _late(self, timeout_seconds: float) -> TimedOut:
        why = self._why()
        return TimedOut(
            f"the room gave no answer within {timeout_seconds:g} s"
            f"{'.' if why is None else f': {why.plain}'}",
            in_python="What was asked is still on its way; wait longer with "
            ".result(timeout_seconds).",
        )
