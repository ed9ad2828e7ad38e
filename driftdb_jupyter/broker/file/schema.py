"""The journal's tables (version 3), and how a file is known to be a journal.

The tables refuse what no room can be in, so that a mistake in the code that writes them is an error
there and then, and not a file that can't be read a month later.

``run``: one row about the server that has the file, or had it last; see :mod:`.run`; ``ran_at`` is
when it was last known to run. ``gaps``: from when to when no server ran (:mod:`.served_time`).
``rooms``: ``name`` is null in a room that was deleted and whose values still have to go; ``relay``
is the newest number that a relay or a deletion took; up to ``ceiling`` numbers may have been
given without having been written; ``used_at`` is in seconds since 1970.
``authors``: numbered in each room. A row is not removed while its room is there, because then all
entries of the room would have to be searched for it; the next author takes the place of one that no
entry names any more (:mod:`.authors`).
``entries``: ``format`` is 0 for JSON text and 1 for a CBOR item; ``time`` in seconds since 1970.
A number may stand under two keys: a ``compact`` keeps the one that it was sent with, whatever key
had it (protocol, "Actions"). So nothing here says that numbers are unique in a room.
``producers``, ``ids``: which pushes of a client were applied (``client`` is the digest of its
secret): ``count`` ids from ``id`` on got the numbers from ``seq`` on. ``left_at`` is null while the
client is there.
``access``: what a room keeps about who may do what (:mod:`~driftdb_jupyter.access.room_access`).
No id of a room or a producer is ever given twice.
"""

from __future__ import annotations

import sqlite3

__all__ = [
    "ACCESS_TABLE",
    "APPLICATION",
    "TABLES",
    "VERSION",
    "WrongSchema",
    "create",
    "version_of",
]

APPLICATION = 0x44724442  # "DrDB"
VERSION = 3
_NEWEST = 2**53 - 1  # what JavaScript can count to

ACCESS_TABLE = """
CREATE TABLE access (
    room INTEGER NOT NULL REFERENCES rooms (id),
    kind TEXT NOT NULL CHECK (kind <> ''),
    name TEXT NOT NULL,
    content BLOB NOT NULL CHECK (length(content) > 0),
    PRIMARY KEY (room, kind, name)
) WITHOUT ROWID;
"""
TABLES = f"""
CREATE TABLE run (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    journal TEXT NOT NULL CHECK (journal <> ''),
    era TEXT NOT NULL CHECK (era <> ''),
    token TEXT NOT NULL,
    mode TEXT NOT NULL CHECK (mode IN ('', 'batched', 'synced', 'copy')),
    boot TEXT NOT NULL,
    beside TEXT NOT NULL,
    commits INTEGER NOT NULL CHECK (commits >= 0),
    ran_at REAL
);
CREATE TABLE gaps (
    since REAL NOT NULL,
    until REAL NOT NULL CHECK (until > since)
);
CREATE TABLE rooms (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT UNIQUE CHECK (name <> ''),
    epoch TEXT NOT NULL CHECK (epoch <> ''),
    seq INTEGER NOT NULL CHECK (seq BETWEEN 0 AND {_NEWEST}),
    relay INTEGER NOT NULL CHECK (relay BETWEEN 0 AND seq),
    ceiling INTEGER NOT NULL CHECK (ceiling BETWEEN 0 AND {_NEWEST}),
    keys INTEGER NOT NULL CHECK (keys >= 0),
    bytes INTEGER NOT NULL CHECK (bytes >= 0),
    used_at REAL NOT NULL
);
CREATE TABLE authors (
    room INTEGER NOT NULL REFERENCES rooms (id),
    id INTEGER NOT NULL CHECK (id >= 1),
    client TEXT NOT NULL CHECK (client <> ''),
    user BLOB CHECK (length(user) > 0),
    PRIMARY KEY (room, id)
) WITHOUT ROWID;
CREATE TABLE entries (
    room INTEGER NOT NULL REFERENCES rooms (id),
    key TEXT NOT NULL,
    seq INTEGER NOT NULL CHECK (seq BETWEEN 1 AND {_NEWEST}),
    format INTEGER NOT NULL CHECK (format IN (0, 1)),
    value BLOB NOT NULL CHECK (length(value) > 0),
    time REAL NOT NULL CHECK (time >= 0),
    author INTEGER,
    PRIMARY KEY (room, key, seq),
    FOREIGN KEY (room, author) REFERENCES authors (room, id)
) WITHOUT ROWID;
CREATE TABLE producers (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    room INTEGER NOT NULL REFERENCES rooms (id),
    client TEXT NOT NULL CHECK (client <> ''),
    forgotten INTEGER NOT NULL CHECK (forgotten BETWEEN -1 AND {_NEWEST}),
    left_at REAL,
    UNIQUE (room, client)
);
CREATE TABLE ids (
    producer INTEGER NOT NULL REFERENCES producers (id) ON DELETE CASCADE,
    id INTEGER NOT NULL CHECK (id BETWEEN 1 AND {_NEWEST}),
    seq INTEGER NOT NULL CHECK (seq BETWEEN 1 AND {_NEWEST}),
    count INTEGER NOT NULL CHECK (count >= 1),
    PRIMARY KEY (producer, id)
) WITHOUT ROWID;
{ACCESS_TABLE}"""
_FIRST_RUN = """
INSERT INTO run VALUES
    (1, lower(hex(randomblob(16))), lower(hex(randomblob(8))), '', '', '', '', 0, NULL);
"""


class WrongSchema(Exception):
    """The file is no journal, or one of a newer version; says which, and what to do."""


def version_of(connection: sqlite3.Connection) -> int:
    """Return the version of a journal's tables, 0 for an empty file; changes nothing.

    Raises :class:`WrongSchema` for the database of another program and for a newer version.
    """
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    version = _pragma(connection, "user_version")
    if (tables or version) and _pragma(connection, "application_id") != APPLICATION:
        raise WrongSchema("expected a journal of rooms, got another database; choose another file")
    if version > VERSION:
        raise WrongSchema(
            f"expected a journal of version {VERSION} or older, got version {version}; update this"
            " server, or choose another file"
        )
    return version


def create(connection: sqlite3.Connection) -> None:
    """Make the tables in an empty file, all or nothing."""
    try:
        connection.executescript(
            f"BEGIN IMMEDIATE; {TABLES} {_FIRST_RUN} PRAGMA application_id = {APPLICATION};"
            f" PRAGMA user_version = {VERSION}; COMMIT;"
        )
    except sqlite3.Error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    number: int = connection.execute(f"PRAGMA {name}").fetchone()[0]
    return number
