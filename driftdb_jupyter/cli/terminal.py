"""What may be shown on a terminal of what others wrote."""

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
    """Print text of a room, and a line's end; raises as :func:`.printing.write` does.

    On a terminal only colours are obeyed, whatever else the text would have it do; a pipe gets
    all as it is, in UTF-8.
    """
    if sys.stdout.isatty():
        text = _UNSAFE.sub(lambda found: found[1] or "�", text)
        if "\x1b" in text:
            text += "\x1b[0m"  # what follows has its own colour
    write(text.encode(errors="replace") + b"\n")


def check_pipe() -> None:
    """Raise :class:`BrokenPipeError` where nobody reads any more what is printed."""
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(sys.stdout, 0)
        if any(event & select.POLLERR for _, event in poll.poll(0)):
            raise BrokenPipeError


def uncoloured(text: str) -> str:
    """Text without what colours it."""
    return _COLOUR.sub("", text)


def one_line(text: str) -> str:
    """Text on one line, without what could do something to a terminal."""
    return "".join(char if char.isprintable() else "�" for char in text)
