"""The lines of an input, as values of a stream."""

from __future__ import annotations

import codecs
from typing import Protocol

import msgspec

from ..client.objects.stream.lines import LineSplitter
from ..protocol.errors import EncodingError
from .record import json_line

__all__ = ["JSONLines", "LineValues", "TextLines"]

_encode = msgspec.json.Encoder().encode


class LineValues(Protocol):
    """Makes values (JSON text) of the lines of an input that comes in pieces."""

    def split(self, piece: bytes) -> list[bytes]:
        """Return the values of the lines that end in this piece."""

    def end(self) -> list[bytes]:
        """Return the value of the last line, if it has no line end."""

    def check(self) -> None:
        """Raise :class:`EncodingError` if a line was refused; those before it were not."""


class TextLines:
    """Each line is a text, as in :class:`.StreamFile`; bytes that aren't UTF-8 become U+FFFD."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._splitter = LineSplitter()

    def split(self, piece: bytes) -> list[bytes]:
        """Return the values of the lines that end in this piece."""
        return [_encode(line) for line in self._splitter.split(self._decoder.decode(piece))]

    def end(self) -> list[bytes]:
        """Return the value of the last line, if it has no line end."""
        lines = self._splitter.split(self._decoder.decode(b"", final=True))
        return [_encode(line) for line in [*lines, *self._splitter.end()]]

    def check(self) -> None:
        """Do nothing: every line has a value."""


class JSONLines:
    """Each line is a JSON value; empty lines are left out.

    A line that isn't JSON, or longer than ``limit_bytes``, ends the input.
    """

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
