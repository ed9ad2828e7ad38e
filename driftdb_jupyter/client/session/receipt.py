"""What a write comes to, once the room has answered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from typing import TypeVar

__all__ = ["Receipt", "fail", "fulfil", "last_of"]

T = TypeVar("T")

Receipt = Future
"""A :class:`concurrent.futures.Future`: the session knows no threads, but those who wait do."""


def fulfil(receipts: Iterable[Receipt[T]], result: T) -> None:
    """Give each its result, but those that have one, or that nobody waits for."""
    for receipt in receipts:
        if not receipt.done() and receipt.set_running_or_notify_cancel():
            receipt.set_result(result)


def fail(receipts: Iterable[Receipt[T]], error: Exception) -> None:
    """Give each the error, but those that have one, or that nobody waits for."""
    for receipt in receipts:
        if not receipt.done() and receipt.set_running_or_notify_cancel():
            receipt.set_exception(error)


def last_of(receipts: Sequence[Receipt[T | None]]) -> Receipt[T | None]:
    """A receipt for all: it brings what the last one brings, or the first error of any.

    ``None``, where there are none.
    """
    together: Receipt[T | None] = Receipt()
    left = len(receipts)

    def note(receipt: Receipt[T | None]) -> None:
        nonlocal left
        left -= 1
        error = receipt.exception()
        if error is not None and not together.done():
            together.set_exception(error)
        elif not left and not together.done():
            together.set_result(receipts[-1].result())

    if not receipts:
        together.set_result(None)
    for receipt in receipts:
        receipt.add_done_callback(note)
    return together
