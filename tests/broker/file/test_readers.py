"""What takes long at the journal keeps nobody from anything else."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from driftdb_jupyter.broker.file.journal import Journal
from driftdb_jupyter.broker.journaled.broker import JournalBroker
from driftdb_jupyter.protocol.errors import Unavailable

from ..brokers import Record, running

pytestmark = pytest.mark.asyncio


async def test_a_check_blocks_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on, check = threading.Event(), Journal.check

    def slow(journal: Journal) -> list[str]:
        assert go_on.wait(60)
        return check(journal)

    monkeypatch.setattr(Journal, "check", slow)
    async with running(JournalBroker(str(tmp_path / "rooms.db"))) as broker:
        await broker.create("room")
        checking = asyncio.create_task(broker.check())
        try:
            assert await broker.open("room", Record()) is not None
            await broker.create("new")
            await broker.delete("new")
            assert not checking.done()
        finally:
            go_on.set()
        assert await checking == []


async def test_a_room_that_is_long_in_loading_blocks_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on, load = threading.Event(), Journal.load

    def slow(journal: Journal, name: str, **options: Any) -> Any:
        assert name != "large" or go_on.wait(60)
        return load(journal, name, **options)

    monkeypatch.setattr(Journal, "load", slow)
    async with running(JournalBroker(str(tmp_path / "rooms.db"))) as broker:
        for name in ("large", "small"):
            await broker.create(name)
        loading = asyncio.create_task(broker.open("large", Record()))
        await asyncio.sleep(0)
        try:
            assert await broker.open("small", Record()) is not None
            await broker.create("new")
            assert not loading.done()
        finally:
            go_on.set()
        assert await loading is not None


async def test_an_end_waits_for_no_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at_work = threading.Event()

    def endless(journal: Journal) -> list[str]:
        at_work.set()
        journal._connection.execute(
            "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n)"
            " SELECT count(*) FROM n"
        ).fetchone()
        return []

    monkeypatch.setattr(Journal, "check", endless)
    broker = JournalBroker(str(tmp_path / "rooms.db"))
    checking = asyncio.create_task(broker.check())
    await asyncio.to_thread(at_work.wait, 30)
    await broker.close()
    with pytest.raises(Unavailable, match="interrupted"):
        await checking


async def test_a_check_finds_rows_that_belong_to_nothing(tmp_path: Path) -> None:
    async with running(JournalBroker(str(tmp_path / "rooms.db"))) as broker:
        await broker.create("room")
        with closing(sqlite3.connect(tmp_path / "rooms.db", isolation_level=None)) as connection:
            connection.execute("INSERT INTO entries VALUES (9, 'k', 1, 0, x'31', 1, NULL)")
        assert await broker.check() == ["1 rows of entries belong to no row of rooms"]
