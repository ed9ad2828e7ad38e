"""What a write comes to, once the room has answered."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future
from typing import TypeVar

__all__ = ["Receipt", "fail", "fulfil"]

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
