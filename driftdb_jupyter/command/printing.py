"""What a command prints, where nobody may take it."""

from __future__ import annotations

import os
import sys
from typing import NoReturn, TextIO

import click

from .failure import FAILED, Failure

__all__ = ["flush", "print_line", "say", "silence", "write"]


def write(data: bytes) -> None:
    """Print bytes.

    Raises :class:`.Failure` if the standard output takes no more, as on a full disk, and
    :class:`BrokenPipeError` if nobody reads it any more.
    """
    try:
        sys.stdout.buffer.write(data)
    except OSError as error:
        _explain(error)


def flush() -> None:
    """Show what was printed; raises as :func:`write` does."""
    try:
        sys.stdout.buffer.flush()
    except OSError as error:
        _explain(error)


def print_line(text: str) -> None:
    """Print text, a line's end, and show it; raises as :func:`write` does."""
    write(text.encode(errors="replace") + b"\n")
    flush()


def say(message: str, *, command: str = "") -> None:
    """Print a message on the standard error, behind the name of the command.

    ``command`` is the one that runs where none is given. Does nothing if nobody listens.
    """
    try:
        name = command or click.get_current_context().command_path
        print(f"{name}: {message}", file=sys.stderr, flush=True)
    except OSError:
        silence(sys.stderr)


def silence(stream: TextIO) -> None:
    """Print no more there: else Python tries once more at its end, and complains."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _explain(error: OSError) -> NoReturn:
    if isinstance(error, BrokenPipeError):
        raise error
    raise Failure(f"can't write: {error.strerror or error}", FAILED) from None
