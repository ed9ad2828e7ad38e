"""The migration of a journal of an older version.

To version 3 a table is added, and nothing else. Version 1 is changed as follows.

It is copied first, to a file beside it (``rooms.db.v1.bak``), and then changed in one transaction:
until that is committed the file is what it was, so that an end of any kind in between costs
nothing but the time. Rooms keep their epochs.

Version 1 took whatever it was given. What the tables refuse now is left out, and counted.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import sqlite3
from contextlib import suppress

from .backup import copy_database
from .progress import Progress
from .schema import ACCESS_TABLE, TABLES, VERSION

__all__ = ["MigrationFailed", "migrate_from_1", "migrate_from_2"]

_log = logging.getLogger(__name__)
_NUMBER = "BETWEEN 1 AND 9007199254740991"

_OLD_TABLES = ("run", "rooms", "entries", "authors", "producers", "ids")
_OLD_INDEXES = ("authors_of_room", "producers_of_room")
# Its runs told by a counter whether numbers were given twice; what comes after is random.
_RUN = """
INSERT INTO run SELECT 1, lower(hex(randomblob(16))), CAST(crashes AS TEXT), '', mode, '', '', 0,
    NULL FROM old_run
"""
_ROOMS = """
INSERT INTO rooms SELECT id, name, epoch, seq, min(relay, seq), max(ceiling, 0), max(keys, 0),
    max(bytes, 0), used_at FROM old_rooms WHERE name <> ''
"""
_AUTHORS = """
INSERT INTO authors SELECT room, id, client, nullif(user, x'') FROM old_authors
    WHERE room IN (SELECT id FROM rooms) AND id >= 1 AND client <> ''
"""
_ENTRIES = f"""
INSERT INTO entries SELECT e.room, e.key, e.seq, e.format, e.value, max(e.time, 0), a.id
    FROM old_entries AS e LEFT JOIN authors AS a ON a.room = e.room AND a.id = e.author
    WHERE e.room = ? AND e.seq {_NUMBER} AND e.format IN (0, 1) AND length(e.value) > 0
"""
# Of two rows for one client the later one counted.
_PRODUCERS = """
INSERT INTO producers SELECT max(id), room, digest(client), forgotten, left_at FROM old_producers
    WHERE room IN (SELECT id FROM rooms) AND client <> '' AND forgotten >= -1
    GROUP BY room, client
"""
_IDS = f"""
INSERT INTO ids SELECT * FROM old_ids WHERE producer IN (SELECT id FROM producers)
    AND id {_NUMBER} AND seq {_NUMBER} AND count >= 1
"""
# What belongs to a room that was deleted is no loss: it had yet to be swept.
_IN_DELETED = "room IN (SELECT id FROM old_rooms WHERE name IS NULL)"
_LOST = {
    "values of no room": (
        f"SELECT (SELECT count(*) FROM old_entries WHERE NOT {_IN_DELETED})"
        " - (SELECT count(*) FROM entries)"
    ),
    "authors that are unknown": (
        "SELECT count(*) FROM entries AS e JOIN old_entries AS o"
        " ON o.room = e.room AND o.key = e.key AND o.seq = e.seq"
        " WHERE e.author IS NULL AND o.author IS NOT NULL"
    ),
    "clients of no room": (
        f"SELECT (SELECT count(*) FROM old_producers WHERE NOT {_IN_DELETED})"
        " - (SELECT count(*) FROM producers)"
    ),
    "ids of no client": (
        "SELECT (SELECT count(*) FROM old_ids WHERE producer NOT IN"
        f" (SELECT id FROM old_producers WHERE {_IN_DELETED})) - (SELECT count(*) FROM ids)"
    ),
}


class MigrationFailed(Exception):
    """The file is as it was; says why, and what to do."""


def migrate_from_1(connection: sqlite3.Connection, path: str) -> None:
    """Copy the journal, and bring it up to date; ``connection`` is in autocommit mode.

    Raises :class:`MigrationFailed`.
    """
    copy = path + ".v1.bak"
    size = os.path.getsize(path)
    _log.warning("DriftDB: bringing %s from version 1 to %d (%s)", path, VERSION, _mb(size))
    progress = Progress("Copying the journal")
    try:
        copy_database(connection, copy, progress=progress.show)
    except (sqlite3.Error, OSError) as error:
        raise _failed(path, size, f"it can't be copied to {copy}", error) from None
    finally:
        progress.end()
    try:
        _change(connection)
    except sqlite3.Error as error:
        raise _failed(path, size, "its tables can't be changed", error) from None
    _log.warning("DriftDB: %s is of version %d now; it was copied to %s first", path, VERSION, copy)


def migrate_from_2(connection: sqlite3.Connection) -> None:
    """Add the table that version 2 lacks; ``connection`` is in autocommit mode.

    Raises :class:`sqlite3.Error`: then nothing has changed.
    """
    try:
        connection.executescript(
            f"BEGIN IMMEDIATE; {ACCESS_TABLE} PRAGMA user_version = {VERSION}; COMMIT;"
        )
    except sqlite3.Error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _change(connection: sqlite3.Connection) -> None:
    execute = connection.execute
    connection.create_function(
        "digest", 1, lambda text: hashlib.sha256(text.encode()).hexdigest(), deterministic=True
    )
    progress = Progress("Changing the journal")
    execute("BEGIN IMMEDIATE")
    try:
        for index in _OLD_INDEXES:
            execute(f"DROP INDEX {index}")
        for table in _OLD_TABLES:
            execute(f"ALTER TABLE {table} RENAME TO old_{table}")
        for statement in TABLES.split(";"):
            execute(statement)
        for statement in (_RUN, _ROOMS, _AUTHORS):
            execute(statement)
        rooms = execute("SELECT id, bytes + 1 FROM rooms ORDER BY id").fetchall()
        total, done = sum(size for _, size in rooms), 0
        for room, size in rooms:
            execute(_ENTRIES, [room])
            done += size
            progress.show(done, total)
        execute(_PRODUCERS)
        execute(_IDS)
        for what, query in _LOST.items():
            count = execute(query).fetchone()[0]
            if count:
                _log.warning("DriftDB: left out %d %s, which no version should keep", count, what)
        for table in _OLD_TABLES:
            execute(f"DROP TABLE old_{table}")
        execute(f"PRAGMA user_version = {VERSION}")
        execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            with suppress(sqlite3.Error):
                execute("ROLLBACK")
        raise
    finally:
        progress.end()


def _failed(path: str, size: int, what: str, error: Exception) -> MigrationFailed:
    free = shutil.disk_usage(os.path.dirname(os.path.abspath(path))).free
    return MigrationFailed(
        f"the journal {path} is of version 1, and {what} ({error}): it is as it was; this takes"
        f" some {_mb(3 * size)} of space beside it, {_mb(free)} are free"
    )


def _mb(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
