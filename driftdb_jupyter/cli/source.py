"""The standard input of a command that passes it on."""

from __future__ import annotations

import errno
import os
import select
import threading

__all__ = ["Source"]

_PIECE_BYTES = 64 * 1024
_AHEAD_BYTES = 1024 * 1024
_TOGETHER_SECONDS = 0.02
_LOOK_SECONDS = 0.2


class Source:
    """Reads a file descriptor on a thread of its own, so that lines that come together stay so.

    ``tee`` is a second descriptor, to which everything is written at once. About 1 MiB is read
    ahead; then the program that writes has to wait. ``error`` is why reading ended before the end
    of the input, and ``tee_error`` why the copy ended early, unless its reader closed it.
    """

    def __init__(self, descriptor: int, *, tee: int | None = None) -> None:
        self._descriptor = descriptor
        self._terminal = os.isatty(descriptor)  # a terminal that is gone doesn't say so any more
        self._tee = tee
        self._read_ahead = bytearray()
        self._ended = False
        self.error: OSError | None = None
        self.tee_error: OSError | None = None
        self._changed = threading.Condition()
        threading.Thread(target=self._read, name="driftdb-source", daemon=True).start()

    @property
    def over(self) -> bool:
        """Whether everything was taken."""
        return self._ended and not self._read_ahead

    def wait(self, seconds: float) -> bool:
        """Wait for input or its end, so long at most, and return whether either came."""
        with self._changed:
            return self._changed.wait_for(self._has_more, seconds)

    def take(self) -> bytes:
        """Wait for input and return it; empty at the end."""
        with self._changed:
            # With a timeout: a signal handler calls end() and can't notify.
            while not self._changed.wait_for(self._has_more, _LOOK_SECONDS):
                pass
            self._changed.wait_for(
                lambda: self._ended or len(self._read_ahead) > _AHEAD_BYTES // 2, _TOGETHER_SECONDS
            )
            taken, self._read_ahead = bytes(self._read_ahead), bytearray()
            self._changed.notify_all()
        return taken

    def end(self) -> None:
        """Stop reading; what was read already can still be taken. Safe in a signal handler."""
        self._ended = True

    def drain(self) -> None:
        """Read to the end, for the tee and for the program that writes."""
        while not self.over:
            self.take()

    def _has_more(self) -> bool:
        return self._ended or bool(self._read_ahead)

    def _read(self) -> None:
        try:
            while piece := self._read_piece():
                self._pass_on(piece)
                with self._changed:
                    self._changed.wait_for(lambda: len(self._read_ahead) < _AHEAD_BYTES)
                    if self._ended:
                        return
                    self._read_ahead += piece
                    self._changed.notify_all()
        except OSError as error:
            if not (self._terminal and error.errno == errno.EIO):  # it is gone: an end
                self.error = error
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _pass_on(self, piece: bytes) -> None:
        rest = memoryview(piece)
        try:
            while self._tee is not None and rest:
                rest = rest[self._write_piece(self._tee, rest) :]
        except OSError as error:
            self._tee = None  # the room reads it all the same
            if not isinstance(error, BrokenPipeError):
                self.tee_error = error

    # Another process may have made the same file non-blocking.

    def _read_piece(self) -> bytes:
        while True:
            try:
                return os.read(self._descriptor, _PIECE_BYTES)
            except BlockingIOError:
                select.select([self._descriptor], [], [])

    def _write_piece(self, tee: int, piece: memoryview) -> int:
        while True:
            try:
                return os.write(tee, piece)
            except BlockingIOError:
                select.select([], [tee], [])
