"""A journal of version 1, as commit 8b14a9a made it, for those who test what becomes of one."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

__all__ = ["CLIENT", "make_version_1"]

APPLICATION = 0x44724442
CLIENT = "c" * 16
TABLES = """
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


def make_version_1(path: Path, *, mode: str = "", crashes: int = 3, rows: str = "") -> None:
    """Write the file of two rooms, and one that is deleted, but not swept.

    ``mode``, ``crashes``: what the last server left behind; ``rows``: SQL for more of them.
    """
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.executescript(
            f"""
            BEGIN; {TABLES}
            UPDATE run SET mode = '{mode}', crashes = {crashes};
            INSERT INTO rooms VALUES (1, 'lecture', 'first', 7, 6, 0, 2, 5, 1000.5),
                (2, 'poll', 'second', 3, 0, 0, 1, 1, 2000.5), (5, NULL, 'gone', 1, 0, 0, 1, 1, 1);
            INSERT INTO authors VALUES (1, 1, 'anna', x'7b7d'), (2, 2, 'ben', NULL),
                (3, 5, 'cleo', NULL);
            INSERT INTO entries VALUES (1, 'a', 1, 0, x'31', 10.25, 1),
                (1, 'a', 2, 1, x'02', 11, NULL),
                (1, 'b', 7, 0, x'2237', 12, 1), (2, 'a', 3, 0, x'33', 13, 2),
                (5, 'a', 1, 0, x'31', 10, 3);
            INSERT INTO producers VALUES (4, 1, '{CLIENT}', 2, NULL), (5, 5, 'd', 0, 3.0);
            INSERT INTO ids VALUES (4, 3, 1, 2), (4, 9, 7, 1), (5, 1, 1, 1);
            {rows}
            PRAGMA application_id = {APPLICATION}; PRAGMA user_version = 1; COMMIT;
            """
        )
