from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from driftdb_jupyter.client.transport.own_mark import _kept, own_mark


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    _kept.cache_clear()
    yield tmp_path
    _kept.cache_clear()


def in_another_process(secret: str) -> str:
    _kept.cache_clear()
    return own_mark(secret)


def test_a_user_has_one_for_each_link_in_all_processes(home: Path) -> None:
    mark = own_mark("link_a")
    assert in_another_process("link_a") == mark != own_mark("link_b")
    file = home / "driftdb-jupyter" / "person"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text() not in mark


def test_each_user_has_another(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mark = own_mark("link_a")
    monkeypatch.setenv("XDG_STATE_HOME", str(home / "other"))
    assert in_another_process("link_a") != mark


@pytest.mark.parametrize("kept", ["", "short", "\udcff" * 32, "x" * 32, "0" * 33])
def test_what_is_no_mark_gives_way_to_one(home: Path, kept: str) -> None:
    (home / "driftdb-jupyter").mkdir()
    file = home / "driftdb-jupyter" / "person"
    file.write_bytes(kept.encode(errors="surrogateescape"))
    mark = own_mark("link_a")
    assert in_another_process("link_a") == mark
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [each.name for each in file.parent.iterdir()] == ["person"]


def test_a_process_that_ends_while_it_writes_leaves_nothing_half_done(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ends(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("os.link", ends)
        with pytest.raises(KeyboardInterrupt):
            own_mark("link_a")
    assert list((home / "driftdb-jupyter").iterdir()) == []


def test_of_two_processes_at_once_the_first_one_counts(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = os.link

    def after_another(here: Path, there: Path) -> None:
        monkeypatch.setattr("os.link", link)
        marks.append(in_another_process("link_a"))
        link(here, there)

    marks: list[str] = []
    monkeypatch.setattr("os.link", after_another)
    assert own_mark("link_a") == marks[0]
    assert len(marks) == 1


def test_a_file_system_without_links_keeps_one(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def has_none(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr("os.link", has_none)
    mark = own_mark("link_a")
    assert in_another_process("link_a") == mark


def test_a_folder_that_nobody_may_make_keeps_none(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "driftdb-jupyter").write_text("a file where the folder should be")
    assert own_mark("link_a") != in_another_process("link_a")
