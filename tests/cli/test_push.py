from __future__ import annotations

import json

import pytest

from driftdb_jupyter.client.room import Room

from .shell import Shell


@pytest.mark.parametrize(
    ("given", "value"),
    [
        ("42", 42),
        ("-5", -5),
        ("null", None),
        ('{"a": [1,\n2]}', {"a": [1, 2]}),
        ("Ann", "Ann"),
        ("größe & mehr", "größe & mehr"),
        ("NaN", "NaN"),
    ],
)
def test_a_value_is_json_and_else_a_text(
    shell: Shell, room: Room, given: str, value: object
) -> None:
    assert shell.prints("push", "k", given) == ""
    assert room.state("k").value == value


def test_a_text_may_look_like_json(shell: Shell, room: Room) -> None:
    shell.prints("push", "k", "42", "--text")
    assert room.state("k").value == "42"


def test_a_value_may_come_from_a_pipe(shell: Shell, room: Room) -> None:
    shell.prints("push", "k", "-", text='{"a":\n 1}\n')
    shell.prints("push", "name", "-", text="Ann\n")
    assert room.state("k").value == {"a": 1}
    assert room.state("name").value == "Ann"


def test_only_who_is_first_writes_where_that_is_asked_for(shell: Shell) -> None:
    assert json.loads(shell.prints("push", "lock", "mine", "--if-seq=0", "--json")) == {
        "key": "lock",
        "seq": 1,
    }
    late = shell.run("push", "lock", "yours", "--if-seq", "0")
    assert late.returncode == 5
    assert late.stderr == "driftdb push: expected the newest seq to be 0, got 1\n"


def test_each_action_does_what_it_is_for(shell: Shell, room: Room) -> None:
    heard = room.pubsub("k").messages(timeout_seconds=60)
    for value in ("1", "2"):
        shell.prints("push", "k", value, "--action=append")
    shell.prints("push", "k", "3", "--action", "relay")
    assert [next(heard) for _ in range(3)] == [1, 2, 3]
    assert list(room.keys()) == ["k"]
    assert room.keys()["k"].size == 2
    shell.prints("push", "k", "--action=delete")
    assert room.keys() == {}


@pytest.mark.parametrize("arguments", [[], ["k"], ["k", "1", "2"], ["k", "1", "--action=delete"]])
def test_arguments_that_make_no_sense_are_refused(shell: Shell, arguments: list[str]) -> None:
    refused = shell.run("push", *arguments)
    assert refused.returncode == 2
    assert refused.stderr.startswith("driftdb push: expected a key")


def test_what_the_room_refuses_is_said(shell: Shell) -> None:
    refused = shell.run("push", "k" * 2000, "1")
    assert refused.returncode == 1
    assert "1024 bytes" in refused.stderr


@pytest.mark.parametrize("lines", ["a\n", "a\nb\n"])
def test_a_stream_is_not_replaced_by_a_value_unless_forced(
    shell: Shell, room: Room, lines: str
) -> None:
    shell.prints("append", "build", text=lines)
    done = shell.run("push", "build", "done")
    assert done.returncode == 1
    assert done.stderr == (
        "driftdb push: expected the key 'build' for a state, got one that is in use as a stream. "
        "Write to another key, or add --force.\n"
    )
    assert room.keys()["build"].size == len(lines.split())
    shell.prints("push", "build", "done", "--force")
    assert room.keys()["build"].size == 1


@pytest.mark.parametrize("kind", ["state", "dict", "reducer"])
def test_nothing_is_appended_to_what_is_no_stream_unless_forced(
    shell: Shell, room: Room, kind: str
) -> None:
    if kind == "state":
        room.state("k").set(7).result()
    elif kind == "dict":
        room.dict("k", {"a": 1}).set({"a": 2}).result()
    else:
        room.reducer("k", lambda value, action: value + action, 0).dispatch(1).result()
    size = room.keys()["k"].size
    for done in (
        shell.run("push", "k", "1", "--action", "append"),
        shell.run("append", "k", text="line\n"),
    ):
        assert done.returncode == 1
        assert "expected the key 'k' for a stream, got one that is in use as a" in done.stderr
        assert "--force" in done.stderr
    assert room.keys()["k"].size == size
    shell.prints("append", "k", "--force", text="line\n")
    assert room.keys()["k"].size == size + 1


def test_a_state_is_written_again_and_relays_go_to_any_key(shell: Shell, room: Room) -> None:
    state = room.state("k", 1)
    room.flush()
    shell.prints("push", "k", "2")
    assert state.wait_for(lambda value: value == 2, timeout_seconds=60) == 2
    shell.prints("push", "k", "3", "--action", "relay")
    assert room.keys()["k"].size == 1
