"""The lines of an input, as values of a stream."""

from __future__ import annotations

import codecs
from typing import Protocol

from ..client.objects.stream.lines import Lines, encode_line
from ..protocol.errors import EncodingError
from .record import json_line

__all__ = ["JSONLines", "LineValues", "TextLines"]


class LineValues(Protocol):
    """Makes values (JSON text) of the lines of an input that comes in pieces."""

    @property
    def waiting(self) -> bool:
        """Whether there are lines that :meth:`settle` would return."""

    def split(self, piece: bytes) -> list[bytes]:
        """Return the values of the lines that end in this piece."""

    def settle(self) -> list[bytes]:
        """Return the values of lines that waited for what follows them: the input pauses."""

    def end(self) -> list[bytes]:
        """Return the values of the lines that are left."""

    def check(self) -> None:
        """Raise :class:`EncodingError` if a line was refused; those before it were not."""


class TextLines:
    """Each line is a text, as in :class:`.StreamFile`; bytes that aren't UTF-8 become U+FFFD."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._lines = Lines()

    @property
    def waiting(self) -> bool:
        """Whether there are lines that :meth:`settle` would return."""
        return self._lines.waiting

    def split(self, piece: bytes) -> list[bytes]:
        """Return the values of the lines that end in this piece."""
        return [encode_line(line) for line in self._lines.split(self._decoder.decode(piece))]

    def settle(self) -> list[bytes]:
        """Return the values of the lines of bars that may be finished."""
        return [encode_line(line) for line in self._lines.settle()]

    def end(self) -> list[bytes]:
        """Return the values of the lines that are left."""
        lines = self._lines.split(self._decoder.decode(b"", final=True))
        return [encode_line(line) for line in [*lines, *self._lines.end()]]

    def check(self) -> None:
        """Do nothing: every line has a value."""


class JSONLines:
    """Each line is a JSON value; empty lines are left out.

    A line that isn't JSON, or longer than ``limit_bytes``, ends the input.
    """

    waiting = False

    def __init__(self, *, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._rest = b""
        self._number = 0
        self._wrong: EncodingError | None = None

    def split(self, piece: bytes) -> list[bytes]:
        """Return the values of the lines that end in this piece."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        values = self._values(lines)
        if self._wrong is None and len(self._rest) > self._limit_bytes:
            self._wrong = EncodingError(
                f"line {self._number + 1}: expected at most {self._limit_bytes} bytes, got more"
            )
        return values

    def settle(self) -> list[bytes]:
        """Return nothing: a line is finished when it ends."""
        return []

    def end(self) -> list[bytes]:
        """Return the value of the last line, if it has no line end."""
        return self._values([self._rest])

    def check(self) -> None:
        """Raise :class:`EncodingError` with the number of the line that ended the input."""
        if self._wrong is not None:
            raise self._wrong

    def _values(self, lines: list[bytes]) -> list[bytes]:
        values = []
        for line in lines:
            if self._wrong is not None:
                break
            self._number += 1
            try:
                if stripped := line.strip():
                    values.append(json_line(stripped.decode()))
            except ValueError as error:
                self._wrong = EncodingError(f"line {self._number}: expected JSON: {error}")
        return values
