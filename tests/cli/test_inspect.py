from __future__ import annotations

import json

from driftdb_jupyter.client.room import Room

from .shell import Shell


def test_the_keys_are_printed_with_what_they_are(shell: Shell, room: Room) -> None:
    room.state("slider").set(42).result()
    room.stream("log").extend(["one", "two\x1b[2J\nthree"]).result()
    room.reducer("votes", lambda votes, vote: votes + 1, 0).dispatch("tea").result()
    room.stream("coloured").append("\x1b[1;33m[ 99%]\x1b[0m").result()
    room.state("told").set([]).result()
    room.state("$meta/told").set({"kind": "stream"}).result()
    head, *lines = shell.prints("inspect").splitlines()
    assert head.split() == ["KEY", "KIND", "VALUES", "SIZE", "WRITTEN", "NEWEST"]
    assert [line.split()[:3] for line in lines] == [
        ["coloured", "stream", "1"],
        ["log", "stream", "2"],
        ["slider", "state", "1"],
        ["told", "stream", "1"],
        ["votes", "reducer", "2"],
    ]
    assert lines[0].endswith("  [ 99%]")
    assert lines[1].endswith("two��three")
    assert lines[2].endswith("  42")


def test_json_lines_are_for_programs(shell: Shell, room: Room) -> None:
    room.stream("sensors/a").extend([1, 2, 3]).result()
    room.state("other").set(0).result()
    line = json.loads(shell.prints("inspect", "sensors/", "--json"))
    assert {name: line[name] for name in ("key", "kind", "size", "bytes", "seq", "value")} == {
        "key": "sensors/a",
        "kind": "stream",
        "size": 3,
        "bytes": 3,
        "seq": 3,
        "value": 3,
    }


def test_more_keys_than_are_asked_for_at_once(shell: Shell, room: Room) -> None:
    for number in range(250):
        room.stream(f"key {number:03}").append(number)
    room.flush()
    lines = [json.loads(line) for line in shell.prints("inspect", "--json").splitlines()]
    assert [line["value"] for line in lines] == list(range(250))


def test_on_a_terminal_a_long_key_leaves_room_for_the_rest(shell: Shell, room: Room) -> None:
    room.state("k" * 500).set(42).result()
    line = shell.on_a_terminal("inspect").split("\r\n")[1]
    assert line.startswith("k" * 19 + "…  state ")
    assert line.rstrip().endswith("42")
