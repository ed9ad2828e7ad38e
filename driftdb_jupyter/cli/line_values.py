"""The lines of an input, as values of a stream."""

from __future__ import annotations

import codecs
from typing import Protocol

import msgspec

from ..client.line_splitter import LineSplitter
from ..protocol.errors import EncodingError
from .record import json_line

__all__ = ["JSONLines", "LineValues", "TextLines"]

_encode = msgspec.json.Encoder().encode


class LineValues(Protocol):
    """Makes values, as JSON text, of an input that comes in pieces."""

    def split(self, piece: bytes) -> list[bytes]:
        """The values of the lines that end in this piece."""

    def end(self) -> list[bytes]:
        """The value of the last line, where it has no end."""


class TextLines:
    """Each line is a text, as :class:`.StreamFile` has it; what is no UTF-8 becomes U+FFFD."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._splitter = LineSplitter()

    def split(self, piece: bytes) -> list[bytes]:
        """The values of the lines that end in this piece."""
        return [_encode(line) for line in self._splitter.split(self._decoder.decode(piece))]

    def end(self) -> list[bytes]:
        """The value of the last line, where it has no end."""
        lines = self._splitter.split(self._decoder.decode(b"", final=True))
        return [_encode(line) for line in [*lines, *self._splitter.end()]]


class JSONLines:
    """Each line is a JSON value; empty lines are none.

    Raises :class:`~driftdb_jupyter.protocol.errors.EncodingError` with the number of a line that
    is something else, and for one of more than ``limit_bytes``.
    """

    def __init__(self, *, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._rest = b""
        self._number = 0

    def split(self, piece: bytes) -> list[bytes]:
        """The values of the lines that end in this piece."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        values = [value for line in lines if (value := self._value(line))]
        if len(self._rest) > self._limit_bytes:
            raise EncodingError(
                f"line {self._number + 1}: expected at most {self._limit_bytes} bytes, got more"
            )
        return values

    def end(self) -> list[bytes]:
        """The value of the last line, where it has no end."""
        value = self._value(self._rest)
        return [value] if value else []

    def _value(self, line: bytes) -> bytes:
        self._number += 1
        if not (line := line.strip()):
            return b""
        try:
            return json_line(line.decode())
        except ValueError as error:
            raise EncodingError(f"line {self._number}: expected JSON: {error}") from None
