"""The outcome of a request to the room, once the room has answered."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Generic, TypeVar, cast

from ...protocol.errors import DriftDBError

__all__ = ["Receipt", "fail", "fulfil", "last_of"]

T = TypeVar("T")


class Receipt(Generic[T]):
    """The outcome of a request: a result or an error, set once.

    It knows no threads and takes no lock, so that no interrupt of a thread can leave it locked:
    it is set on one thread, and may be looked at on any. To wait for it, use
    :meth:`add_done_callback` and a :class:`~driftdb_jupyter.client.runtime.waker.Waker`, or a
    :class:`~driftdb_jupyter.client.waiting.handle.Handle`.
    """

    __slots__ = ("__weakref__", "_callbacks", "_outcome")

    writes = 1
    """How many writes it stands for."""

    def __init__(self) -> None:
        self._outcome: tuple[T | None, BaseException | None] | None = None
        self._callbacks: deque[Callable[[Receipt[T]], object]] = deque()

    def done(self) -> bool:
        """Return True if there is a result or an error."""
        return self._outcome is not None

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

    def add_done_callback(self, callback: Callable[[Receipt[T]], object]) -> None:
        """Call ``callback(receipt)`` once it is set (on the thread that sets it), or now."""
        self._callbacks.append(callback)
        if self._outcome is not None:
            self._call_back()

    def set_result(self, result: T) -> None:
        """Set the result, unless it is set already."""
        self._set((result, None))

    def set_exception(self, error: BaseException) -> None:
        """Set the error, unless it is set already."""
        self._set((None, error))

    def _set(self, outcome: tuple[T | None, BaseException | None]) -> None:
        if self._outcome is None:
            self._outcome = outcome
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
        if self._outcome is None:
            raise TimeoutError("expected a receipt with an outcome, got one without")
        return self._outcome


def fulfil(receipts: Iterable[Receipt[T]], result: T) -> None:
    """Give each its result."""
    for receipt in receipts:
        receipt.set_result(result)


def fail(receipts: Iterable[Receipt[T]], error: BaseException) -> None:
    """Give each the error."""
    for receipt in receipts:
        receipt.set_exception(error)


def last_of(receipts: Sequence[Receipt[T | None]]) -> Receipt[T | None]:
    """Return a receipt for all: it brings the last one's result, or the first error of any.

    ``None``, where there are none.
    """
    if len(receipts) == 1:
        return receipts[0]
    together: Receipt[T | None] = Receipt()
    left = set(range(len(receipts)))

    def note(number: int, receipt: Receipt[T | None]) -> None:
        left.discard(number)
        error = receipt.exception()
        if error is not None:
            together.set_exception(error)
        elif not left:
            together.set_result(receipts[-1].result())

    if not receipts:
        together.set_result(None)
    for number, receipt in enumerate(receipts):
        receipt.add_done_callback(lambda receipt, number=number: note(number, receipt))  # type: ignore[misc]
    return together
