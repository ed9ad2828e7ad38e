"""What is read in large pieces is what was written, row for row."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import product
from typing import Any

import pytest

from driftdb_jupyter.broker.file import bulk_read
from driftdb_jupyter.broker.file.batch import Batch
from driftdb_jupyter.broker.file.bulk_read import read_authors, read_entries, read_producers
from driftdb_jupyter.broker.file.journal import Journal

ALL_BYTES = bytes(range(256))
TEXTS = ["\0", "a\0b", "a,b", ",", '"', "ä", "\U0001f600", "z" * 300]
KEYS = ["", "\0", "a", "a\0b", "a,b", "ä", "\U0001f600", "z" * 300]
TIME = 1_700_000_000.123_456_7
OTHER_ROOM = 2


@pytest.fixture
def write(tmp_path: Any) -> Iterator[Callable[..., sqlite3.Connection]]:
    """Write a batch, and hand out a connection to what was written."""
    with closing(Journal(str(tmp_path / "rooms.db"))) as journal:
        rooms: list[Any] = [
            (room, f"room {room}", "epoch", 9999, 0, 0, 1, 1, TIME) for room in (1, OTHER_ROOM)
        ]
        journal.commit([Batch(created=rooms)])

        def commit(**rows: list[Any]) -> sqlite3.Connection:
            journal.commit([Batch(None, **rows)])
            return journal._connection

        yield commit


@pytest.mark.parametrize(("rows", "size"), [(1, 1), (3, 600), (3, 10_000), (7, 1_000_000)])
def test_entries_of_any_kind_come_in_order(
    rows: int,
    size: int,
    monkeypatch: pytest.MonkeyPatch,
    write: Callable[..., sqlite3.Connection],
) -> None:
    monkeypatch.setattr(bulk_read, "_PAGE_ROWS", rows)
    monkeypatch.setattr(bulk_read, "_PAGE_BYTES", size)
    entries = [
        (1, key, number + 1, number % 2, ALL_BYTES * (number + 1), TIME + number, number or None)
        for key in KEYS
        for number in range(3)
    ]
    connection = write(
        authors=[(OTHER_ROOM, 1, "other", None), (1, 1, "one", None), (1, 2, "two", None)],
        entries=[(OTHER_ROOM, "a", 1, 0, b"1", TIME, 1), *reversed(entries)],
    )
    assert list(read_entries(connection, 1)) == [
        (*entry[1:6], entry[6] or 0) for entry in sorted(entries, key=lambda entry: entry[1:3])
    ]


def test_a_room_without_anything_has_nothing(write: Callable[..., sqlite3.Connection]) -> None:
    connection = write()
    assert list(read_entries(connection, 1)) == []
    assert list(read_authors(connection, 1)) == []
    assert read_producers(connection, 1) == []


def test_authors_come_with_what_is_known_of_them(
    write: Callable[..., sqlite3.Connection],
) -> None:
    users = [None, b'{"name":"Anna, B."}', '{"name":"Zoë"}'.encode()]
    expected = [
        (number, f"{client}{number}", user)
        for number, (client, user) in enumerate(product(TEXTS, users), 1)
    ]
    connection = write(authors=[(1, *author) for author in expected])
    assert list(read_authors(connection, 1)) == expected


def test_producers_come_with_their_runs(write: Callable[..., sqlite3.Connection]) -> None:
    connection = write(
        producers=[(1, 1, "a,b\0c", -1, None), (2, 1, "d", 7, TIME), (3, OTHER_ROOM, "e", 0, None)],
        ids=[(1, 1, 10, 2), (1, 5, 12, 1), (3, 1, 1, 1)],
    )
    first, second = read_producers(connection, 1)
    assert (first.id, first.client, first.forgotten, first.left_at) == (1, "a,b\0c", -1, None)
    assert first.runs == [[1, 10, 2], [5, 12, 1]]
    assert (second.client, second.forgotten, second.left_at, second.runs) == ("d", 7, TIME, [])


def test_sqlite_hands_out_few_rows(write: Callable[..., sqlite3.Connection]) -> None:
    connection = write(
        entries=[(1, f"{n % 10}", n, 0, b"1", TIME, n) for n in range(1, 1001)],
        authors=[(1, n, "c", None) for n in range(1, 1001)],
        producers=[(n, 1, f"c{n}", 0, None) for n in range(1, 1001)],
        ids=[(n, 1, 1, 1) for n in range(1, 1001)],
    )
    handed_out = []

    def note(cursor: sqlite3.Cursor, row: tuple[Any, ...]) -> tuple[Any, ...]:
        handed_out.append(row)
        return row

    connection.row_factory = note
    assert len(list(read_entries(connection, 1))) == 1000
    assert len(list(read_authors(connection, 1))) == 1000
    assert len(read_producers(connection, 1)) == 1000
    assert len(handed_out) < 10
