"""The journal: rooms in one SQLite file. Plain calls that wait for the disk, from one thread.

The tables are described in :mod:`.schema`.
"""

from __future__ import annotations

import os
import sqlite3
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from itertools import chain
from typing import Any, Literal, TypeAlias
from urllib.parse import quote

from msgspec import Struct, field

from ...access.room_access import RoomAccess
from ...protocol.entry import Author, Entry
from ...protocol.value import Value
from ...rooms.memory_cost import (
    AUTHOR_COST_BYTES,
    KEY_COST_BYTES,
    ROOM_COST_BYTES,
    VALUE_COST_BYTES,
)
from ...rooms.producer import Producer
from ...rooms.quota import Quota
from ...rooms.room import Room
from ...rooms.window import WindowLimits
from .backup import copy_database
from .batch import Batch, Row
from .bulk_read import read_authors, read_entries, read_producers
from .filesystem import (
    FileWatch,
    about_folder,
    is_remote,
    make_private,
    no_file,
    open_private,
    sync_folder,
)
from .lock import FileLock
from .migration import MigrationFailed, migrate_from_1, migrate_from_2
from .run import Run
from .schema import VERSION, WrongSchema, create, version_of

__all__ = ["Journal", "JournalUnusable", "Loaded", "Mode", "ProducerRow"]

Mode: TypeAlias = 'Literal["batched", "synced"]'

# What is beside the file, or may be.
_SUFFIXES = ("", "-wal", "-shm", "-journal", ".lock", ".run")
_SWEEP_ROWS = 5_000
_STOP_STEPS = 100_000  # of SQLite's machine: a few milliseconds
_WAL_LIMIT_BYTES = 64 * 1024 * 1024
# How many rows one statement takes, where there are so many. A statement lets go of the
# interpreter's lock and has to get it back, which a busy loop makes slow: so, few statements.
_CHUNKS = (64, 32, 16, 8, 4, 2, 1)
# How long their values may be together. A connection has each statement ready for the next time,
# and a statement keeps a copy of what it was given last.
_CHUNK_BYTES = 256 * 1024

# A row that others refer to is changed in place: REPLACE would remove it first.
_DELETED = "UPDATE rooms SET name = NULL WHERE name IN (VALUES {rows})"
_CREATED = "INSERT INTO rooms VALUES {rows} ON CONFLICT (name) DO NOTHING"
# Without the name: what comes too late for a deleted room doesn't bring it back.
_ROOMS = (
    "INSERT INTO rooms (id, epoch, seq, relay, ceiling, keys, bytes, used_at) VALUES {rows}"
    " ON CONFLICT (id) DO UPDATE SET seq = excluded.seq, relay = excluded.relay,"
    " ceiling = excluded.ceiling, keys = excluded.keys, bytes = excluded.bytes,"
    " used_at = excluded.used_at"
)
_AUTHORS = (
    "INSERT INTO authors VALUES {rows} ON CONFLICT (room, id) DO UPDATE SET"
    " client = excluded.client, user = excluded.user"
)
_PRODUCERS = (
    "INSERT INTO producers VALUES {rows} ON CONFLICT (id) DO UPDATE SET"
    " forgotten = excluded.forgotten, left_at = excluded.left_at"
)
_ENTRIES = "REPLACE INTO entries VALUES {rows}"
# A run may be written again, and be shorter than one of the same beginning that is there.
_IDS = (
    "INSERT INTO ids VALUES {rows} ON CONFLICT (producer, id) DO UPDATE SET"
    " seq = excluded.seq, count = max(count, excluded.count)"
)
_REMOVED = (
    "DELETE FROM entries WHERE (room, key, seq) IN (SELECT e.room, e.key, e.seq"
    " FROM (VALUES {rows}) AS gone CROSS JOIN entries AS e"
    " ON e.room = gone.column1 AND e.key = gone.column2 AND e.seq <= gone.column3)"
)
_FORGOTTEN = (
    "DELETE FROM ids WHERE (producer, id) IN (SELECT i.producer, i.id"
    " FROM (VALUES {rows}) AS gone CROSS JOIN ids AS i ON i.producer = gone.column1"
    " AND i.id <= gone.column2 AND i.id + i.count - 1 <= gone.column2)"
)
_ACCESS_REMOVED = "DELETE FROM access WHERE (room, kind, name) IN (VALUES {rows})"
_LEFT = "DELETE FROM producers WHERE id IN (VALUES {rows})"
# How the rows of a batch are written, by the name of their field: what others refer to first. And
# which column may be long, if any.
_STATEMENTS: tuple[tuple[str, str, int | None], ...] = (
    ("deleted", _DELETED, None),
    ("created", _CREATED, None),
    ("rooms", _ROOMS, None),
    ("removed", _REMOVED, None),
    ("authors", _AUTHORS, 3),
    ("entries", _ENTRIES, 4),
    ("left", _LEFT, None),
    ("producers", _PRODUCERS, None),
    ("forgotten", _FORGOTTEN, None),
    ("ids", _IDS, None),
    ("access_removed", _ACCESS_REMOVED, None),
    ("access", "REPLACE INTO access VALUES {rows}", 3),
)
# What a deleted room held, a limited number of rows at a time, and what refers to others first.
_SWEPT = (
    "DELETE FROM entries WHERE (room, key, seq) IN"
    " (SELECT room, key, seq FROM entries WHERE room = ? LIMIT ?)",
    "DELETE FROM ids WHERE (producer, id) IN (SELECT i.producer, i.id FROM producers AS p"
    " CROSS JOIN ids AS i ON i.producer = p.id WHERE p.room = ? LIMIT ?)",
    "DELETE FROM producers WHERE id IN (SELECT id FROM producers WHERE room = ? LIMIT ?)",
    "DELETE FROM authors WHERE (room, id) IN (SELECT room, id FROM authors WHERE room = ? LIMIT ?)",
    "DELETE FROM access WHERE (room, kind, name) IN"
    " (SELECT room, kind, name FROM access WHERE room = ? LIMIT ?)",
)


class JournalUnusable(Exception):
    """The file can't be used as it is; it was left untouched. Says why, and what to do."""


class ProducerRow(Struct, frozen=True):
    """A client as the journal keeps it; ``present``: it has not left."""

    id: int
    forgotten: int
    present: bool


class Loaded(Struct):
    """A room as it was written, and the ids of rows that will be needed to write more.

    ``epoch`` is the row's. ``producers`` by client, ``left_at``: when they were last connected;
    ``authors``: those that the room's entries have, by their ids; ``free_authors``: ids that no
    entry names any more, up to ``newest_author``.
    """

    id: int
    epoch: str
    room: Room
    producers: dict[str, ProducerRow] = field(default_factory=dict)
    left_at: dict[str, float] = field(default_factory=dict)
    authors: dict[int, Author] = field(default_factory=dict)
    free_authors: list[int] = field(default_factory=list)
    newest_author: int = 0


class Journal:
    """An open journal.

    ``reading``: it is opened to read with, beside another one (``shared`` says whether that may be)
    or a file that nobody writes.
    ``read_only``: the file can't be written: all that would write raises. ``notices``: what
    is to be known of the way it is kept, in words. ``used_bytes``: how much of the file is in use,
    as of the last commit or look; what was deleted since is free for what comes next.

    Raises :class:`JournalUnusable`, and :class:`sqlite3.Error` and :class:`OSError` as they come.
    All but :class:`JournalUnusable` may be raised by any method: then nothing was changed.
    """

    def __init__(self, path: str, *, mode: Mode = "batched", reading: bool = False) -> None:
        self.path = path
        self.notices: list[str] = []
        self.read_only = reading
        self.shared = True
        self._mode = mode
        self._lock: FileLock | None = None
        self._run: Run | None = None
        self._watch = FileWatch([])
        self.used_bytes = 0
        self._connection = self._open()

    def _open(self) -> sqlite3.Connection:
        if self.read_only:
            return self._open_to_read("?mode=ro")
        folder = os.path.dirname(os.path.abspath(self.path))
        if os.path.exists(folder) and not os.path.isdir(folder):
            raise JournalUnusable(f"the journal {self.path} can't be opened: its folder is a file")
        os.makedirs(folder, mode=0o700, exist_ok=True)
        files = [self.path + suffix for suffix in _SUFFIXES]
        other = no_file(files)
        if other is not None:
            raise JournalUnusable(
                f"{other}: a journal is kept in ordinary files alone; put the file itself there, or"
                " remove this"
            )
        self.notices += about_folder(folder)
        if not _writable(self.path):
            return self._open_read_only()
        try:
            self._lock = FileLock(self.path + ".lock")
        except BlockingIOError:
            raise JournalUnusable(
                f"another server has the journal {self.path}: stop one of the two,"
                " or give each a folder of its own"
            ) from None
        try:
            if not os.path.exists(self.path):
                os.close(open_private(self.path, os.O_RDWR | os.O_CREAT))
                sync_folder(folder)
            connection = self._prepare()
            self._run = Run(connection, self.path, self._lock)
            # Not before it is known whether the lock's file was changed since the last run.
            self.notices += make_private(files)
            self._watch = FileWatch([self.path + suffix for suffix in ("", "-wal", ".lock")])
            return connection
        except BaseException:
            self._lock.release()
            raise

    def _open_read_only(self) -> sqlite3.Connection:
        if not os.path.exists(self.path):
            raise JournalUnusable(
                f"the journal {self.path} can't be made: allow this user to write to its folder"
            )
        self.read_only, self.shared = True, False
        return self._open_to_read(self._untouched)

    def _open_to_read(self, query: str) -> sqlite3.Connection:
        connection = self._connect(query)
        try:
            version = self._version(connection)
            if version == 0:
                raise JournalUnusable(f"the journal {self.path} is empty")
            if version < VERSION:
                raise JournalUnusable(
                    f"the journal {self.path} is of version {version}, and has to be brought up to"
                    f" date: start a server on it that may write to it and to its folder"
                )
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self) -> sqlite3.Connection:
        with closing(self._connect(self._untouched)) as connection:
            self._version(connection)  # so that a file that isn't ours stays as it is
        connection = self._connect("")
        try:
            version = self._version(connection)
            self._choose_mode(connection)
            connection.execute(f"PRAGMA synchronous={'FULL' if self._synced else 'NORMAL'}")
            connection.execute("PRAGMA fullfsync=1")  # where macOS's fsync doesn't reach the disk
            connection.execute("PRAGMA cache_size=-8192")
            connection.execute(f"PRAGMA journal_size_limit={_WAL_LIMIT_BYTES}")
            if version == 0:
                create(connection)
            elif version == 1:
                migrate_from_1(connection, self.path)
            elif version == 2:
                migrate_from_2(connection)
            connection.execute("PRAGMA foreign_keys=1")
        except MigrationFailed as error:
            connection.close()
            raise JournalUnusable(str(error)) from None
        except BaseException:
            connection.close()
            raise
        return connection

    @property
    def _untouched(self) -> str:
        """The URI that opens the file so that nothing is written, neither to it nor beside it.

        Without a -wal file it is whole, and nothing beside it is needed to read it.
        """
        whole = not os.path.exists(self.path + "-wal")
        return "?immutable=1" if whole else "?mode=ro"

    def _version(self, connection: sqlite3.Connection) -> int:
        """Which version the file is of, 0 where it is empty.

        Raises :class:`JournalUnusable` where it is no journal, or one of a newer version.
        """
        try:
            return version_of(connection)
        except WrongSchema as error:
            raise JournalUnusable(f"{self.path} is left as it is: {error}") from None
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError as error:
            advice = "move it away, or put a copy in its place, and start again"
            raise JournalUnusable(
                f"the journal {self.path} is damaged ({error})"
                + ("" if self.read_only else f": {advice}")
            ) from None

    def _choose_mode(self, connection: sqlite3.Connection) -> None:
        """Write ahead where that works: it needs memory shared by all who have the file open."""
        self.shared = not is_remote(self.path)
        if self.shared:
            try:
                chosen = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
            except sqlite3.OperationalError:
                chosen = ""
            self.shared = chosen == "wal"
        if not self.shared:
            connection.execute("PRAGMA locking_mode=EXCLUSIVE")
            chosen = connection.execute("PRAGMA journal_mode=TRUNCATE").fetchone()[0]
            self.notices.append(
                f"the journal {self.path} is on a file system that can't share memory (a network's,"
                f" most likely): it is kept in SQLite's mode {chosen}, which is slower"
            )

    @property
    def _synced(self) -> bool:
        return self._mode == "synced"

    def _connect(self, query: str) -> sqlite3.Connection:
        path = quote(os.path.abspath(self.path).replace(os.sep, "/"))
        if not path.startswith("/"):
            path = "/" + path  # a Windows drive
        # A connection to read with is used by several threads, one at a time.
        one_thread = not self.read_only
        return sqlite3.connect(
            f"file:{path}{query}", uri=True, isolation_level=None, check_same_thread=one_thread
        )

    def stop_when(self, stop: Callable[[], bool]) -> None:
        """Have what takes long raise :class:`sqlite3.OperationalError` once ``stop`` is true."""
        self._connection.set_progress_handler(stop, _STOP_STEPS)

    def close(self) -> None:
        """End; what was committed stays."""
        try:
            self._connection.close()
        finally:
            if self._run is not None:
                self._run.close()
            if self._lock is not None:
                self._lock.release()

    # What a run of a server leaves behind (see :mod:`.run`).

    def begin(self) -> str:
        """Note that a server runs on this file, on the disk for certain.

        Returns what all rooms' epochs end with, which changes whenever numbers may have been given
        twice.
        """
        if self._run is None:
            raise sqlite3.OperationalError("attempt to write a readonly database")
        self._run.begin(self._mode)
        return self._run.era

    def end(self) -> None:
        """Note that all that the server gave out was written."""
        if self._run is not None:
            self._run.end()

    def note_served_time(self, *, ran_at: float, gaps: Sequence[tuple[float, float]]) -> None:
        """Note that a server runs now, and when none did (see :mod:`.served_time`)."""
        execute = self._connection.execute
        execute("BEGIN IMMEDIATE")
        try:
            execute("UPDATE run SET ran_at = ?", [ran_at])
            execute("DELETE FROM gaps")
            self._write("INSERT INTO gaps VALUES {rows}", gaps)
            execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                with suppress(sqlite3.Error):
                    execute("ROLLBACK")
            raise

    # Writing.

    def look(self) -> None:
        """Raise :class:`OSError` where what is written now would be in no file that is there."""
        self._watch.look()
        self._measure()

    def _measure(self) -> None:
        execute = self._connection.execute
        pages, free, page_bytes = (
            execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        )
        self.used_bytes = (pages - free) * page_bytes

    def commit(self, batches: Sequence[Batch]) -> None:
        """Write all of it or nothing; without any batch try whether writing works."""
        self._watch.look()
        execute = self._connection.execute
        execute("BEGIN IMMEDIATE")
        try:
            for name, statement, long in _STATEMENTS:
                rows = [row for batch in batches for row in getattr(batch, name)]
                self._write(statement, rows, long)
            if self._run is not None and (self._synced or not batches):
                self._run.counting()
            self._measure()
            execute("COMMIT")
        except BaseException:
            # A full disk may have ended the transaction already.
            if self._connection.in_transaction:
                with suppress(sqlite3.Error):
                    execute("ROLLBACK")
            raise
        if self._run is not None and self._synced:
            self._run.counted()

    def _write(self, statement: str, rows: Sequence[Row], long: int | None = None) -> None:
        start = 0
        while start < len(rows):
            chunk = _chunk(rows, start, long)
            marks = "(" + ",".join("?" * len(chunk[0])) + ")"
            sql = statement.format(rows=",".join([marks] * len(chunk)))
            self._connection.execute(sql, list(chain.from_iterable(chunk)))
            start += len(chunk)

    def delete_unused(self, name: str, *, before: float) -> bool:
        """Delete a room if nobody used it since then; whether that is so.

        What it held goes by :meth:`sweep`, as with the rooms that a batch deletes.
        """
        cursor = self._connection.execute(
            "UPDATE rooms SET name = NULL WHERE name = ? AND used_at < ?", [name, before]
        )
        return cursor.rowcount > 0

    def renew_epoch(self, room: int, epoch: str) -> None:
        """Give a room another epoch: some of its numbers may be given twice."""
        self._connection.execute("UPDATE rooms SET epoch = ? WHERE id = ?", [epoch, room])

    def sweep(self) -> bool:
        """Remove some of what deleted rooms held; whether there may be more.

        So that nobody waits long for a commit while large rooms go.
        """
        execute = self._connection.execute
        row = execute("SELECT id FROM rooms WHERE name IS NULL LIMIT 1").fetchone()
        if row is None:
            return False
        execute("BEGIN IMMEDIATE")
        try:
            left = _SWEEP_ROWS
            for statement in _SWEPT:
                left -= execute(statement, (*row, left)).rowcount
                if not left:
                    break
            else:
                execute("DELETE FROM rooms WHERE id = ?", row)
            execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                with suppress(sqlite3.Error):
                    execute("ROLLBACK")
            raise
        return True

    def vacuum(self) -> None:
        """Give the disk back what deleted values took; needs as much again while it lasts."""
        self._connection.execute("VACUUM")

    # Reading.

    def has(self, name: str) -> bool:
        """Return True if there is a room of that name."""
        row = self._connection.execute("SELECT 1 FROM rooms WHERE name = ?", [name]).fetchone()
        return row is not None

    def cost_of_room(self, name: str) -> int | None:
        """About what the room of that name will cost of memory once it is loaded.

        ``None`` where there is none.
        """
        row = self._connection.execute(
            "SELECT id, keys, bytes, (SELECT count(*) FROM entries WHERE room = rooms.id),"
            " (SELECT count(*) FROM authors WHERE room = rooms.id)"
            " FROM rooms WHERE name = ?",
            [name],
        ).fetchone()
        if row is None:
            return None
        number, keys, byte_count, value_count, author_count = row
        cost_bytes: int = (
            ROOM_COST_BYTES
            + keys * KEY_COST_BYTES
            + value_count * VALUE_COST_BYTES
            + author_count * AUTHOR_COST_BYTES
            + byte_count
            + self._access(number, name).cost_bytes
        )
        return cost_bytes

    def access(self, name: str) -> tuple[int, RoomAccess] | None:
        """Return the id of a room and who may do what in it, ``None`` where there is none."""
        row = self._connection.execute("SELECT id FROM rooms WHERE name = ?", [name]).fetchone()
        return None if row is None else (row[0], self._access(row[0], name))

    def _access(self, room: int, name: str) -> RoomAccess:
        rows = self._connection.execute(
            "SELECT kind, name, content FROM access WHERE room = ?", [room]
        )
        return RoomAccess(name, {(kind, of): content for kind, of, content in rows.fetchall()})

    def has_deleted(self) -> bool:
        """Return True if :meth:`sweep` has something to do."""
        query = "SELECT 1 FROM rooms WHERE name IS NULL LIMIT 1"
        return self._connection.execute(query).fetchone() is not None

    def served_time(self) -> tuple[float | None, list[tuple[float, float]]]:
        """Return when a server last used this file, and the periods before in which none did."""
        ran_at: float | None
        (ran_at,) = self._connection.execute(
            "SELECT coalesce(ran_at, (SELECT max(used_at) FROM rooms)) FROM run"
        ).fetchone()
        gaps = self._connection.execute("SELECT since, until FROM gaps ORDER BY since").fetchall()
        return ran_at, gaps

    def count(self) -> int:
        """Return the number of rooms."""
        query = "SELECT count(*) FROM rooms WHERE name IS NOT NULL"
        count: int = self._connection.execute(query).fetchone()[0]
        return count

    def newest(self, table: Literal["rooms", "producers"]) -> int:
        """Return the highest id that a table ever had, 0 where it had none."""
        query = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = ?"
        highest: int = self._connection.execute(query, [table]).fetchone()[0]
        return highest

    def summaries(self) -> list[tuple[str, int, int, int, float]]:
        """(name, seq, keys, bytes, used_at) of all rooms, by name."""
        return self._connection.execute(
            "SELECT name, max(seq, ceiling), keys, bytes, used_at FROM rooms"
            " WHERE name IS NOT NULL ORDER BY name"
        ).fetchall()

    def unused(self, *, before: float) -> list[str]:
        """Return the names of the rooms that nobody has used since a time (seconds since 1970)."""
        rows = self._connection.execute(
            "SELECT name FROM rooms WHERE used_at < ? AND name IS NOT NULL", [before]
        )
        return [name for (name,) in rows.fetchall()]

    def check(self) -> list[str]:
        """Describe what is wrong with the file (mostly in SQLite's words); empty if nothing is."""
        execute = self._connection.execute
        try:
            rows = execute("PRAGMA integrity_check").fetchall()
            lost = execute("PRAGMA foreign_key_check").fetchall()
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError as error:  # it is too damaged even for that
            return [str(error)]
        orphans = Counter((table, parent) for table, _, parent, _ in lost)
        return [text for (text,) in rows if text != "ok"] + [
            f"{count} rows of {table} belong to no row of {parent}"
            for (table, parent), count in orphans.items()
        ]

    def backup(
        self, target: str, *, progress: Callable[[int, int], None] = lambda done, total: None
    ) -> int:
        """Copy all rooms to a file (see :func:`.backup.copy_database`); returns its size in bytes.

        The copy is marked as one: whoever serves it begins new epochs.
        """
        return copy_database(self._connection, target, finish=_mark_as_copy, progress=progress)

    def names(self) -> list[str]:
        """Return the names of all rooms, in order."""
        rows = self._connection.execute(
            "SELECT name FROM rooms WHERE name IS NOT NULL ORDER BY name"
        )
        return [name for (name,) in rows.fetchall()]

    def load(
        self,
        name: str,
        *,
        quota: Quota | None = None,
        window_limits: WindowLimits | None = None,
    ) -> Loaded | None:
        """Return the room of that name, ``None`` if there is none."""
        self._connection.execute("BEGIN")  # one state of the file for all that is read
        try:
            return self._load(name, quota, window_limits or WindowLimits())
        finally:
            self._connection.execute("COMMIT")

    def _load(self, name: str, quota: Quota | None, window_limits: WindowLimits) -> Loaded | None:
        execute = self._connection.execute
        row = execute(
            "SELECT id, epoch, seq, relay, ceiling, used_at FROM rooms WHERE name = ?", [name]
        ).fetchone()
        if row is None:
            return None
        number, epoch, seq, relay, ceiling, used_at = row
        if ceiling > seq:  # the end was no clean one: any number up to there may be a relay's
            seq = relay = ceiling
        room = Room(epoch=epoch, quota=quota, window_limits=window_limits)
        room.seq = seq
        room.newest_relay = relay
        room.take_access(self._access(number, name))
        loaded = Loaded(number, epoch, room)
        self._load_entries(loaded)
        self._load_producers(loaded, used_at)
        return loaded

    def _load_entries(self, loaded: Loaded) -> None:
        authors: dict[int, Author] = {}
        for number, client, user in read_authors(self._connection, loaded.id):
            authors[number] = Author(client, None if user is None else Value.from_json(user))
            loaded.newest_author = max(loaded.newest_author, number)
        used: set[int] = set()
        current: str | None = None
        entries: list[Entry] = []
        for key, seq, format, blob, time, author in read_entries(self._connection, loaded.id):
            if key != current:
                if current is not None:
                    loaded.room.hold(current, entries)
                current, entries = key, []
            # Without a call for each of them.
            value = Value(None, blob, len(blob)) if format else Value(blob, None, len(blob))
            entries.append(Entry(seq, value, time, authors.get(author)))
            used.add(author)
        if current is not None:
            loaded.room.hold(current, entries)
        for number, who in authors.items():
            if number in used:
                loaded.authors[number] = who
            else:
                loaded.free_authors.append(number)

    def _load_producers(self, loaded: Loaded, used_at: float) -> None:
        for row in read_producers(self._connection, loaded.id):
            producer = Producer(forgotten=row.forgotten)
            for first, seq, count in sorted(row.runs):
                producer.restore(first, seq, count)
            loaded.room.producers.restore(row.client, producer)
            loaded.left_at[row.client] = used_at if row.left_at is None else row.left_at
            loaded.producers[row.client] = ProducerRow(row.id, row.forgotten, row.left_at is None)


def _chunk(rows: Sequence[tuple[Any, ...]], start: int, long: int | None) -> Sequence[Row]:
    """Return the rows that one statement takes; ``long``: the column that may be long."""
    for size in _CHUNKS:
        if size <= len(rows) - start:
            chunk = rows[start : start + size]
            if long is None or sum(len(row[long] or b"") for row in chunk) <= _CHUNK_BYTES:
                return chunk
    return rows[start : start + 1]


def _mark_as_copy(connection: sqlite3.Connection) -> None:
    connection.execute("UPDATE run SET mode = 'copy'")


def _writable(path: str) -> bool:
    """Return True if the file can be written, and others can be made beside it."""
    folder = os.path.dirname(os.path.abspath(path))
    return os.access(folder, os.W_OK) and (not os.path.exists(path) or os.access(path, os.W_OK))
