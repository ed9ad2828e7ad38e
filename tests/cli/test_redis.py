"""The commands for whole rooms that are in Redis, with no server and beside some."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from driftdb_jupyter.cli.main import main

from ..broker.redis.servers import RedisServer, shared_server

ROOM = (
    '{"driftdb":1,"room":"%s","seq":2,"lines":3}\n'
    '{"access":"policy","name":"","record":{"anyone":["read"]}}\n'
    '{"key":"k","seq":1,"value":1}\n'
    '{"key":"k","seq":2,"value":"zwei"}\n'
)


class Told:
    """The way in which a command ended, and what it printed."""

    def __init__(self, status: int, out: bytes, err: bytes) -> None:
        self.status = status
        self.out = out.decode()
        self.err = err.decode()


Run = Callable[..., Told]


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
    tmp_path: Path,
) -> Run:
    """Run a command in this process; ``text`` is its standard input."""
    monkeypatch.setenv("JUPYTER_NO_CONFIG", "1")
    monkeypatch.chdir(tmp_path)
    audit = logging.getLogger("driftdb_jupyter.audit")
    monkeypatch.setattr(audit, "propagate", audit.propagate)
    for name in ("driftdb_jupyter", "tornado"):  # whose levels commands set
        monkeypatch.setattr(logging.getLogger(name), "level", logging.ERROR)
        monkeypatch.setattr(logging.getLogger(name), "setLevel", lambda level: None)

    def run(*words: str, text: str = "") -> Told:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        with pytest.raises(SystemExit) as ended:
            main(list(words))
        sys.stdout.flush()
        told = capfdbinary.readouterr()
        return Told(int(ended.value.code or 0), told.out, told.err)

    return run


@pytest.fixture
def place(request: pytest.FixtureRequest) -> list[str]:
    """The options for rooms of this test alone."""
    prefix = f"{request.node.name}:"
    return [f"--redis={shared_server().url}", f"--DriftDB.redis_prefix={prefix}"]


def test_a_room_is_imported_listed_exported_and_deleted(run: Run, place: list[str]) -> None:
    assert run("import", *place, text=ROOM % "lecture").status == 0
    assert json.loads(run("rooms", *place, "--json").out)["name"] == "lecture"
    assert run("rooms", *place).out.splitlines()[-1] == "1 room: 7 bytes, in Redis"
    assert run("export", "lecture", *place).out.splitlines()[2:] == [
        '{"key":"k","seq":1,"value":1}',
        '{"key":"k","seq":2,"value":"zwei"}',
    ]
    assert run("check", *place).out == "No damage was found.\n"
    assert run("delete", "lecture", *place).status == 0
    assert run("rooms", *place, "--json").out == ""


def test_who_may_do_what_is_set_and_links_are_made(run: Run, place: list[str]) -> None:
    run("import", *place, text=ROOM % "lecture")
    assert json.loads(run("access", "lecture", *place).out)["anyone"] == ["read"]
    assert run("access", "lecture", "--open", *place).status == 0
    assert run("access", "lecture", *place).out == "null\n"
    made = run("links", "lecture", "--make=read", *place)
    assert made.out.startswith("/room/lecture/shared#link_")
    assert "That stands behind the URL of your servers" in made.err
    public = "--DriftDB.public_url=https://rooms.example/"
    made = run("links", "lecture", "--make=read", public, *place)
    assert made.out.startswith("https://rooms.example/room/lecture/shared#link_")
    assert made.err == ""
    assert run("token", "revoke", "lecture", "some-id", *place).status == 0


def test_all_rooms_of_a_folder_are_moved_into_redis(run: Run, place: list[str]) -> None:
    names = ["lecture", "größe & mehr", "empty"]
    empty = '{"driftdb":1,"room":"empty","seq":7,"lines":0}\n'
    text = ROOM % names[0] + empty + ROOM % names[1]
    assert run("import", "--data=rooms", text=text).out == "Imported 3 rooms.\n"
    exported = run("export", "--data=rooms").out
    assert run("import", *place, text=exported).out == "Imported 3 rooms.\n"
    assert run("export", *place).out == exported


def test_a_backup_of_redis_is_a_file_like_any(run: Run, place: list[str], tmp_path: Path) -> None:
    run("import", *place, text=ROOM % "a" + ROOM % "b")
    exported = run("export", *place).out
    told = run("backup", "rooms.db", *place)
    assert told.out.startswith("2 rooms, ")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rooms.db"]
    assert run("export", "--data=rooms.db").out == exported
    refused = run("restore", "rooms.db", *place)
    assert "rooms of the backup are there already" in refused.err
    restored = run("restore", "rooms.db", "--replace", *place)
    assert restored.out.splitlines() == ["Restored 2 rooms, 2 in the place of others."]
    assert run("export", *place).out == exported
    nowhere = run("backup", "nowhere/rooms.db", *place)
    assert (nowhere.status, "can't be written" in nowhere.err) == (1, True)


def test_a_name_is_for_one_room(run: Run, place: list[str]) -> None:
    refused = run("import", "--room=other", *place, text=ROOM % "a" + ROOM % "b")
    assert refused.status == 2
    assert "expected one room to be called as --room says, got more than one" in refused.err
    assert run("rooms", *place, "--json").out == ""


def test_two_places_are_one_too_many(run: Run, place: list[str]) -> None:
    refused = run("rooms", "--data=rooms", *place)
    assert refused.status == 2
    assert "in a folder (--data) or in Redis (--redis), got both" in refused.err


def test_a_redis_that_is_not_there_or_not_meant_so_is_said(run: Run) -> None:
    away = run("rooms", "--redis=unix:///nowhere")
    assert (away.status, away.err) == (4, "driftdb rooms: --redis: Redis can't be reached\n")
    told = run("rooms", "--redis=redis://:hush-hush@127.0.0.1")
    assert told.status == 2
    assert "expected no password in the URL" in told.err
    assert "hush-hush" not in told.err


def test_the_password_comes_from_the_environment(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    server = RedisServer("--requirepass", "hush-hush")
    try:
        monkeypatch.setenv("DRIFTDB_REDIS_PASSWORD", "hush-hush")
        assert run("rooms", f"--redis={server.url}", "--json").status == 0
        refused = run("rooms", f"--redis={server.url}", "--json")  # it was taken out
        assert refused.err == "driftdb rooms: --redis: Redis refuses the user or the password\n"
    finally:
        server.close()
