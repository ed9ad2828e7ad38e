"""Interrupts a call at one line after the other of our own modules."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import driftdb_jupyter

__all__ = ["Interrupt", "count_lines", "interrupted_at"]

OURS = str(Path(driftdb_jupyter.__file__).parent)


class Interrupt(KeyboardInterrupt):
    """What the Stop button or Ctrl-C raises, but no other's."""


class _Tracer:
    """Counts the lines of our own modules that this thread comes to, and acts at one of them."""

    def __init__(self, at: int, act: Callable[[], None]) -> None:
        self.lines = 0
        self._at = at
        self._act = act

    def __call__(self, frame: FrameType, event: str, arg: Any) -> Any:
        if not frame.f_code.co_filename.startswith(OURS):
            return self if event == "call" else None
        if event == "line":
            self.lines += 1
            if self.lines == self._at:
                self._act()
        return self


def _raise() -> None:
    raise Interrupt


def _run(call: Callable[[], object], at: int, act: Callable[[], None]) -> tuple[int, bool]:
    tracer, interrupted = _Tracer(at, act), False
    assert threading.current_thread() is threading.main_thread()
    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        call()
    except Interrupt:
        interrupted = True
    finally:
        sys.settrace(before)
    return tracer.lines, interrupted


def count_lines(call: Callable[[], object]) -> int:
    """Return how many lines of ours a call comes to on this thread."""
    return _run(call, 0, _raise)[0]


def interrupted_at(call: Callable[[], object], line: int, act: Callable[[], None] = _raise) -> bool:
    """Raise :class:`Interrupt` (or do something else) at the n-th line of ours in a call.

    Returns False where the call ended before, or took no notice.
    """
    return _run(call, line, act)[1]
