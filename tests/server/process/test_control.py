"""The control file is written for the driftdb command; no disk keeps the server from working."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from driftdb_jupyter.server.process.control import Control, control_file, control_path, read_control

CONTROL = Control("http://127.0.0.1:8000/", secret="s", pid=1)


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    path = tmp_path / "rooms.db"
    path.touch()
    return path


def test_it_is_there_while_the_server_runs(journal: Path, caplog: pytest.LogCaptureFixture) -> None:
    with control_file(str(journal), CONTROL):
        assert read_control(journal) == CONTROL
    assert read_control(journal) is None
    assert caplog.messages == []


def test_a_server_whose_folder_cant_be_written_runs_all_the_same(
    journal: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = control_path(journal)
    path.with_name(f"{path.name}.new").mkdir()  # in the way, as a full disk is
    with control_file(str(journal), CONTROL):
        assert read_control(journal) is None
    (message,) = caplog.messages
    assert message.startswith(f"{path} can't be written (")
    assert "no driftdb command finds this server" in message


def test_a_server_whose_folder_cant_be_written_any_more_ends_as_it_should(
    journal: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = control_path(journal)
    with control_file(str(journal), CONTROL):
        path.unlink()
        path.mkdir()
    (message,) = caplog.messages
    assert message.startswith(f"{path} can't be removed (")


def test_who_started_later_is_found_when_the_earlier_ends(journal: Path) -> None:
    later = Control("http://127.0.0.1:8001/", secret="t", pid=2)
    with control_file(str(journal), later):
        with control_file(str(journal), CONTROL):
            control_path(journal).write_bytes(msgspec.json.encode(later))
        assert read_control(journal) == later


def test_it_is_there_where_rooms_are_in_no_file(tmp_path: Path) -> None:
    journal = tmp_path / "folder" / "rooms.db"
    with control_file(str(journal), CONTROL):
        assert read_control(journal) == CONTROL
