"""Reading many rows in few steps.

SQLite hands out row after row, and for each of them a thread lets go of the interpreter's lock and
has to get it back, which a busy loop makes slow. So many rows are put together in SQL, and taken
apart here.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from itertools import accumulate, pairwise
from typing import TypeAlias

import msgspec
from msgspec import Struct

__all__ = ["EntryRow", "ProducerOfRoom", "read_authors", "read_entries", "read_producers"]

_PAGE_ROWS = 8192
_PAGE_BYTES = 4 * 1024 * 1024

# Pages are given by where they begin and by how many rows they have; the primary key orders them.
_ENTRIES = (
    "SELECT group_concat(length(CAST(key AS BLOB))), CAST(group_concat(key, '') AS BLOB),"
    " group_concat(seq), group_concat(format), group_concat(length(value)),"
    " group_concat(printf('%!.17g', time)), group_concat(coalesce(author, 0))"
    " FROM (SELECT * FROM entries WHERE room = ? AND (key, seq) > (?, ?)"
    " ORDER BY key, seq LIMIT ?)"
)
_VALUES = (
    "SELECT CAST(group_concat(value, '') AS BLOB) FROM (SELECT value FROM entries"
    " WHERE room = ? AND (key, seq) >= (?, ?) ORDER BY key, seq LIMIT ?)"
)
_AUTHORS = (
    "SELECT group_concat(id), group_concat(length(CAST(client AS BLOB))),"
    " CAST(group_concat(client, '') AS BLOB), group_concat(coalesce(hex(user), ''))"
    " FROM authors WHERE room = ?"
)
_PRODUCERS = (
    "SELECT group_concat(id), group_concat(length(CAST(client AS BLOB))),"
    " CAST(group_concat(client, '') AS BLOB), group_concat(forgotten),"
    " group_concat(CASE WHEN left_at IS NULL THEN '' ELSE printf('%!.17g', left_at) END)"
    " FROM producers WHERE room = ?"
)
_IDS = (
    "SELECT group_concat(producer), group_concat(id), group_concat(seq), group_concat(count)"
    " FROM ids WHERE producer IN (SELECT id FROM producers WHERE room = ?)"
)


EntryRow: TypeAlias = "tuple[str, int, int, bytes, float, int]"
"""(key, seq, format, value, time, author) as in ``entries``; the author is 0 where it has none."""


class ProducerOfRoom(Struct):
    """A row of ``producers``, and its runs of ``[id, seq, count]``."""

    id: int
    client: str
    forgotten: int
    left_at: float | None
    runs: list[list[int]]


def read_entries(connection: sqlite3.Connection, room: int) -> Iterator[EntryRow]:
    """Read the entries of a room, by key and number.

    Raises :class:`sqlite3.Error`, as all functions here do.
    """
    last: tuple[str, int] = ("", 0)
    while True:
        row = connection.execute(_ENTRIES, (room, *last, _PAGE_ROWS)).fetchone()
        if row[0] is None:
            return
        keys = _texts(row[1], row[0])
        seqs, formats, lengths = map(_integers, row[2:5])
        values = _values(connection, room, keys, seqs, lengths)
        times, authors = _floats(row[5]), _integers(row[6])
        yield from zip(keys, seqs, formats, values, times, authors, strict=True)
        last = keys[-1], seqs[-1]


def read_authors(
    connection: sqlite3.Connection, room: int
) -> Iterator[tuple[int, str, bytes | None]]:
    """(id, client, user) of all authors of a room."""
    ids, lengths, clients, users = connection.execute(_AUTHORS, [room]).fetchone()
    if ids is not None:
        rows = zip(_integers(ids), _texts(clients, lengths), users.split(","), strict=True)
        for number, client, user in rows:
            yield number, client, bytes.fromhex(user) or None


def read_producers(connection: sqlite3.Connection, room: int) -> list[ProducerOfRoom]:
    """Read the clients of a room, and which of their pushes were applied."""
    row = connection.execute(_PRODUCERS, [room]).fetchone()
    if row[0] is None:
        return []
    ids, clients, forgotten = _integers(row[0]), _texts(row[2], row[1]), _integers(row[3])
    left_at = [float(text) if text else None for text in row[4].split(",")]
    producers = {
        number: ProducerOfRoom(number, client, newest, left, [])
        for number, client, newest, left in zip(ids, clients, forgotten, left_at, strict=True)
    }
    columns = connection.execute(_IDS, [room]).fetchone()
    if columns[0] is not None:
        for number, *run in zip(*map(_integers, columns), strict=True):
            producers[number].runs.append(run)
    return list(producers.values())


def _values(
    connection: sqlite3.Connection, room: int, keys: list[str], seqs: list[int], lengths: list[int]
) -> Iterator[bytes]:
    """Read the values of a page: not too many bytes at once."""
    start = 0
    while start < len(keys):
        end, size = start + 1, lengths[start]
        while end < len(keys) and size + lengths[end] <= _PAGE_BYTES:
            size += lengths[end]
            end += 1
        place = (room, keys[start], seqs[start], end - start)
        (joined,) = connection.execute(_VALUES, place).fetchone()
        yield from _pieces(joined, lengths[start:end])
        start = end


def _pieces(joined: bytes, lengths: list[int]) -> list[bytes]:
    if len(joined) != sum(lengths):
        raise sqlite3.DatabaseError("what a room holds is not as long as it says")
    return [joined[start:end] for start, end in pairwise(accumulate(lengths, initial=0))]


def _texts(joined: bytes, lengths: str) -> list[str]:
    """Texts of any kind, which commas couldn't part."""
    return list(map(bytes.decode, _pieces(joined, _integers(lengths))))


def _integers(joined: str) -> list[int]:
    return msgspec.json.decode(f"[{joined}]", type=list[int])


def _floats(joined: str) -> list[float]:
    return msgspec.json.decode(f"[{joined}]", type=list[float])
