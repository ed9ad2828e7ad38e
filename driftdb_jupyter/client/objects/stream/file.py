"""A stream as a text file: each line that is printed is a value."""

from __future__ import annotations

import io
import threading
from typing import TYPE_CHECKING

from ...runtime.background import background
from .lines import LineSplitter

if TYPE_CHECKING:
    from .stream import Stream

__all__ = ["StreamFile"]


class StreamFile(io.TextIOBase):
    """Appends each line as a ``str`` without its end; what has no end yet waits for it.

    Lines that come quickly are sent together, within ``flush_seconds``. :meth:`flush` sends at
    once, the unfinished line too; closing does the same. A line of more than 64 KiB is cut.
    """

    def __init__(self, stream: Stream, *, flush_seconds: float) -> None:
        self._stream = stream
        self._seconds = flush_seconds
        self._lines: list[str] = []
        self._splitter = LineSplitter()
        self._due = False
        self._lock = threading.RLock()

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, text: str) -> int:
        """Take text; raises what :meth:`.Stream.append` does."""
        if self.closed:
            raise ValueError("expected a file that is open, got a closed one")
        with self._lock:
            self._lines += self._splitter.split(text)
            if len(self._lines) >= 1000:
                self._send()
            elif self._lines and not self._due:
                self._due = True
                loop = background().loop
                loop.call_soon_threadsafe(loop.call_later, self._seconds, self._send_later)
        return len(text)

    def flush(self) -> None:
        """Send what waits."""
        with self._lock:
            self._lines += self._splitter.end()
            self._send()

    def close(self) -> None:
        """Send what waits, and take no more."""
        if not self.closed:
            self.flush()
        super().close()

    def _send_later(self) -> None:
        with self._lock:
            self._due = False
            self._send()

    def _send(self) -> None:
        lines, self._lines = self._lines, []
        if lines:
            self._stream.extend(lines)
