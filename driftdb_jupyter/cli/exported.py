"""Exported rooms, one behind the other, as a file or pipe has them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from ..rooms.dump import HEAD_LIMIT_BYTES, Head, read_head
from .status import FileFailed

__all__ = ["ExportedRooms"]

_PIECE_BYTES = 64 * 1024


class ExportedRooms:
    """Reads what ``driftdb export`` has written; ``name``: what the source is called in errors.

    A room is to be read to its end before the next is asked for. Those who wrote a file by hand
    needn't say how many lines it has: then all that follows is of one room. Empty lines before a
    room and behind the last one are left out.
    """

    def __init__(self, source: BinaryIO, name: str) -> None:
        self._source = source
        self._name = name
        self._ahead = b""

    @property
    def has_more(self) -> bool:
        """Whether another room follows; waits for what is written next, or the end."""
        while True:
            self._ahead = self._ahead.lstrip()
            if self._ahead:
                return True
            self._ahead = self._read()
            if not self._ahead:
                return False

    def next_room(self) -> tuple[Head, Iterator[bytes]]:
        """Return the first line of the next room, and all its lines in pieces of any length.

        Raises as :func:`~..rooms.dump.read_head`, and :class:`.FileFailed`.
        """
        begun = self._ahead if self.has_more else b""
        while b"\n" not in begun and len(begun) <= HEAD_LIMIT_BYTES:
            piece = self._read()
            if not piece:
                break
            begun += piece
        line, end, self._ahead = begun.partition(b"\n")
        head = read_head(line + end)
        return head, self._pieces(line + end, head.lines)

    def _pieces(self, first: bytes, lines: int | None) -> Iterator[bytes]:
        yield first
        while lines is None or lines > 0:
            piece = self._ahead or self._read()
            self._ahead = b""
            if not piece:
                return
            count = piece.count(b"\n")
            if lines is not None and count >= lines:
                end = 0
                for _ in range(lines):
                    end = piece.index(b"\n", end) + 1
                piece, self._ahead = piece[:end], piece[end:]
                count = lines
            if lines is not None:
                lines -= count
            yield piece

    def _read(self) -> bytes:
        try:
            return self._source.read(_PIECE_BYTES)
        except OSError as error:
            raise FileFailed(f"can't read {self._name}: {error.strerror}") from None
