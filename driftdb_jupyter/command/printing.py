"""What a command prints, where it may be that nobody takes it."""

from __future__ import annotations

import os
import sys
from typing import TextIO

__all__ = ["Unprinted", "flush", "silence", "write"]


class Unprinted(Exception):
    """The standard output takes nothing more, as on a disk that is full; says why."""


def write(data: bytes) -> None:
    """Print bytes; raises :class:`Unprinted`, or :class:`BrokenPipeError` where nobody reads."""
    try:
        sys.stdout.buffer.write(data)
    except OSError as error:
        raise _explained(error) from None


def flush() -> None:
    """Have what was printed seen; raises as :func:`write` does."""
    try:
        sys.stdout.buffer.flush()
    except OSError as error:
        raise _explained(error) from None


def silence(stream: TextIO) -> None:
    """Print no more there: else Python tries once more at its end, and complains."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _explained(error: OSError) -> Exception:
    if isinstance(error, BrokenPipeError):
        return error
    return Unprinted(f"can't write: {error.strerror or error}")
