"""A file of version 1 becomes one of version 2, whatever happens on the way."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from driftdb_jupyter.broker.durability import open_broker
from driftdb_jupyter.broker.file import migration
from driftdb_jupyter.broker.file.journal import Journal, JournalUnusable
from driftdb_jupyter.broker.journaled.broker import JournalBroker
from driftdb_jupyter.broker.memory import MemoryBroker

from ..brokers import Record, kept, make, running
from ..version_1 import CLIENT, make_version_1

KEY = hashlib.sha256(CLIENT.encode()).hexdigest()
ORPHANS = """
    INSERT INTO entries VALUES (9, 'a', 1, 0, x'31', 1, NULL), (2, 'b', 1, 0, x'31', 1, 77);
    INSERT INTO authors VALUES (8, 9, 'nobody', NULL);
    INSERT INTO producers VALUES (8, 9, 'e', 0, NULL), (2, 1, 'cccccccccccccccc', 0, NULL);
    INSERT INTO ids VALUES (70, 1, 1, 1), (8, 1, 1, 1), (2, 1, 1, 1);
"""


def path_in(folder: Path, **options: Any) -> Path:
    path = folder / "rooms.db"
    make_version_1(path, **options)
    return path


def rows(path: Path, query: str) -> list[Any]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


@pytest.mark.asyncio
async def test_all_that_rooms_hold_is_there_in_the_same_epoch(tmp_path: Path) -> None:
    path = path_in(tmp_path)
    async with running(make("batched", tmp_path)) as broker:
        sequencer = await broker.open("lecture", Record())
        assert sequencer is not None
        room = sequencer.room
        assert (room.epoch, room.seq, room.newest_relay) == ("first.3", 7, 6)
        assert {key: [seq for seq, *_ in entries] for key, entries in kept(room).items()} == {
            "a": [1, 2],
            "b": [7],
        }
        first, second = room.read("a")
        assert first.author is not None
        assert (first.author.client, first.time, second.author) == ("anna", 10.25, None)
        producer = sequencer.room.producers.get(KEY)
        assert [producer.seq(number) for number in (3, 4, 9)] == [1, 2, 7]
        assert [summary.name for summary in await broker.summaries()] == ["lecture", "poll"]
    assert rows(path, "PRAGMA foreign_key_check") == []
    assert CLIENT.encode() not in path.read_bytes()


@pytest.mark.parametrize(("mode", "same"), [("", True), ("synced", True), ("batched", False)])
def test_the_epoch_changes_only_where_version_1_would_have_changed_it(
    mode: str, same: bool, tmp_path: Path
) -> None:
    with closing(Journal(str(path_in(tmp_path, mode=mode)))) as journal:
        assert (journal.begin() == "3") == same


def test_it_is_copied_first_for_its_owner_alone(tmp_path: Path) -> None:
    path = path_in(tmp_path)
    Journal(str(path)).close()
    copy = tmp_path / "rooms.db.v1.bak"
    assert copy.stat().st_mode & 0o777 == 0o600
    assert rows(copy, "PRAGMA user_version") == [(1,)]
    assert rows(copy, "SELECT count(*) FROM entries") == [(5,)]
    assert not list(tmp_path.glob("*.new*"))


def test_what_belongs_to_nothing_is_left_out_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = path_in(tmp_path, rows=ORPHANS)
    Journal(str(path)).close()
    assert rows(path, "SELECT key, author FROM entries WHERE room = 2") == [("a", 2), ("b", None)]
    assert rows(path, "SELECT id, client FROM producers") == [(4, KEY)]
    assert rows(path, "SELECT id FROM ids") == [(3,), (9,)]
    for said in (
        "1 values of no room",
        "1 authors that are unknown",
        "2 clients of no room",
        "3 ids of no client",
    ):
        assert f"left out {said}" in caplog.text


def test_a_file_without_orphans_loses_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    Journal(str(path_in(tmp_path))).close()
    assert "left out" not in caplog.text


def test_an_id_is_never_given_twice(tmp_path: Path) -> None:
    path = path_in(tmp_path)
    with closing(Journal(str(path))) as journal:
        assert (journal.newest("producers"), journal.newest("rooms")) == (4, 2)
        journal._connection.execute("DELETE FROM producers")
        assert journal.newest("producers") == 4


KILLED = """
import os, signal, sys
from driftdb_jupyter.broker.file import backup, migration
from driftdb_jupyter.broker.file.journal import Journal
steps = int(sys.argv[2])
def trace(frame, event, argument):
    global steps
    if frame.f_code.co_filename in (backup.__file__, migration.__file__):
        steps -= event == "line"
        if steps < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return trace
sys.settrace(trace)
Journal(sys.argv[1]).close()
"""


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
@pytest.mark.parametrize("steps", [*range(0, 100, 9)])
def test_killed_at_any_point_it_begins_again(steps: int, tmp_path: Path) -> None:
    path = path_in(tmp_path, rows=ORPHANS)
    for _ in range(2):
        ended = subprocess.run([sys.executable, "-c", KILLED, str(path), str(steps)], check=False)
        assert ended.returncode in (0, -signal.SIGKILL)
    broker = open_broker(str(path))
    assert isinstance(broker, JournalBroker)
    asyncio.run(broker.close())
    assert rows(path, "SELECT room, key, seq FROM entries") == [
        (1, "a", 1),
        (1, "a", 2),
        (1, "b", 7),
        (2, "a", 3),
        (2, "b", 1),
    ]
    assert rows(tmp_path / "rooms.db.v1.bak", "SELECT count(*) FROM entries") == [(7,)]


@pytest.mark.parametrize("step", ["copy_database", "_change"])
def test_a_full_disk_leaves_the_file_as_it_was(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = path_in(tmp_path)
    before = path.read_bytes()
    module: Any = migration

    def fill(*args: Any, **options: Any) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(module, step, fill)
    broker = open_broker(str(path))
    assert isinstance(broker, MemoryBroker)
    assert "is of version 1" in str(broker.trouble)
    assert "disk is full" in str(broker.trouble)
    assert "it is as it was" in str(broker.trouble)
    assert path.read_bytes() == before
    monkeypatch.undo()
    Journal(str(path)).close()
    assert rows(path, "PRAGMA user_version") == [(3,)]


def test_a_disk_that_fills_up_in_the_middle_leaves_no_half_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = path_in(tmp_path)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(JournalUnusable, match="No space left"):
        Journal(str(path))
    monkeypatch.undo()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["rooms.db", "rooms.db.lock"]


def test_one_that_cant_be_written_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = path_in(tmp_path)
    monkeypatch.setattr("driftdb_jupyter.broker.file.journal._writable", lambda path: False)
    with pytest.raises(JournalUnusable, match="version 1, and has to be brought up to date"):
        Journal(str(path))
