"""The journal's tables, by version, and how an older one becomes the newest.

``rooms``: ``name`` is null in a room that was deleted and whose values still have to go; ``relay``
is the newest number of a broadcast that no stream holds; up to ``ceiling`` numbers may have been
given without having been written; ``used_at`` is in seconds since 1970.
``entries``: ``format`` is 0 for JSON text and 1 for a CBOR item; ``time`` in seconds since 1970.
``producers``, ``ids``: which pushes of a client (its secret) were applied: ``count`` ids from
``id`` on got the numbers from ``seq`` on. ``left_at`` is null while the client is there.
``run``: one row; ``mode`` is what the server that has the file writes with, empty after a clean
end; ``crashes`` counts the ends after which a number may have been given twice.
"""

from __future__ import annotations

import sqlite3

__all__ = ["APPLICATION", "MIGRATIONS", "WrongSchema", "migrate"]

APPLICATION = 0x44724442  # "DrDB"

_FIRST = """
CREATE TABLE run (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    mode TEXT NOT NULL,
    crashes INTEGER NOT NULL,
    tried_at REAL NOT NULL
);
INSERT INTO run VALUES (1, '', 0, 0);
CREATE TABLE rooms (
    id INTEGER PRIMARY KEY,
    name TEXT UNIQUE,
    epoch TEXT NOT NULL,
    seq INTEGER NOT NULL,
    relay INTEGER NOT NULL,
    ceiling INTEGER NOT NULL,
    keys INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    used_at REAL NOT NULL
);
CREATE TABLE entries (
    room INTEGER NOT NULL,
    key TEXT NOT NULL,
    seq INTEGER NOT NULL,
    format INTEGER NOT NULL,
    value BLOB NOT NULL,
    time REAL NOT NULL,
    author INTEGER,
    PRIMARY KEY (room, key, seq)
) WITHOUT ROWID;
CREATE TABLE authors (
    id INTEGER PRIMARY KEY,
    room INTEGER NOT NULL,
    client TEXT NOT NULL,
    user BLOB
);
CREATE INDEX authors_of_room ON authors (room);
CREATE TABLE producers (
    id INTEGER PRIMARY KEY,
    room INTEGER NOT NULL,
    client TEXT NOT NULL,
    forgotten INTEGER NOT NULL,
    left_at REAL
);
CREATE INDEX producers_of_room ON producers (room);
CREATE TABLE ids (
    producer INTEGER NOT NULL,
    id INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (producer, id)
) WITHOUT ROWID;
"""

MIGRATIONS = [_FIRST]
"""What makes version 1 of nothing, 2 of version 1, and so on. Only ever added to."""


class WrongSchema(Exception):
    """The file is no journal, or one of a newer version; says which."""


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the tables to the newest version, all or nothing.

    ``connection`` is in autocommit mode. Raises :class:`WrongSchema`, and changes nothing then.
    """
    version = _pragma(connection, "user_version")
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if tables and _pragma(connection, "application_id") != APPLICATION:
        raise WrongSchema("expected a journal of rooms, got another database")
    if version > len(MIGRATIONS):
        raise WrongSchema(
            f"expected a journal of version {len(MIGRATIONS)} or older, got version {version}"
        )
    if version == len(MIGRATIONS):
        return
    steps = "".join(MIGRATIONS[version:])
    try:
        connection.executescript(
            f"BEGIN IMMEDIATE; {steps} PRAGMA application_id = {APPLICATION};"
            f" PRAGMA user_version = {len(MIGRATIONS)}; COMMIT;"
        )
    except sqlite3.Error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    number: int = connection.execute(f"PRAGMA {name}").fetchone()[0]
    return number
