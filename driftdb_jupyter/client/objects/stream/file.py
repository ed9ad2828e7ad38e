"""A stream as a text file: each line that is printed is a value."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, NoReturn

from .buffered_writer import BufferedWriter, PrintedText

if TYPE_CHECKING:
    from .stream import Stream

__all__ = ["StreamFile"]


class StreamFile(io.TextIOBase):
    """A text file for :func:`print`: each line is appended as a ``str`` without its end.

    Lines that come quickly travel together, within ``flush_seconds``. A line that has no end yet
    waits for it; :meth:`flush` sends it, unless it is being written over (a progress bar), and
    closing does in any case. A line is what a terminal would show in the end: what was written
    over is left out, colours and links stay, other control sequences are left out. Lone
    surrogates become U+FFFD. A line of more than 64 KiB is cut.

    May be used from any thread; the lines of threads that print at once stay whole.
    """

    encoding = "utf-8"
    errors = "replace"
    _closed = True  # until it is made

    def __init__(self, stream: Stream, writer: BufferedWriter, *, flush_seconds: float) -> None:
        if not flush_seconds >= 0:
            raise ValueError(f"expected flush_seconds of 0 or more, got {flush_seconds!r}")
        self._stream = stream  # so that refusals are told
        self._writer = writer
        self._seconds = flush_seconds
        self._text = PrintedText()
        self._closed = False

    @property
    def name(self) -> str:
        """The key of the stream."""
        return self._stream.key

    @property
    def closed(self) -> bool:
        """Whether it takes no more text."""
        return self._closed

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, text: str, /) -> int:
        """Take text, and return how many characters there are.

        Lines that can't be sent for now are kept, some thousand of them; then this waits while
        the server takes lines, and raises :class:`~driftdb_jupyter.protocol.errors.QueueFull` if
        there is no connection. Raises :class:`~driftdb_jupyter.protocol.errors.NotConnected` if
        the room is closed, and once, at the beginning of a line, what happened to one that was
        lost: it was too large or refused. The text was not taken then.
        """
        self._check_open()
        if not isinstance(text, str):
            raise TypeError(f"expected a str, got {type(text).__name__}")
        if text:
            self._writer.write(self._text, text, within_seconds=self._seconds)
        return len(text)

    def flush(self) -> None:
        """Send all that waits here at once; raises as :meth:`write` does.

        What can't be sent for now is kept, and sent later; the next flush raises.
        """
        self._check_open()
        self._writer.flush(self._text)

    def close(self) -> None:
        """Send all that waits, and take no more text; raises as :meth:`write` does.

        Lines that can't be sent for now are sent later, also after the error.
        """
        if not self._closed:
            self._closed = True
            self._writer.end(self._text)

    def __del__(self) -> None:
        if not self._closed:
            self._closed = True
            self._writer.end_soon(self._text)

    def __reduce__(self) -> NoReturn:
        raise TypeError("cannot pickle a StreamFile: call file() of a stream of the other process")

    def _check_open(self) -> None:
        if self._closed:
            raise ValueError("expected a file that is open, got a closed one")
