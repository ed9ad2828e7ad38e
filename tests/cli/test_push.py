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
