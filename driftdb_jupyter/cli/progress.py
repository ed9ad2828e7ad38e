"""Progress of long work, shown on a terminal."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from ..text.terminal import one_line

__all__ = ["counted", "steps", "working"]

_INTERVAL_SECONDS = 0.2
_CLEAR = "\r\033[K"


def counted(pieces: Iterable[bytes], label: str) -> Iterator[bytes]:
    """Pass on the pieces of an exported room, and count its values on a terminal."""
    if not sys.stderr.isatty():
        yield from pieces
        return
    lines = size = 0
    shown = 0.0
    try:
        for piece in pieces:
            lines += piece.count(b"\n")
            size += len(piece)
            now = time.monotonic()
            if now - shown > _INTERVAL_SECONDS:
                shown = now
                _show(label, lines, size)
            yield piece
    finally:
        _show(label, lines, size)
        sys.stderr.write("\n")


@contextmanager
def working(label: str) -> Iterator[None]:
    """Show on a terminal for how long work has been going on whose progress is unknown."""
    if not sys.stderr.isatty():
        yield
        return
    done = threading.Event()

    def show() -> None:
        began = time.monotonic()
        while not done.wait(_INTERVAL_SECONDS):
            sys.stderr.write(f"{_CLEAR}{one_line(label)}: {time.monotonic() - began:.0f} s")
            sys.stderr.flush()

    thread = threading.Thread(target=show, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        sys.stderr.write(_CLEAR)


@contextmanager
def steps(label: str) -> Iterator[Callable[[int, int], None]]:
    """Show how much of a work is done, and of how much, on a terminal."""
    from ..broker.file.progress import Progress

    bar = Progress(label)
    try:
        yield bar.show
    finally:
        bar.end()


def _show(label: str, lines: int, size: int) -> None:
    # The first line is the room's own.
    sys.stderr.write(
        f"{_CLEAR}{one_line(label)}: {max(0, lines - 1):,} values, {size / 1e6:,.1f} MB"
    )
    sys.stderr.flush()
