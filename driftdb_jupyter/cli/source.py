"""The standard input of a command that passes it on."""

from __future__ import annotations

import os
import threading
import time
from queue import Empty, SimpleQueue

__all__ = ["Source"]

_PIECE_BYTES = 64 * 1024
_PIECES = 16
_TOGETHER_SECONDS = 0.02
_LOOK_SECONDS = 0.5  # a signal that comes just before a wait doesn't end it


class Source:
    """Reads a file descriptor on a thread of its own, so that what comes together is taken so.

    ``tee`` is another one, to which all is written at once. Only 1 MiB is read ahead: whoever
    writes waits for who takes.
    """

    def __init__(self, descriptor: int, *, tee: int | None = None) -> None:
        self.over = False
        """Whether all was taken."""
        self._descriptor = descriptor
        self._tee = tee
        # Both may be used in a signal handler, whatever the main thread does.
        self._pieces: SimpleQueue[bytes | None] = SimpleQueue()
        self._space = threading.Semaphore(_PIECES)
        threading.Thread(target=self._read, name="driftdb-source", daemon=True).start()

    def take(self) -> bytes:
        """Return what came, and wait for it; empty at the end."""
        pieces: list[bytes] = []
        end = None
        while not self.over and len(pieces) < _PIECES // 2:
            left = _LOOK_SECONDS if end is None else end - time.monotonic()
            if left <= 0:
                break
            try:
                piece = self._pieces.get(timeout=left)
            except Empty:
                continue
            if piece is None:
                self.over = True
            else:
                self._space.release()
                pieces.append(piece)
                end = end or time.monotonic() + _TOGETHER_SECONDS
        return b"".join(pieces)

    def end(self) -> None:
        """Take nothing more that comes from now on."""
        self._pieces.put(None)

    def drain(self) -> None:
        """Read on to the end, for the sake of the tee and of who writes."""
        while not self.over:
            self.take()

    def _read(self) -> None:
        try:
            while piece := os.read(self._descriptor, _PIECE_BYTES):
                self._pass_on(piece)
                self._space.acquire()
                self._pieces.put(piece)
        except OSError:
            pass  # a terminal that is gone has no more to say
        finally:
            self.end()

    def _pass_on(self, piece: bytes) -> None:
        rest = memoryview(piece)
        try:
            while self._tee is not None and rest:
                rest = rest[os.write(self._tee, rest) :]
        except OSError:
            self._tee = None  # nobody reads it any more, but the room does
