"""Output to a terminal, file or pipe that may take no more of it."""

from __future__ import annotations

import codecs
import os
import select
import sys
from collections.abc import Iterable
from typing import NoReturn, TextIO

import click

from ..text.terminal import one_line, shown
from .failure import FAILED, Failure

__all__ = ["check_pipe", "flush", "print_line", "put", "put_pieces", "say", "silence", "write"]


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


def put(text: str) -> None:
    """Print text of a room and a line end; raises as :func:`write` does.

    A terminal gets what :mod:`.terminal` lets through, a pipe or file the text as it is, in UTF-8.
    """
    if sys.stdout.isatty():
        text = shown(text, styles=_knows_styles())
    write(text.encode(errors="replace") + b"\n")


def put_pieces(pieces: Iterable[bytes]) -> None:
    """Print text of a room (UTF-8) that comes in pieces, as :func:`put` does."""
    if not sys.stdout.isatty():
        for piece in pieces:
            write(piece)
        return
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    for piece in pieces:
        write(shown(decoder.decode(piece), styles=_knows_styles()).encode(errors="replace"))


def check_pipe() -> None:
    """Raise :class:`BrokenPipeError` if the reader of the standard output has closed it."""
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(sys.stdout, 0)
        if any(event & select.POLLERR for _, event in poll.poll(0)):
            raise BrokenPipeError


def say(message: str, *, command: str = "") -> None:
    """Print a message, on one line, on the standard error, after the name of the command.

    By default that is the running command. Does nothing if the standard error is closed.
    """
    try:
        name = command or click.get_current_context().command_path
        print(f"{name}: {one_line(message)}", file=sys.stderr, flush=True)
    except OSError:
        silence(sys.stderr)


def silence(stream: TextIO) -> None:
    """Discard further output: otherwise Python tries to flush it at exit, and complains."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _knows_styles() -> bool:
    return os.environ.get("TERM") != "dumb"


def _explain(error: OSError) -> NoReturn:
    if isinstance(error, BrokenPipeError):
        raise error
    raise Failure(f"can't write: {error.strerror or error}", FAILED) from None
