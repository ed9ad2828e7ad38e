"""The outcome of a request to the room, once the room has answered."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Generic, TypeVar, cast

from ...protocol.errors import DriftDBError

__all__ = ["Outcome", "fail", "fulfil", "last_of"]

T = TypeVar("T")


class Outcome(Generic[T]):
    """The outcome of a request: a result or an error, set once.

    It knows no threads and takes no lock, so that no interrupt of a thread can leave it locked:
    it is set on one thread, and may be looked at on any. To wait for it, use
    :meth:`add_done_callback` and a :class:`~driftdb_jupyter.client.runtime.waker.Waker`, or a
    :class:`~driftdb_jupyter.client.waiting.handle.Handle`.
    """

    __slots__ = ("__weakref__", "_callbacks", "_settled")

    writes = 1
    """How many writes it stands for."""

    def __init__(self) -> None:
        self._settled: tuple[T | None, BaseException | None] | None = None
        self._callbacks: deque[Callable[[Outcome[T]], object]] = deque()

    def done(self) -> bool:
        """Return True if there is a result or an error."""
        return self._settled is not None

    def result(self) -> T:
        """Return the result, or raise the error; :class:`TimeoutError` while there is neither."""
        result, error = self._known()
        if isinstance(error, DriftDBError):
            # The frames of the thread that set it tell whoever reads the traceback nothing.
            raise error.with_traceback(None)
        if error is not None:
            raise error
        return cast("T", result)

    def exception(self) -> BaseException | None:
        """Return the error, ``None`` if there is a result."""
        return self._known()[1]

    def add_done_callback(self, callback: Callable[[Outcome[T]], object]) -> None:
        """Call ``callback(outcome)`` once it is set (on the thread that sets it), or now."""
        self._callbacks.append(callback)
        if self._settled is not None:
            self._call_back()

    def set_result(self, result: T) -> None:
        """Set the result, unless it is set already."""
        self._set((result, None))

    def set_exception(self, error: BaseException) -> None:
        """Set the error, unless it is set already."""
        self._set((None, error))

    def _set(self, settled: tuple[T | None, BaseException | None]) -> None:
        if self._settled is None:
            self._settled = settled
            self._call_back()

    def _call_back(self) -> None:
        callbacks = self._callbacks
        while callbacks:
            try:
                callback = callbacks.popleft()
            except IndexError:  # another thread was faster
                return
            callback(self)

    def _known(self) -> tuple[T | None, BaseException | None]:
        if self._settled is None:
            raise TimeoutError("there is neither a result nor an error yet")
        return self._settled


def fulfil(outcomes: Iterable[Outcome[T]], result: T) -> None:
    """Give each its result."""
    for outcome in outcomes:
        outcome.set_result(result)


def fail(outcomes: Iterable[Outcome[T]], error: BaseException) -> None:
    """Give each the error."""
    for outcome in outcomes:
        outcome.set_exception(error)


def last_of(outcomes: Sequence[Outcome[T | None]]) -> Outcome[T | None]:
    """Return an outcome for all: it brings the last one's result, or the first error of any.

    ``None``, where there are none.
    """
    if len(outcomes) == 1:
        return outcomes[0]
    together: Outcome[T | None] = Outcome()
    left = set(range(len(outcomes)))

    def note(number: int, outcome: Outcome[T | None]) -> None:
        left.discard(number)
        error = outcome.exception()
        if error is not None:
            together.set_exception(error)
        elif not left:
            together.set_result(outcomes[-1].result())

    if not outcomes:
        together.set_result(None)
    for number, outcome in enumerate(outcomes):
        outcome.add_done_callback(lambda outcome, number=number: note(number, outcome))  # type: ignore[misc]
    return together
