"""The bad disk does what it says: recorded, failing, slow, and without power."""

from __future__ import annotations

import errno
import os
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from random import Random

import pytest

from ..server.processes import environment
from .disk import Disk

ROOT = Path(__file__).parents[2]


class Program:
    """A running ``writer.py``."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def says(self, line: str) -> str:
        """Give it a line, and return its answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(line, file=self._process.stdin, flush=True)
        return self._process.stdout.readline().strip()

    def does(self, *lines: str) -> None:
        """Give it lines that it can carry out."""
        for line in lines:
            assert self.says(line) == "ok"


@contextmanager
def running(disk: Disk) -> Iterator[Program]:
    """The program with that disk; killed at the end."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.writer"],
        cwd=ROOT,
        env=environment(**disk.environment),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield Program(process)
        finally:
            process.kill()


def rows(disk: Disk) -> list[str]:
    """What a database holds; it must be sound."""
    with closing(sqlite3.connect(disk.directory / "db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        if not database.execute("SELECT * FROM sqlite_master").fetchall():
            return []
        return [text for (text,) in database.execute("SELECT text FROM rows ORDER BY rowid")]


def test_sqlite_syncs_each_commit_behind_its_last_write(disk: Callable[..., Disk]) -> None:
    recorded = disk(recorded=True)
    with running(recorded) as program:
        program.does(f"open {recorded.directory}/db FULL", "commit the-row")
    calls = [call for call in recorded.calls() if call.path == "db-wal"]
    assert calls[-1].is_sync
    assert b"the-row" in calls[-2].content
    assert (calls[-2].length, len(calls[-2].content)) == (4096, 4096)


def test_what_is_sent_stands_between_the_other_calls(disk: Callable[..., Disk]) -> None:
    recorded = disk(recorded=True)
    with running(recorded) as program, socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        program.does(f"file {recorded.directory}/file", f"send {port} before", "append text")
        program.does("sync", f"send {port} after")
    told = [(call.name, call.path, call.content) for call in recorded.calls()]
    assert told[1:] == [
        ("send", "tcp", b"before"),
        ("write", "file", b"text"),
        ("fsync", "file", b""),
        ("send", "tcp", b"after"),
    ]


@pytest.mark.parametrize("survivors", [None, Random(1), Random(2), Random(3)])
def test_without_power_a_database_that_syncs_keeps_every_commit(
    disk: Callable[..., Disk], survivors: Random | None
) -> None:
    bad = disk()
    committed = [f"row-{number}" for number in range(20)]
    with running(bad) as program:
        program.does(f"open {bad.directory}/db FULL")
        program.does(*(f"commit {row}" for row in committed[:10]), "checkpoint")
        program.does(*(f"commit {row}" for row in committed[10:]))
    bad.lose_power(survivors)
    assert rows(bad) == committed


@pytest.mark.parametrize("survivors", [None, Random(1), Random(2), Random(3)])
def test_without_power_a_database_that_seldom_syncs_loses_the_newest_alone(
    disk: Callable[..., Disk], survivors: Random | None
) -> None:
    bad = disk()
    committed = [f"row-{number}" for number in range(20)]
    with running(bad) as program:
        program.does(f"open {bad.directory}/db NORMAL")
        program.does(*(f"commit {row}" for row in committed[:10]), "checkpoint")
        program.does(*(f"commit {row}" for row in committed[10:]))
    bad.lose_power(survivors)
    kept = rows(bad)
    assert 10 <= len(kept) < 20
    assert kept == committed[: len(kept)]


def test_a_killed_process_alone_loses_nothing(disk: Callable[..., Disk]) -> None:
    bad = disk()
    with running(bad) as program:
        program.does(f"open {bad.directory}/db NORMAL", "commit row")
    assert rows(bad) == ["row"]


def test_what_one_process_left_unsynced_the_next_one_can_sync(disk: Callable[..., Disk]) -> None:
    bad = disk()
    file = bad.directory / "file"
    with running(bad) as program:
        program.does(f"file {file}", "append left")
    with running(bad) as program:
        program.does(f"file {file}", "append -more", "sync", "append -lost")
    bad.lose_power()
    assert file.read_text() == "left-more"


def test_a_file_is_gone_for_good_once_its_folder_was_synced(disk: Callable[..., Disk]) -> None:
    bad = disk()
    file = bad.directory / "file"
    with running(bad) as program:
        program.does(f"file {file}", "append text", "sync", "unlink")
        bad.lose_power()
        assert file.exists()
        program.does("unlink", "sync-folder")
    bad.lose_power()
    assert not file.exists()


def test_a_sync_that_failed_is_not_made_good_by_a_later_one(disk: Callable[..., Disk]) -> None:
    bad = disk()
    file = bad.directory / "file"
    with running(bad) as program:
        program.does(f"file {file}", "append kept", "sync", "append lost")
        with bad.failing("sync", error=errno.EIO):
            assert os.strerror(errno.EIO) in program.says("sync")
        program.does("append more", "sync")
    bad.lose_power()
    assert file.read_bytes() == b"kept" + bytes(4) + b"more"


def test_a_failing_sync_fails_the_commit_until_the_disk_is_well_again(
    disk: Callable[..., Disk],
) -> None:
    bad = disk()
    with running(bad) as program:
        program.does(f"open {bad.directory}/db FULL", "commit first")
        with bad.failing("sync", error=errno.EIO):
            assert program.says("commit second") == "disk I/O error"
        program.does("commit third")
    bad.lose_power()
    assert rows(bad) == ["first", "third"]


def test_a_full_disk_takes_no_more_and_keeps_what_it_has(disk: Callable[..., Disk]) -> None:
    bad = disk()
    with running(bad) as program:
        program.does(f"open {bad.directory}/db FULL", "commit first")
        with bad.full():
            assert program.says("commit second") == "database or disk is full"
        program.does("commit third")
    assert rows(bad) == ["first", "third"]


def test_a_disk_that_may_not_be_written_to_refuses_to_open(disk: Callable[..., Disk]) -> None:
    bad = disk()
    with running(bad) as program, bad.failing("open", error=errno.EROFS):
        assert os.strerror(errno.EROFS) in program.says(f"file {bad.directory}/file")
        assert program.says(f"open {bad.directory}/db FULL") == "unable to open database file"


def test_a_slow_disk_takes_its_time(disk: Callable[..., Disk]) -> None:
    bad = disk(recorded=True)
    with running(bad) as program:
        program.does(f"file {bad.directory}/file", "append text")
        with bad.slow("sync", seconds=0.2):
            program.does("sync")
    written, synced = bad.calls()[-2:]
    assert synced.nanoseconds - written.nanoseconds >= 0.2 * 1e9
