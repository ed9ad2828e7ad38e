"""The commands for whole rooms, through a running server and without one."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import pytest
import pytest_asyncio

from driftdb_jupyter.access.owner import owner_change
from driftdb_jupyter.protocol.name import room_digest
from driftdb_jupyter.server.process.control import control_path
from driftdb_jupyter.server.process.place import journal_in

from ..broker.version_1 import make_version_1
from ..conformance.peer import Room, fetch, push
from ..server.processes import COMMAND, Process, environment, started

pytestmark = pytest.mark.asyncio

WHERE = ["a server runs", "no server runs"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "rooms"


@pytest.fixture
def server(folder: Path) -> Iterator[Process]:
    with serving(folder) as process:
        yield process


@pytest_asyncio.fixture(params=WHERE)
async def room(request: pytest.FixtureRequest, server: Process) -> str:
    """A room of three values, and a server that is still there or not."""
    return await three_values(server, request.param)


class Kept(NamedTuple):
    """A room of three values that no test changes, and the folder that keeps it."""

    folder: Path
    room: str


@pytest.fixture(scope="module", params=WHERE)
def kept(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Kept]:
    folder = tmp_path_factory.mktemp("kept") / "rooms"
    with serving(folder) as process:
        yield Kept(folder, asyncio.run(three_values(process, request.param)))


def serving(folder: Path) -> AbstractContextManager[Process]:
    command = [*COMMAND, "serve", "--port=0", "--named-rooms", f"--data={folder}"]
    return started(command, cwd=folder.parent, env=environment())


async def three_values(server: Process, where: str) -> str:
    """Write them into a room, and end the server if it isn't to run."""
    room = Room(server.server, "größe & mehr")
    for value in (1, [True, None], "drei"):
        await room.post(push("k", value))
    if where == "no server runs":
        server.end()
    return room.name


def run(folder: Path, *arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments, f"--data={folder}"],
        input=text,
        capture_output=True,
        text=True,
        env=environment(),
        timeout=30,
    )


def values(lines: str) -> list[object]:
    return [json.loads(line)["value"] for line in lines.splitlines()[1:]]


async def test_a_room_is_exported_deleted_and_brought_back(folder: Path, room: str) -> None:
    exported = run(folder, "export", room).stdout
    assert values(exported) == [1, [True, None], "drei"]
    assert run(folder, "delete", room).returncode == 0
    assert json.loads(run(folder, "rooms", "--json").stdout or "null") is None
    assert run(folder, "import", text=exported).returncode == 0
    assert run(folder, "export", room).stdout == exported


async def test_no_room_is_deleted_where_one_of_the_names_is_wrong(folder: Path, room: str) -> None:
    refused = run(folder, "delete", room, "lectrue", "nowhere")
    assert refused.returncode == 3
    assert refused.stderr == (
        "driftdb delete: expected the name of a room, got 'lectrue', 'nowhere': there is none\n"
    )
    assert [json.loads(line)["name"] for line in run(folder, "rooms", "--json").stdout.splitlines()]
    assert run(folder, "delete", room, room).returncode == 0


async def test_half_an_exported_room_is_not_imported(kept: Kept) -> None:
    folder, room = kept
    exported = run(folder, "export", room).stdout
    half = "".join(exported.splitlines(keepends=True)[:2])
    for arguments in (["--room=other"], ["--replace"]):
        refused = run(folder, "import", *arguments, text=half)
        assert refused.returncode == 1
        assert "expected 3 lines behind the first, got 1: the file is not whole" in refused.stderr
    assert run(folder, "export", room).stdout == exported


async def test_an_import_replaces_a_room_only_where_that_is_asked_for(
    folder: Path, room: str, tmp_path: Path
) -> None:
    file = tmp_path / "room.jsonl"
    file.write_text(run(folder, "export", room).stdout, "utf-8")
    refused = run(folder, "import", str(file))
    assert refused.returncode == 1
    assert (
        "expected a name that is free, got 'größe & mehr': there is such a room" in refused.stderr
    )
    assert run(folder, "import", str(file), "--replace").returncode == 0
    assert run(folder, "import", str(file), "--room=other").returncode == 0
    names = [
        json.loads(line)["name"] for line in run(folder, "rooms", "--json").stdout.splitlines()
    ]
    assert names == ["größe & mehr", "other"]


async def test_an_import_may_be_the_first_in_a_folder(kept: Kept, tmp_path: Path) -> None:
    folder, room = kept
    exported = run(folder, "export", room).stdout
    other = tmp_path / "others" / "deep"
    assert run(other, "import", text=exported).returncode == 0
    assert run(other, "export", room).stdout == exported


async def test_damage_is_one_line(folder: Path, room: str, server: Process) -> None:
    if server.process.poll() is None:
        server.end()
    with journal_in(str(folder)).open("r+b") as journal:
        journal.seek(8192)
        journal.write(b"\xa5" * 12_000)
    for command in ("check", "rooms"):
        said = run(folder, command)
        assert (said.returncode, said.stdout.count("\n") + said.stderr.count("\n")) == (1, 1)
        assert "Traceback" not in said.stderr


async def test_the_table_shows_what_a_room_keeps(kept: Kept) -> None:
    folder = kept.folder
    head, line, total = run(folder, "rooms").stdout.splitlines()
    assert head.split() == ["ROOM", "KEYS", "SEQ", "SIZE", "LAST", "USED", "IN", "LOGS"]
    assert line.startswith("größe & mehr       1           3")
    assert line.endswith("  ~" + room_digest("größe & mehr"))
    assert re.fullmatch(r"1 room: \d+ bytes, on the disk \d\d+\.\d kB", total)


async def test_the_trouble_of_a_server_is_said(
    folder: Path, server: Process, tmp_path: Path
) -> None:
    (folder / "rooms.db-wal").rename(folder / "moved")
    while not (said := run(folder, "rooms")).stderr:
        pass  # it looks once a second
    assert said.returncode == 0
    assert said.stderr.startswith("driftdb rooms: the journal rooms.db can't be written (it was")


async def test_what_becomes_of_a_file_of_version_1_is_said(folder: Path) -> None:
    folder.mkdir()
    make_version_1(journal_in(str(folder)))
    said = run(folder, "rooms")
    assert [line.split()[0] for line in said.stdout.splitlines()] == [
        "ROOM",
        "lecture",
        "poll",
        "2",
    ]
    assert "from version 1 to 3" in said.stderr
    assert "rooms.db.v1.bak" in said.stderr
    assert run(folder, "rooms").stderr == ""


async def test_vacuum_and_check_say_what_they_did(kept: Kept) -> None:
    folder = kept.folder
    assert run(folder, "vacuum").stdout.startswith("Gave ")
    assert run(folder, "check").stdout == "No damage was found.\n"


async def test_a_log_is_shown_where_it_is_asked_for(folder: Path, server: Process) -> None:
    for options in (["--log-level=debug"], ["--log-level", "DEBUG"], ["--debug"]):
        told = run(folder, "rooms", *options).stderr
        assert told.startswith("DEBUG driftdb_jupyter.cli.stored: Through the server that has ")
        assert told.count("\n") == 1
    for level in ("Info", "WARN", "30"):
        assert run(folder, "rooms", f"--log-level={level}").stderr == ""


async def test_what_is_not_there_is_said(kept: Kept) -> None:
    folder = kept.folder
    for command in ("export", "delete"):
        refused = run(folder, command, "nowhere")
        assert refused.returncode == 3
        assert "expected the name of a room, got 'nowhere': there is none" in refused.stderr
    broken = run(folder, "import", text='{"driftdb":1,"room":"r","seq":1}\n{"key":1}\n')
    assert broken.returncode == 1
    assert "line 2: " in broken.stderr
    nothing = run(folder.parent / "elsewhere", "rooms")
    assert "expected rooms in" in nothing.stderr


@pytest.mark.parametrize("lines", ["", ',"lines":1'], ids=["by hand", "exported"])
async def test_empty_lines_around_rooms_are_left_out(tmp_path: Path, lines: str) -> None:
    def exported(name: str) -> str:
        head = f'{{"driftdb":1,"room":"{name}","seq":1{lines}}}'
        return f'\n \r\n{head}\n{{"key":"k","seq":1,"value":1}}\n\r\n\n'

    names = ["a", "b"] if lines else ["a"]
    ended = run(tmp_path, "import", text="".join(map(exported, names)))
    assert (ended.returncode, ended.stderr) == (0, "")
    listed = run(tmp_path, "rooms", "--json").stdout.splitlines()
    assert [json.loads(line)["name"] for line in listed] == names


async def test_how_many_rooms_were_imported_before_one_that_cannot_be_is_said(
    tmp_path: Path,
) -> None:
    def head(name: str) -> str:
        return f'{{"driftdb":1,"room":"{name}","seq":0,"lines":0}}\n'

    for wrong in (head("a"), "no room\n", '{"driftdb":1,"room":"c","seq":0,"lines":2}\n'):
        ended = run(tmp_path, "import", text=head("a") + head("b") + wrong)
        assert ended.returncode != 0
        assert ended.stdout == "Imported 2 rooms before the one that can't be.\n"
        assert "expected" in ended.stderr
        assert run(tmp_path, "delete", "a", "b").returncode == 0


async def test_a_line_without_an_end_is_read_no_further_than_it_may_be_long(
    kept: Kept,
) -> None:
    begun = '{"driftdb":1,"room":"r","seq":1}\n{"key":"k","seq":1,"value":"'
    for text, line in ((begun + "x" * 5_000_000, 2), ("{" + " " * 5_000_000, 1)):
        refused = run(kept.folder, "import", text=text)
        assert refused.returncode == 1
        assert re.fullmatch(
            rf"driftdb import: line {line}: expected at most \d+ bytes, got more\n", refused.stderr
        )


async def test_who_does_not_know_the_secret_administers_nothing(server: Process) -> None:
    for path in ("rooms", "rooms/r"):
        answer = await fetch(server.server.root + "admin/" + path)
        assert answer.status == 403


async def test_the_control_file_is_for_its_owner_alone(folder: Path, server: Process) -> None:
    path = control_path(journal_in(str(folder)))
    assert path.stat().st_mode & 0o077 == 0
    server.end()
    assert not path.exists()


@pytest.mark.parametrize("command", [("rooms",), ("check",), ("export", "room")])
async def test_where_no_rooms_are_none_are_found(tmp_path: Path, command: tuple[str, ...]) -> None:
    found = run(tmp_path, *command)
    assert (found.returncode, found.stdout) == (3, "")
    said = f"driftdb {command[0]}: expected rooms in {tmp_path}, found none\n"
    assert found.stderr == said


async def test_who_may_do_what_is_printed_and_set(folder: Path, room: str, tmp_path: Path) -> None:
    assert run(folder, "access", room).stdout == "null\n"
    said = run(folder, "access", room, "--anyone=read", "--user=ada=admin", "--group=a=b=write")
    assert (said.returncode, said.stdout, said.stderr) == (0, "", "")
    policy = {"anyone": ["read"], "users": {"ada": ["admin"]}, "groups": {"a=b": ["write"]}}
    printed = run(folder, "access", room).stdout
    assert json.loads(printed) == policy
    file = tmp_path / "policy.json"
    file.write_text('{"anyone":[{"can":"append","prefixes":["poll/"]}]}', "utf-8")
    assert run(folder, "access", room, "--file", str(file)).returncode == 0
    assert json.loads(run(folder, "access", room).stdout)["users"] == {}
    assert run(folder, "access", room, "--file", "-", text=printed).returncode == 0
    assert json.loads(run(folder, "access", room).stdout) == policy
    exported = run(folder, "export", room).stdout
    assert run(folder, "import", "--room=other", text=exported).returncode == 0
    assert json.loads(run(folder, "access", "other").stdout) == policy
    assert run(folder, "access", room, "--open").returncode == 0
    assert run(folder, "access", room).stdout == "null\n"


async def test_links_are_made_listed_and_taken_back(folder: Path, room: str) -> None:
    terms = ["--make=read", "--key=slider", "--expires=2h", "--name=students", "--people=30"]
    said = run(folder, "links", room, *terms)
    assert f"/room/{quote(room)}/shared#link_" in said.stdout, said.stderr
    assert "Only this machine opens that URL" in said.stderr
    listed = run(folder, "links", room).stdout.splitlines()
    assert len(listed) == 3
    assert listed[1].split()[:3] == ["students", "read:", "slider"]
    assert "0 of 30" in listed[1]
    assert "link_" not in "".join(listed)
    (link,) = map(json.loads, run(folder, "links", room, "--json").stdout.splitlines())
    assert link["expires_at"] - link["made_at"] == pytest.approx(7200)
    assert run(folder, "links", room, "--revoke=students").stdout == "Took back 1 link.\n"
    assert run(folder, "links", room, "--json").stdout == ""
    assert run(folder, "links", "nowhere").returncode == 3


async def test_what_makes_no_link_is_refused(kept: Kept) -> None:
    folder, room = kept
    for options, said in (
        (["--make=read", "--revoke=x"], "expected --make or --revoke, got both"),
        (["--name=x"], "expected --make beside what a link is to give"),
        (["--make=read", "--expires=soon"], "links: expected --expires as "),
        (["--make=look"], "expected grants to be of read"),
        (["--make=admin"], "without admin"),
        (["--revoke=nobody"], "there is none"),
    ):
        done = run(folder, "links", room, *options)
        assert (done.returncode != 0, said in done.stderr) == (True, True), (options, done)
    assert run(folder, "links", room, "--json").stdout == ""


async def owned(server: Process, name: str, secret: str) -> int:
    """The status of an answer to who shows an owner's secret."""
    headers = {"Authorization": f"Bearer {secret}"}
    return (await fetch(f"{server.server.root}room/{name}/access", headers=headers)).status


async def test_who_wrote_an_imported_file_owns_the_room_only_where_that_is_asked_for(
    folder: Path, server: Process
) -> None:
    lines = ['{"driftdb":1,"room":"r","seq":0}']
    for (_, digest), record in owner_change("secret of an owner").items():
        assert record is not None
        line = {"access": "owner", "name": digest, "record": json.loads(record)}
        lines.append(json.dumps(line))
    text = "\n".join(lines)
    said = run(folder, "import", text=text)
    assert (said.returncode, said.stdout) == (
        0,
        "Left out 1 record of who owns the room; import it with --owners if you trust whoever "
        "wrote the file.\n",
    )
    assert await owned(server, "r", "secret of an owner") == 403
    said = run(folder, "import", "--room=other", "--owners", text=text)
    assert (said.returncode, said.stdout) == (0, "")
    assert await owned(server, "other", "secret of an owner") == 200
    server.end()  # as without a server
    assert "Left out 1 record" in run(folder, "import", "--room=third", text=text).stdout
    assert run(folder, "export", "third").stdout.count('"owner"') == 0
    assert run(folder, "import", "--room=fourth", "--owners", text=text).stdout == ""
    assert run(folder, "export", "fourth").stdout.count('"owner"') == 1


async def test_owners_are_forgotten(folder: Path, server: Process) -> None:
    made = (await fetch(server.server.root + "new?admin=true", method="POST")).json
    other = (await fetch(server.server.root + "new?admin=true", method="POST")).json
    assert await owned(server, made["room"], made["admin"]) == 200
    forgot = run(folder, "access", made["room"], "--forget-owners")
    assert (forgot.stdout, forgot.stderr) == ("Forgot 1 owner.\n", "")
    assert await owned(server, made["room"], made["admin"]) == 403
    again = run(folder, "access", made["room"], "--forget-owners")
    assert (again.stdout, again.stderr) == ("Forgot 0 owners.\n", "")
    assert run(folder, "access", "nowhere", "--forget-owners").returncode == 3
    server.end()
    without = run(folder, "access", other["room"], "--forget-owners")
    assert (without.stdout, without.stderr) == ("Forgot 1 owner.\n", "")
    assert "owner" not in run(folder, "export", other["room"]).stdout


async def test_what_is_no_policy_changes_nothing(kept: Kept) -> None:
    folder, room = kept
    for arguments, said in (
        (["--anyone=look"], "expected anyone to be of read, write, admin"),
        (["--user=ada"], "--user: expected NAME=ROLE, got 'ada'"),
        (["--anyone=read", "--open"], "got more than one of these"),
    ):
        failed = run(folder, "access", room, *arguments)
        assert (failed.returncode, said in failed.stderr) in ((1, True), (2, True)), failed
    assert run(folder, "access", room).stdout == "null\n"
    assert run(folder, "access", "no such room").returncode == 3
