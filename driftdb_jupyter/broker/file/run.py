"""Runs: whether the numbers in a journal's file are the newest that were ever given.

A file can be put back to what it was: from a copy, with its whole folder, or with the disk under
it. Then numbers would be given twice, and a client that knows the first ones would miss the second
ones without a word. So the file, and what a copy of it doesn't have, have to agree:

- The row in ``run`` has a random ``token``, a new one at each start and each clean end. So have two
  small files, one beside the journal and one of this user outside of its folder (a *witness*
  each). In ``synced`` the row and the witnesses count the commits of the run, too, because then the
  file is good after a crash, but a copy of a moment before is not.
- The lock's file is written anew with each token. The row has its inode number and the time of its
  last change, which nobody can set: a copy has others, and so has what is put back in its place.
- ``mode`` is what the server that has the file writes with, empty after a clean end, and ``copy``
  in what ``driftdb backup`` made. After a crash in ``batched`` what was given may not be in the
  file. In ``synced`` it is, but where the machine was started anew meanwhile (``boot``), that may
  have been from an older state of its whole disk.

Where anything disagrees, the file gets a new ``era``, the part of all its rooms' epochs that
changes. Each order of the steps below is such that an end in the middle costs an era, and never
keeps one wrongly. What can't be told: a machine that is put back as a whole, its memory too, and a
disk that is put back to a moment after a clean end together with the second witness.
"""

from __future__ import annotations

import os
import sqlite3
import sys
from contextlib import suppress
from secrets import token_hex

from platformdirs import user_state_dir

from .filesystem import open_private
from .lock import FileLock

__all__ = ["Run", "Witness", "boot_id"]


if hasattr(os, "pwrite"):

    def _put(descriptor: int, content: bytes) -> None:
        os.pwrite(descriptor, content, 0)
else:  # Windows

    def _put(descriptor: int, content: bytes) -> None:
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.write(descriptor, content)


class Witness:
    """A small file that tells the newest run of a journal, and how many commits it made."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._descriptor = -1
        self._token = b""

    def read(self) -> tuple[str, int] | None:
        """Return the token and the count; ``None`` if the file is missing or says neither."""
        try:
            with open(open_private(self._path, os.O_RDONLY), "rb") as file:
                token, count = file.read(1000).split()
                return token.decode(), int(count)
        except (OSError, ValueError):
            return None

    def begin(self, token: str) -> None:
        """Tell of another run, which has made no commit; raises :class:`OSError`."""
        self.close()
        self._descriptor = open_private(self._path, os.O_RDWR | os.O_CREAT)
        self._token = token.encode()
        self.count(0)

    def count(self, commits: int) -> None:
        """Tell how many commits the run has made; not on the disk for certain."""
        if self._descriptor >= 0:
            _put(self._descriptor, b"%b %020d\n" % (self._token, commits))

    def close(self) -> None:
        """Let go of the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class Run:
    """The runs of the server that has a journal, from when it has it.

    ``path``: the journal's; ``lock``: it is held. Raises :class:`sqlite3.Error`.
    """

    def __init__(self, connection: sqlite3.Connection, path: str, lock: FileLock) -> None:
        self._connection = connection
        self._lock = lock
        self._beside = Witness(path + ".run")
        row = connection.execute("SELECT journal, era FROM run").fetchone()
        self._journal: str
        self.era: str
        self._journal, self.era = row
        self._outside = Witness(os.path.join(_state_folder(), self._journal))
        self._commits = 0
        if self._is_copy():
            # Of its own from now on: the other may be in use, too.
            self._journal = token_hex(16)
            self._outside = Witness(os.path.join(_state_folder(), self._journal))
            self.era = token_hex(8)
        elif not self._went_on():
            self.era = token_hex(8)

    def _is_copy(self) -> bool:
        """Return True if the file, or its lock's, isn't the one that the last server had."""
        token, beside = self._connection.execute("SELECT token, beside FROM run").fetchone()
        return bool(token) and beside != self._lock.identity

    def _went_on(self) -> bool:
        """Return True if all numbers that were given are in the file."""
        mode, token, boot, commits = self._connection.execute(
            "SELECT mode, token, boot, commits FROM run"
        ).fetchone()
        if mode not in ("", "synced"):
            return False
        said = self._beside.read()
        if not token:  # it is new, or of version 1, and no server of this version had it
            return said is None
        if mode == "synced" and (not boot or boot != boot_id()):
            return False
        if said is None:
            return False
        return all(
            told is None or (told[0] == token and told[1] <= commits)
            for told in (said, self._outside.read())
        )

    def begin(self, mode: str) -> None:
        """Note that a server runs on the file, on the disk for certain.

        Raises :class:`sqlite3.Error` and :class:`OSError`; then it may be called again.
        """
        # Nothing beside the file changes while the file itself can't be written.
        self._connection.execute("UPDATE run SET commits = commits + 1")
        self._note(mode, boot_id())

    def end(self) -> None:
        """Note that all that was given is in the file."""
        self._note("", "")

    def _note(self, mode: str, boot: str) -> None:
        token = token_hex(16)
        self._beside.begin(token)
        with suppress(OSError):  # such a folder can't be everywhere
            os.makedirs(_state_folder(), mode=0o700, exist_ok=True)
            self._outside.begin(token)
        self._commits = 0
        synchronous = self._connection.execute("PRAGMA synchronous").fetchone()[0]
        self._connection.execute("PRAGMA synchronous=FULL")
        try:
            self._connection.execute(
                "UPDATE run SET journal = ?, era = ?, token = ?, mode = ?, boot = ?, beside = ?,"
                " commits = 0",
                [self._journal, self.era, token, mode, boot, self._lock.renew(token)],
            )
        finally:
            self._connection.execute(f"PRAGMA synchronous={synchronous}")

    def counting(self) -> None:
        """Count a commit, as a part of it."""
        self._connection.execute("UPDATE run SET commits = ?", [self._commits + 1])

    def counted(self) -> None:
        """Note that the commit that was counted is done."""
        self._commits += 1
        for witness in (self._beside, self._outside):
            with suppress(OSError):  # it tells of less than there is: that is no harm
                witness.count(self._commits)

    def close(self) -> None:
        """Let go of the witnesses."""
        self._beside.close()
        self._outside.close()


def boot_id() -> str:
    """Return an id that changes each time this machine is started; empty where nobody can say."""
    if sys.platform == "linux":
        with suppress(OSError), open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    if sys.platform == "darwin":
        return _sysctl(b"kern.bootsessionuuid")
    return ""


def _sysctl(name: bytes) -> str:
    import ctypes

    text, size = ctypes.create_string_buffer(64), ctypes.c_size_t(64)
    if ctypes.CDLL(None).sysctlbyname(name, text, ctypes.byref(size), None, 0):
        return ""
    return text.value.decode()


def _state_folder() -> str:
    return user_state_dir("driftdb-jupyter", appauthor=False)
