"""How far a long work has come, on the terminal of who waits for it."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator

__all__ = ["counted"]

_INTERVAL_SECONDS = 0.2


def counted(pieces: Iterable[bytes], label: str) -> Iterator[bytes]:
    """Pass pieces of a text on, and show how many lines there were, where anybody looks."""
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


def _show(label: str, lines: int, size: int) -> None:
    sys.stderr.write(f"\r{label}: {max(0, lines - 1):,} values, {size / 1e6:,.1f} MB")
    sys.stderr.flush()
