from __future__ import annotations

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


@pytest.mark.parametrize("kept", ["", "short", "\udcff" * 32])
def test_where_none_is_kept_a_process_has_one_of_its_own(home: Path, kept: str) -> None:
    (home / "driftdb-jupyter").mkdir()
    file = home / "driftdb-jupyter" / "person"
    file.write_bytes(kept.encode(errors="surrogateescape"))
    mark = own_mark("link_a")
    assert own_mark("link_a") == mark != in_another_process("link_a")


def test_a_folder_that_nobody_may_make_keeps_none(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "driftdb-jupyter").write_text("a file where the folder should be")
    assert own_mark("link_a") != in_another_process("link_a")
