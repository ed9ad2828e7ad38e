"""All rooms are copied to a file and brought back, through a running server and without one."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from driftdb_jupyter.cli.amounts import size_of

from ..conformance.peer import Room, push
from ..server.processes import Process
from .test_rooms import folder, room, run, server, values

__all__ = ["folder", "room", "server"]

pytestmark = pytest.mark.asyncio


async def test_all_rooms_come_back_in_an_empty_folder(
    folder: Path, room: str, tmp_path: Path
) -> None:
    copied = run(folder, "backup", str(tmp_path / "copy.db"))
    assert copied.returncode == 0
    size = (tmp_path / "copy.db").stat().st_size
    assert copied.stdout.startswith(f"1 room, {size_of(size)}: ")
    assert (tmp_path / "copy.db").stat().st_mode & 0o777 == 0o600
    exported = run(folder, "export", room).stdout
    other = tmp_path / "others"
    assert run(other, "restore", str(tmp_path / "copy.db")).stdout == (
        "Restored 1 room, 0 in the place of others.\n"
    )
    assert run(other, "export", room).stdout == exported
    assert run(other, "check").stdout == "No damage was found.\n"


async def test_rooms_that_are_there_are_replaced_only_where_that_is_asked_for(
    folder: Path, room: str, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.db"
    run(folder, "backup", str(copy))
    exported = run(folder, "export", room).stdout
    changed = json.dumps({"driftdb": 1, "room": room, "seq": 1})
    assert run(folder, "import", "--replace", text=changed).returncode == 0
    assert run(folder, "import", "--room=other", text=changed).returncode == 0
    refused = run(folder, "restore", str(copy))
    assert refused.returncode == 1
    assert "(1 of 1, 'größe & mehr' for one): replace them" in refused.stderr
    assert values(run(folder, "export", room).stdout) == []
    assert run(folder, "restore", str(copy), "--replace").stdout == (
        "Restored 1 room, 1 in the place of others.\n"
        "Left 1 room as it was: the backup doesn't have it.\n"
    )
    assert run(folder, "export", room).stdout == exported


async def test_who_may_do_what_comes_back_with_them(
    folder: Path, room: str, tmp_path: Path
) -> None:
    copy, other = str(tmp_path / "copy.db"), tmp_path / "others"
    run(folder, "access", room, "--anyone=read")
    policy = run(folder, "access", room).stdout
    run(folder, "backup", copy)
    run(folder, "access", room, "--open")
    assert run(folder, "restore", copy, "--replace").returncode == 0
    assert run(folder, "access", room).stdout == policy
    assert run(other, "restore", copy).returncode == 0
    assert run(other, "access", room).stdout == policy


async def test_a_push_that_is_sent_again_after_it_is_not_applied_twice(
    folder: Path, server: Process, tmp_path: Path
) -> None:
    room, secret = Room(server.server, "room"), "c" * 16
    first = await room.post(push("k", "v", id=1), client=secret)
    run(folder, "backup", str(tmp_path / "copy.db"))
    assert run(folder, "restore", str(tmp_path / "copy.db"), "--replace").returncode == 0
    again = await room.post(push("k", "v", id=1), client=secret)
    assert (again.json, again.json["type"]) == (first.json, "ack")
    assert values(run(folder, "export", "room").stdout) == ["v"]


async def test_a_file_is_replaced_only_where_that_is_asked_for(
    folder: Path, room: str, tmp_path: Path
) -> None:
    target = tmp_path / "copy.db"
    target.write_text("mine")
    refused = run(folder, "backup", str(target))
    assert refused.returncode == 1
    assert f"there is a file {target}: give the backup another name" in refused.stderr
    assert target.read_text() == "mine"
    assert run(folder, "backup", str(target), "--replace").returncode == 0
    assert target.read_bytes().startswith(b"SQLite format 3")


async def test_a_symbolic_link_is_replaced_and_not_followed(
    folder: Path, room: str, tmp_path: Path
) -> None:
    target = tmp_path / "copy.db"
    (tmp_path / "mine").write_text("mine")
    target.symlink_to(tmp_path / "mine")
    assert run(folder, "backup", str(target)).returncode == 1
    assert run(folder, "backup", str(target), "--replace").returncode == 0
    assert (tmp_path / "mine").read_text() == "mine"
    assert not target.is_symlink()


async def test_in_a_folder_a_copy_is_named_by_its_time(
    folder: Path, room: str, tmp_path: Path
) -> None:
    (tmp_path / "copies").mkdir()
    assert run(folder, "backup", str(tmp_path / "copies")).returncode == 0
    [copy] = os.listdir(tmp_path / "copies")
    assert copy.startswith("rooms-20")


async def test_the_file_of_the_rooms_itself_is_no_target(folder: Path, room: str) -> None:
    refused = run(folder, "backup", str(folder / "rooms.db"), "--replace")
    assert refused.returncode == 1
    assert "expected another file than the one that the rooms are in" in refused.stderr


@pytest.mark.parametrize("content", [b"", b"no backup" * 1000])
async def test_what_is_no_backup_changes_nothing(
    content: bytes, folder: Path, room: str, tmp_path: Path
) -> None:
    (tmp_path / "copy.db").write_bytes(content)
    for where in (folder, tmp_path / "others"):
        refused = run(where, "restore", str(tmp_path / "copy.db"), "--replace")
        assert refused.returncode == 1
        why = "is damaged (file is not a database)" if content else "is empty"
        said = f"expected a backup of rooms: the journal {tmp_path / 'copy.db'} {why}\n"
        assert refused.stderr == f"driftdb restore: {said}"
        assert refused.stderr.count("\n") == 1
    assert values(run(folder, "export", room).stdout) == [1, [True, None], "drei"]


async def test_a_copy_is_of_one_moment_while_pushes_go_on(
    folder: Path, server: Process, tmp_path: Path
) -> None:
    busy = Room(server.server, "busy")
    for number in range(50):
        await busy.post(push("k", number))
        if number % 10 == 0:
            run(folder, "backup", str(tmp_path / f"{number}.db"))
    for number in range(0, 50, 10):
        with closing(sqlite3.connect(tmp_path / f"{number}.db")) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            kept = [seq for (seq,) in connection.execute("SELECT seq FROM entries ORDER BY seq")]
            assert kept in (list(range(1, number + 2)), list(range(1, number + 1)))
            assert connection.execute("SELECT mode FROM run").fetchone() == ("copy",)


async def test_a_folder_that_is_not_there_is_not_taken_for_a_file(
    folder: Path, room: str, tmp_path: Path
) -> None:
    refused = run(folder, "backup", f"{tmp_path}/backups/")
    assert refused.returncode == 2
    assert f"got {tmp_path}/backups/: there is no such folder" in refused.stderr
    assert not (tmp_path / "backups").exists()


async def test_a_backup_that_is_not_there_is_said(folder: Path, room: str) -> None:
    refused = run(folder, "restore", "nofile")
    assert refused.returncode == 1
    assert refused.stderr == (
        "driftdb restore: expected the file of a backup, got nofile: there is no such file\n"
    )
