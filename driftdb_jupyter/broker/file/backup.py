"""A copy of a journal in a file of its own, made while the journal is in use."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress

from .filesystem import sync_folder

__all__ = ["copy_database"]

_STEP_PAGES = 256


def copy_database(
    source: sqlite3.Connection,
    target: str,
    *,
    finish: Callable[[sqlite3.Connection], None] = lambda copy: None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> int:
    """Copy all that a connection sees now to a file; returns its size in bytes.

    Others may write meanwhile: what they write is not in the copy. ``target`` is for its owner
    alone, and is there whole and on the disk, or not at all: another file of that name is replaced
    at the end. ``finish`` may change the copy before. ``progress`` is called with the number of
    pages that are copied, and of all; what it raises ends the copying.

    Raises :class:`sqlite3.Error` and :class:`OSError`.
    """
    partial = target + ".new"
    with suppress(FileNotFoundError):
        os.unlink(partial)
    os.close(os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        # One moment is copied: without a transaction each commit would have it begin again.
        source.execute("BEGIN")
        try:
            source.execute("SELECT count(*) FROM sqlite_master").fetchone()
            with closing(sqlite3.connect(partial, isolation_level=None)) as copy:
                source.backup(
                    copy,
                    pages=_STEP_PAGES,
                    progress=lambda _, remaining, total: progress(total - remaining, total),
                )
                copy.execute("PRAGMA journal_mode=DELETE")  # so that it is one file
                finish(copy)
        finally:
            source.execute("ROLLBACK")
        with open(partial, "rb+") as file:
            os.fsync(file.fileno())
        size = os.path.getsize(partial)
        os.replace(partial, target)
    except BaseException:
        for left in (partial, partial + "-journal"):
            with suppress(OSError):
                os.unlink(left)
        raise
    sync_folder(os.path.dirname(os.path.abspath(target)))
    return size
