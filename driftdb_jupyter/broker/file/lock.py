"""A lock on a file: one process has it, and it ends with that process, however that ends."""

from __future__ import annotations

import os
import sys

from .filesystem import open_private

__all__ = ["FileLock", "is_locked"]

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
        # flock, because fcntl's own locks let a process lock a file twice, and end when it closes
        # one.
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


class FileLock:
    """Held from the making to :meth:`release`.

    ``identity``: which file it is, and when it was last changed. Raises :class:`BlockingIOError`
    where another has it, and :class:`OSError` where the file can't be made or locked.
    """

    def __init__(self, path: str) -> None:
        self._descriptor = open_private(path, os.O_RDWR | os.O_CREAT)
        try:
            _lock(self._descriptor)
            self.identity = _identity(self._descriptor)
        except OSError:
            os.close(self._descriptor)
            raise

    def renew(self, content: str) -> str:
        """Write another content, of the same length as ever; returns the new identity."""
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        os.write(self._descriptor, content.encode())
        os.fsync(self._descriptor)  # some file systems have the time of the change only then
        self.identity = _identity(self._descriptor)
        return self.identity

    def release(self) -> None:
        """Let others have it. The file stays: removing it could let two hold a lock each."""
        os.close(self._descriptor)


def is_locked(path: str) -> bool:
    """Return True if a process has the lock; raises :class:`OSError` where that can't be known."""
    if not os.path.exists(path):
        return False
    try:
        FileLock(path).release()
    except BlockingIOError:
        return True
    return False


def _identity(descriptor: int) -> str:
    # Not the device: its number may be another one after each start of the machine.
    found = os.fstat(descriptor)
    return f"{found.st_ino}:{found.st_ctime_ns}"
