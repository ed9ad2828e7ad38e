"""Text that others wrote, made safe for a terminal."""

from __future__ import annotations

import re
import select
import sys

from ..command.printing import flush, write

__all__ = ["check_pipe", "flush", "one_line", "put", "uncoloured", "write"]

_COLOUR = re.compile(r"(\x1b\[[0-9;:]*m)")
# All controls but tabs, line feeds and what colours text.
_UNSAFE = re.compile(_COLOUR.pattern + r"|[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def put(text: str) -> None:
    """Print text of a room and a line end; raises as :func:`.printing.write` does.

    On a terminal, colours are the only control sequences that are passed on. A pipe gets the text
    as it is, in UTF-8.
    """
    if sys.stdout.isatty():
        text = _UNSAFE.sub(lambda found: found[1] or "�", text)
        if "\x1b" in text:
            text += "\x1b[0m"  # what follows has its own colour
    write(text.encode(errors="replace") + b"\n")


def check_pipe() -> None:
    """Raise :class:`BrokenPipeError` if the reader of the standard output has closed it."""
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(sys.stdout, 0)
        if any(event & select.POLLERR for _, event in poll.poll(0)):
            raise BrokenPipeError


def uncoloured(text: str) -> str:
    """Return text without its colours."""
    return _COLOUR.sub("", text)


def one_line(text: str) -> str:
    """Return text on one line, without control characters."""
    return "".join(char if char.isprintable() else "�" for char in text)
