"""Output to a terminal, file or pipe that may take no more of it."""

from __future__ import annotations

import os
import sys
from typing import NoReturn, TextIO

import click

from .failure import FAILED, Failure

__all__ = ["flush", "print_line", "say", "silence", "write"]


def write(data: bytes) -> None:
    """Print bytes.

    Raises :class:`.Failure` if the standard output can't be written, as on a full disk, and
    :class:`BrokenPipeError` if it was closed by its reader.
    """
    try:
        sys.stdout.buffer.write(data)
    except OSError as error:
        _explain(error)


def flush() -> None:
    """Flush what was printed; raises as :func:`write` does."""
    try:
        sys.stdout.buffer.flush()
    except OSError as error:
        _explain(error)


def print_line(text: str) -> None:
    """Print a line and flush it; raises as :func:`write` does."""
    write(text.encode(errors="replace") + b"\n")
    flush()


def say(message: str, *, command: str = "") -> None:
    """Print a message on the standard error, after the name of the command.

    By default that is the running command. Does nothing if the standard error is closed.
    """
    try:
        name = command or click.get_current_context().command_path
        print(f"{name}: {message}", file=sys.stderr, flush=True)
    except OSError:
        silence(sys.stderr)


def silence(stream: TextIO) -> None:
    """Discard further output: otherwise Python tries to flush it at exit, and complains."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _explain(error: OSError) -> NoReturn:
    if isinstance(error, BrokenPipeError):
        raise error
    raise Failure(f"can't write: {error.strerror or error}", FAILED) from None
