"""A lock on a file: one process has it, and it ends with that process, however that ends."""

from __future__ import annotations

import os
import sys

__all__ = ["FileLock"]

if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except PermissionError as error:
            raise BlockingIOError(*error.args) from None
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        # flock, for fcntl's own locks let a process lock a file twice, and end when it closes one.
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


class FileLock:
    """Held from the making to :meth:`release`.

    Raises :class:`BlockingIOError` where another has it, and :class:`OSError` where the file
    can't be made or locked.
    """

    def __init__(self, path: str) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _lock(self._descriptor)
        except OSError:
            os.close(self._descriptor)
            raise

    def release(self) -> None:
        """Let others have it. The file stays: removing it could let two hold a lock each."""
        os.close(self._descriptor)
