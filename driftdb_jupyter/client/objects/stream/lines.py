"""Text that comes in pieces, as the lines of a log."""

from __future__ import annotations

__all__ = ["LineSplitter"]

_LONGEST_LINE = 64 * 1024


class LineSplitter:
    """Cuts text into lines without their ends; a line of more than 64 KiB is cut in several."""

    def __init__(self) -> None:
        self._rest = ""

    def split(self, text: str) -> list[str]:
        """The lines that end in this piece; what has no end yet waits for it."""
        *lines, self._rest = (self._rest + text).split("\n")
        while len(self._rest) > _LONGEST_LINE:
            lines.append(self._rest[:_LONGEST_LINE])
            self._rest = self._rest[_LONGEST_LINE:]
        return [piece for line in lines for piece in _pieces(line)]

    def end(self) -> list[str]:
        """The last line, where it has no end."""
        rest, self._rest = self._rest, ""
        return _pieces(rest) if rest else []


def _pieces(line: str) -> list[str]:
    if "\r" in line:  # what was written over is not seen in a terminal either
        line = line.rstrip("\r").rpartition("\r")[2]
    if len(line) <= _LONGEST_LINE:
        return [line]
    return [line[start : start + _LONGEST_LINE] for start in range(0, len(line), _LONGEST_LINE)]
