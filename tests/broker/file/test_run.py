"""Epochs change wherever numbers may have been given twice, and nowhere else (docs/delivery.md)."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest

from driftdb_jupyter.broker.file import lock, run
from driftdb_jupyter.broker.file.batch import Batch
from driftdb_jupyter.broker.file.journal import Journal, Mode

MODES: list[Mode] = ["batched", "synced"]
both_modes = pytest.mark.parametrize("mode", MODES)
ends = pytest.mark.parametrize("end", ["stop", "kill"])
restored = pytest.mark.parametrize("restore", ["over it", "in its place"])


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the second witnesses."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


class Server:
    """Has the journal of a folder, as far as epochs are concerned."""

    _numbers = count(1)

    def __init__(self, folder: Path, mode: Mode = "batched") -> None:
        self.journal = Journal(str(folder / "rooms.db"), mode=mode)
        self.era = self.journal.begin()
        self.write()

    def write(self) -> None:
        row = (1, "epoch", next(self._numbers), 0, 0, 0, 0, 1.0)
        self.journal.commit([Batch(rooms=[row])])

    def end(self, how: str = "stop") -> str:
        if how == "stop":
            self.journal.end()
        self.journal.close()
        return self.era


def era_of(folder: Path, mode: Mode = "batched") -> str:
    """The era of a server that is started now, and stopped."""
    return Server(folder, mode).end()


def hot_backup(folder: Path, target: Path) -> None:
    with (
        closing(sqlite3.connect(folder / "rooms.db")) as source,
        closing(sqlite3.connect(target)) as copy,
    ):
        source.backup(copy)


def put_back(copy: Path, folder: Path, restore: str) -> None:
    path = folder / "rooms.db"
    for name in ("rooms.db-wal", "rooms.db-shm"):
        (folder / name).unlink(missing_ok=True)
    if restore == "over it":
        path.write_bytes(copy.read_bytes())
    else:
        os.replace(copy, path)


@both_modes
def test_a_clean_end_keeps_the_epoch(mode: Mode, folder: Path) -> None:
    assert len({era_of(folder, mode) for _ in range(3)}) == 1


@both_modes
def test_a_clean_start_of_the_machine_keeps_it(
    mode: Mode, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    era = era_of(folder, mode)
    monkeypatch.setattr(run, "boot_id", lambda: "another")
    assert era_of(folder, mode) == era


@both_modes
def test_a_change_of_the_durability_keeps_it(mode: Mode, folder: Path) -> None:
    assert era_of(folder, "batched") == era_of(folder, "synced") == era_of(folder, "batched")


@both_modes
def test_a_folder_that_is_moved_keeps_it(mode: Mode, folder: Path, tmp_path: Path) -> None:
    era = era_of(folder, mode)
    folder.rename(tmp_path / "moved")
    assert era_of(tmp_path / "moved", mode) == era


@both_modes
def test_a_crash_keeps_it_in_synced_alone(mode: Mode, folder: Path) -> None:
    first = Server(folder, mode)
    first.write()
    second = Server(folder, mode) if first.end("kill") else None
    assert second is not None
    assert (second.era == first.era) == (mode == "synced")
    assert era_of(folder, mode) == second.era if second.end() else False


def test_a_crash_of_the_machine_changes_it_in_synced_too(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For it may be a snapshot of the whole disk that the machine is started from."""
    era = Server(folder, "synced").end("kill")
    monkeypatch.setattr(run, "boot_id", lambda: "another")
    assert era_of(folder, "synced") != era


def test_where_nobody_can_say_whether_the_machine_went_on_a_crash_changes_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "boot_id", lambda: "")
    era = Server(folder, "synced").end("kill")
    assert era_of(folder, "synced") != era


@both_modes
@ends
@restored
def test_a_cold_copy_that_is_put_back_changes_it(
    mode: Mode, end: str, restore: str, folder: Path, tmp_path: Path
) -> None:
    era = era_of(folder, mode)
    shutil.copy2(folder / "rooms.db", tmp_path / "copy")
    Server(folder, mode).end(end)
    put_back(tmp_path / "copy", folder, restore)
    assert era_of(folder, mode) != era


@both_modes
@ends
@restored
def test_a_hot_copy_that_is_put_back_changes_it(
    mode: Mode, end: str, restore: str, folder: Path, tmp_path: Path
) -> None:
    server = Server(folder, mode)
    hot_backup(folder, tmp_path / "copy")
    server.write()
    era = server.end(end)
    put_back(tmp_path / "copy", folder, restore)
    assert era_of(folder, mode) != era


@both_modes
@pytest.mark.parametrize("end", ["stop", "kill"])
def test_of_a_folder_and_its_copy_only_the_first_keeps_it(
    mode: Mode, end: str, folder: Path, tmp_path: Path
) -> None:
    first = Server(folder, mode).end(end)
    shutil.copytree(folder, tmp_path / "copy")
    again, other = era_of(folder, mode), era_of(tmp_path / "copy", mode)
    assert (again == first) == (end == "stop" or mode == "synced")
    assert other not in (first, again)
    for _ in range(2):  # by turns, and neither disturbs the other
        assert (era_of(folder, mode), era_of(tmp_path / "copy", mode)) == (again, other)


@both_modes
@ends
def test_a_folder_that_is_put_back_changes_it(
    mode: Mode, end: str, folder: Path, tmp_path: Path, state: Path
) -> None:
    server = Server(folder, mode)
    if end == "stop":
        server.end()
    shutil.copytree(folder, tmp_path / "copy")
    if end == "stop":
        server = Server(folder, mode)
    server.write()
    era = server.end(end)
    shutil.copytree(tmp_path / "copy", folder, dirs_exist_ok=True)
    shutil.rmtree(state)  # as where nothing outside of the folder survives
    assert era_of(folder, mode) != era


@both_modes
def test_a_file_alone_changes_it(mode: Mode, folder: Path, tmp_path: Path) -> None:
    era = era_of(folder, mode)
    (tmp_path / "other").mkdir()
    shutil.copy2(folder / "rooms.db", tmp_path / "other")
    assert era_of(tmp_path / "other", mode) != era


class TestADiskThatIsPutBack:
    """Its files are the same ones as ever, by all that the system tells."""

    @pytest.fixture(autouse=True)
    def _disk(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(
            "driftdb_jupyter.broker.file.lock._identity", lambda descriptor: "the same"
        )

    @both_modes
    @ends
    @pytest.mark.parametrize("taken", ["stopped", "running"])
    def test_changes_it_where_the_second_witness_is_on_another_one(
        self, mode: Mode, end: str, taken: str, folder: Path, tmp_path: Path
    ) -> None:
        server = Server(folder, mode)
        if taken == "stopped":
            server.end()
        shutil.copytree(folder, tmp_path / "snapshot")
        if taken == "stopped":
            server = Server(folder, mode)
        server.write()
        era = server.end(end)
        shutil.rmtree(folder)
        shutil.copytree(tmp_path / "snapshot", folder)
        assert era_of(folder, mode) != era

    @both_modes
    def test_changes_it_where_a_machine_was_started_from_it_that_had_been_running(
        self, mode: Mode, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        server = Server(folder, mode)
        shutil.copytree(tmp_path, tmp_path.parent / f"{tmp_path.name}-snapshot")
        server.write()
        era = server.end()
        for name in ("data", "state"):
            shutil.rmtree(tmp_path / name)
            shutil.copytree(tmp_path.parent / f"{tmp_path.name}-snapshot" / name, tmp_path / name)
        monkeypatch.setattr(run, "boot_id", lambda: "another")
        assert era_of(folder, mode) != era

    def test_is_not_told_where_it_is_of_after_a_clean_end_and_has_the_second_witness(
        self, folder: Path, tmp_path: Path
    ) -> None:
        """Nothing is left that could tell; docs/delivery.md says so."""
        era_of(folder)
        shutil.copytree(folder, tmp_path / "snapshot")
        shutil.copytree(tmp_path / "state", tmp_path / "state-snapshot")
        era = era_of(folder)
        for name, copy in (("data", "snapshot"), ("state", "state-snapshot")):
            shutil.rmtree(tmp_path / name)
            shutil.copytree(tmp_path / copy, tmp_path / name)
        assert era_of(folder) == era


@both_modes
def test_a_backup_gets_an_epoch_of_its_own(mode: Mode, folder: Path, tmp_path: Path) -> None:
    era = era_of(folder, mode)
    with closing(sqlite3.connect(folder / "rooms.db")) as connection, connection:
        connection.execute("UPDATE run SET mode = 'copy'")
    assert era_of(folder, mode) != era


@both_modes
def test_a_state_folder_that_cant_be_made_changes_nothing(
    mode: Mode, folder: Path, state: Path
) -> None:
    state.write_text("")
    assert era_of(folder, mode) == era_of(folder, mode)


@both_modes
def test_a_start_that_fails_keeps_the_epoch(mode: Mode, folder: Path) -> None:
    era = era_of(folder, mode)
    journal = Journal(str(folder / "rooms.db"), mode=mode)
    journal._connection.execute("PRAGMA query_only=1")
    for _ in range(2):
        with pytest.raises(sqlite3.OperationalError):
            journal.begin()
    journal.close()
    assert era_of(folder, mode) == era


def test_an_end_in_the_middle_of_a_start_or_an_end_keeps_no_epoch_wrongly(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    era = era_of(folder)
    shutil.copy2(folder / "rooms.db", tmp_path / "copy")

    def die(*args: object) -> None:
        raise KeyboardInterrupt

    steps: list[tuple[type, str, Callable[..., None]]] = [
        (run.Witness, "begin", die),
        (lock.FileLock, "renew", die),
    ]
    for owner, name, instead in steps:
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, instead)
            journal = Journal(str(folder / "rooms.db"))
            with pytest.raises(KeyboardInterrupt):
                journal.begin()
            journal.close()
    era_of(folder)
    put_back(tmp_path / "copy", folder, "over it")
    assert era_of(folder) != era
