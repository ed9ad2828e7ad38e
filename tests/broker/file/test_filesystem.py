"""A journal that is moved, replaced or laid open is noticed, and said."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from driftdb_jupyter.broker.durability import open_broker
from driftdb_jupyter.broker.file.journal import Journal, JournalUnusable, Mode
from driftdb_jupyter.broker.journaled.broker import JournalBroker
from driftdb_jupyter.protocol.errors import Unavailable
from driftdb_jupyter.protocol.messages import Append
from driftdb_jupyter.rooms.room import Applied

from ..brokers import CLIENT, Record, opened, push, running

both_modes = pytest.mark.parametrize("mode", ["batched", "synced"])
posix = pytest.mark.skipif(os.name != "posix", reason="modes and symbolic links as in POSIX")


def move_folder(folder: Path) -> Callable[[], object]:
    moved = folder.with_name("moved")
    folder.rename(moved)
    return lambda: moved.rename(folder)


def replace_folder(folder: Path) -> Callable[[], object]:
    moved = folder.with_name("moved")
    folder.rename(moved)
    shutil.copytree(moved, folder)

    def put_back() -> None:
        shutil.rmtree(folder)
        moved.rename(folder)

    return put_back


def _move_file(folder: Path, name: str) -> Callable[[], object]:
    (folder / name).rename(folder / "moved")
    return lambda: (folder / "moved").rename(folder / name)


def move_file(folder: Path) -> Callable[[], object]:
    return _move_file(folder, "rooms.db")


def move_log(folder: Path) -> Callable[[], object]:
    return _move_file(folder, "rooms.db-wal")


def move_lock(folder: Path) -> Callable[[], object]:
    return _move_file(folder, "rooms.db.lock")


@both_modes
@pytest.mark.parametrize("happens", [move_folder, replace_folder, move_file, move_log, move_lock])
@pytest.mark.asyncio
async def test_what_would_be_lost_is_refused_until_the_file_is_back(
    happens: Callable[[Path], Callable[[], object]], mode: Mode, tmp_path: Path
) -> None:
    folder, record = tmp_path / "data", Record(client=CLIENT)
    async with running(JournalBroker(str(folder / "rooms.db"), mode=mode)) as broker:
        sequencer = await opened(broker, record)
        push(sequencer, record, Append(), push_id=1)
        await record.answered(1)
        put_back = happens(folder)
        with pytest.raises(Unavailable, match="moved away, removed or replaced"):
            await broker.create("other")
        push(sequencer, record, Append(), push_id=2)
        await record.answered(2)
        assert isinstance(record.answers[-1], Unavailable)
        assert str(tmp_path) not in str(broker.trouble)
        put_back()
        while broker.trouble:
            await asyncio.sleep(0.01)
        push(sequencer, record, Append(), push_id=3)
        await record.answered(3)
        assert isinstance(record.answers[-1], Applied)


@pytest.mark.asyncio
async def test_it_is_noticed_where_nobody_writes_too(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    async with running(JournalBroker(str(folder / "rooms.db"))) as broker:
        await broker.create("room")
        broker.look()
        await broker.summaries()
        assert broker.trouble is None
        put_back = move_folder(folder)
        while broker.trouble is None:
            broker.look()
            await asyncio.sleep(0.01)
        assert "rooms.db can't be written (it was moved away" in broker.trouble
        put_back()
        while broker.trouble:
            await asyncio.sleep(0.01)


@posix
@pytest.mark.parametrize("suffix", ["", "-wal", "-shm", "-journal", ".lock", ".run"])
@pytest.mark.parametrize("target", ["none", "a file", "a folder"])
def test_a_symbolic_link_is_not_followed(suffix: str, target: str, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    if target == "a file":
        elsewhere.write_bytes(b"mine")
    elif target == "a folder":
        elsewhere.mkdir()
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / f"rooms.db{suffix}").symlink_to(elsewhere)
    with pytest.raises(JournalUnusable, match="is a symbolic link"):
        Journal(str(folder / "rooms.db"))
    assert elsewhere.exists() == (target != "none")
    assert target != "a file" or elsewhere.read_bytes() == b"mine"


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "rooms.db").mkdir()
    with pytest.raises(JournalUnusable, match="is not an ordinary file"):
        Journal(str(tmp_path / "rooms.db"))


@posix
@pytest.mark.asyncio
async def test_files_that_others_may_read_become_private(tmp_path: Path) -> None:
    path = tmp_path / "rooms.db"
    async with running(JournalBroker(str(path))) as broker:
        await broker.create("room")
    for name in os.listdir(tmp_path):
        (tmp_path / name).chmod(0o644)
    async with running(JournalBroker(str(path))) as broker:
        await broker.create("other")
        assert {file.stat().st_mode & 0o777 for file in tmp_path.iterdir()} == {0o600}


@posix
@pytest.mark.asyncio
async def test_a_folder_that_everybody_may_write_to_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    folder.chmod(0o777)
    async with running(JournalBroker(str(folder / "rooms.db"))):
        assert f"everybody on this machine may write to {folder}" in caplog.text


@posix
@pytest.mark.asyncio
async def test_a_folder_that_is_a_symbolic_link_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "data").symlink_to(tmp_path / "real")
    async with running(JournalBroker(str(tmp_path / "data" / "rooms.db"))):
        assert f"{tmp_path / 'data'} is a symbolic link" in caplog.text
        assert str(tmp_path / "real") in caplog.text


@posix
def test_an_ordinary_folder_is_not_worth_a_word(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broker = open_broker(str(tmp_path / "data" / "rooms.db"))
    asyncio.run(broker.close())
    assert caplog.text == ""
