from __future__ import annotations

import json

from driftdb_jupyter.client.room import Room

from .shell import Shell


def test_a_value_is_printed_for_people(shell: Shell, room: Room) -> None:
    room.state("slider").set(42).result()
    room.state("form").set({"a": [1, None]}).result()
    room.state("name").set("Ann\nB").result()
    assert shell.prints("get", "slider") == "42\n"
    assert shell.prints("get", "form") == '{"a":[1,null]}\n'
    assert shell.prints("get", "name") == "Ann\nB\n"


def test_a_value_is_printed_for_programs(shell: Shell, room: Room) -> None:
    room.state("name").set("Ann").result()
    line = json.loads(shell.prints("get", "name", "--json"))
    assert (line["key"], line["seq"], line["value"]) == ("name", 1, "Ann")
    assert isinstance(line["time"], int)
    assert isinstance(line["client"], str)


def test_of_a_stream_it_is_the_newest(shell: Shell, room: Room) -> None:
    room.stream("log").extend(["one", "two"]).result()
    room.state("log2").set("another key").result()
    assert shell.prints("get", "log") == "two\n"


def test_an_empty_key_has_a_status_of_its_own(shell: Shell) -> None:
    nothing = shell.run("get", "none")
    assert nothing.returncode == 3
    assert nothing.stderr == "driftdb get: expected a key that holds something, got 'none'\n"
