"""How rows are written to a journal."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from driftdb_jupyter.broker.file.batch import Batch
from driftdb_jupyter.broker.file.journal import Journal

KIB = 1024
TIME = 1_700_000_000.0


class Statements:
    """A connection that notes which statements were given what."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.given: dict[str, int] = {}

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> sqlite3.Cursor:
        """Execute it; what it was given before is forgotten, as SQLite does."""
        self.given[sql] = sum(len(each) for each in parameters if isinstance(each, bytes))
        return self._connection.execute(sql, parameters)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


@pytest.mark.parametrize("size", [10, 20 * KIB, 600 * KIB])
def test_the_statements_of_a_journal_keep_little_of_what_they_wrote(
    tmp_path: Path, size: int
) -> None:
    count = 127
    with closing(Journal(str(tmp_path / "rooms.db"))) as journal:
        room: Any = (1, "room", "epoch", count, 0, 0, 1, 1, TIME)
        journal.commit([Batch(created=[room], authors=[(1, 1, "one", None)])])
        statements: Any = Statements(journal._connection)
        journal._connection = statements
        entries: list[Any] = [
            (1, "k", number + 1, 1, bytes(size), TIME, 1) for number in range(count)
        ]
        policies: list[Any] = [(1, "kind", str(number), b"1" * size) for number in range(count)]
        journal.commit([Batch(1, entries=entries, access=policies)])
        assert sum(statements.given.values()) < 4 * KIB * KIB
        for column, table in (("value", "entries"), ("content", "access")):
            written = f"SELECT count(*), min(length({column})) FROM {table}"
            assert journal._connection.execute(written).fetchone() == (count, size)
