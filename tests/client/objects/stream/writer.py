"""A text file whose lines are collected."""

from __future__ import annotations

import io

from driftdb_jupyter.client.objects.stream.lines import Lines

__all__ = ["Writer"]


class Writer(io.StringIO):
    """A file for bars; ``lines`` are those that came out of it."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self._lines = Lines()

    def write(self, text: str) -> int:
        """Take text."""
        self.lines += self._lines.split(text)
        return len(text)

    def flush(self) -> None:
        """Flush, as bars do after each refresh."""
        self.lines += self._lines.flush()

    def pause(self) -> None:
        """Let time pass in which nothing is written."""
        self.lines += self._lines.settle()
