"""The journal that a command is about, and how it is opened without a server."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from ..broker.file import migration
from ..broker.file.journal import Journal, JournalUnusable
from ..broker.file.lock import FileLock
from ..broker.journaled.broker import JournalBroker
from ..protocol.errors import BadMessage, Unavailable
from ..server.hosting.hub import Hub
from ..server.http.administration import Administration, Restored
from ..server.process.control import control_path
from ..server.process.place import journal_in, jupyter_journal, jupyter_journals
from ..server.settings import DriftDB
from .status import Misuse, NoRooms
from .store import LocalStore, Steps

__all__ = ["disk_bytes", "journal_path", "local_store", "restore_file"]


def journal_path(data: str, *, new: bool = False) -> Path:
    """Return the journal that ``--data`` names: a file, or the folder of a standalone server.

    Without ``data`` it is that of the Jupyter server whose root is the current folder, where it may
    stand for rooms in Redis and not be there; else the only journal of a Jupyter server. ``new``:
    it need not exist, and its folder is made. Raises :class:`NoRooms` if there is none,
    :class:`Misuse` if there are several.
    """
    if data:
        path = Path(data).absolute()
        if new and not path.exists() and path.suffix != ".db":
            path.mkdir(parents=True)
        journal = journal_in(data) if path.is_dir() else path
        if new:
            return journal
        if not journal.exists():
            raise NoRooms(f"expected rooms in {data}, found none")
        return journal
    journal = jupyter_journal(".")
    if journal.exists() or control_path(journal).exists():
        return journal
    journals = sorted(jupyter_journals().glob("*.db"))
    if len(journals) == 1:
        return journals[0]
    if not journals:
        raise NoRooms(
            "expected a Jupyter server that keeps rooms, found none; give the folder of a "
            "standalone one with --data"
        )
    raise Misuse(
        f"expected one Jupyter server that keeps rooms, found {len(journals)}; run this in the "
        f"root folder of one, or choose a file of {jupyter_journals()} with --data"
    )


def disk_bytes(journal: Path) -> int:
    """Return the bytes that a journal takes on the disk, with those in its write-ahead log."""
    files = (journal, journal.with_name(journal.name + "-wal"))
    return sum(file.stat().st_size for file in files if file.exists())


def restore_file(source: Path, journal: Path, *, progress: Steps) -> Restored:
    """Make a journal that isn't there yet of a backup, with all that the backup knows.

    Raises :class:`BadMessage` where the backup can't be read, and :class:`Unavailable`.
    """
    try:
        backup = Journal(str(source), reading=True)
    except JournalUnusable as error:
        raise BadMessage(f"expected a backup of rooms: {error}") from None
    except (sqlite3.Error, OSError) as error:
        raise BadMessage(f"{source} can't be read: {error}") from None
    with closing(backup):
        try:
            lock = FileLock(f"{journal}.lock")
        except OSError as error:
            raise Unavailable(f"{journal} can't be made: {error}") from None
        try:
            backup.backup(str(journal), progress=progress)
        except (sqlite3.Error, OSError) as error:
            raise Unavailable(f"{journal} can't be made: {error}") from None
        finally:
            lock.release()
        return Restored(rooms=backup.count(), replaced=0, left=0)


@contextmanager
def local_store(journal: Path, settings: DriftDB) -> Iterator[LocalStore]:
    """Open the rooms of a journal that no server has open.

    Raises :class:`Unavailable` if it can't be opened.
    """
    # What becomes of a file of an older version is to be known here, too.
    logging.getLogger(migration.__name__).setLevel(logging.WARNING)
    loop = asyncio.new_event_loop()
    try:
        try:
            broker = JournalBroker(
                str(journal),
                room_limit=settings.room_limit,
                quota=settings.quota,
                window_limits=settings.window_limits,
            )
        except (JournalUnusable, sqlite3.Error, OSError) as error:
            raise Unavailable(str(error)) from None
        hub = Hub(broker, settings)
        try:
            yield LocalStore(Administration(hub), loop)
        finally:
            loop.run_until_complete(hub.stop())
    finally:
        loop.close()
