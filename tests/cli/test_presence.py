from __future__ import annotations

import json

from driftdb_jupyter.client.room import Room

from ..client.served import another
from .shell import Shell


def test_who_is_there_is_printed(shell: Shell, room: Room) -> None:
    _held = room.presence(value={"colour": "red"})
    assert shell.prints("presence") == 'Guest\t{"colour":"red"}\n'
    line = json.loads(shell.prints("presence", "--json"))
    assert (line["event"], line["name"], line["value"]) == ("here", "Guest", {"colour": "red"})
    assert shell.prints("presence", "elsewhere") == ""


def test_who_comes_changes_and_leaves_is_printed(shell: Shell, room: Room) -> None:
    _held = room.presence("cursors", 1)
    with shell.started("presence", "cursors", "-f") as process, another(room) as other:
        assert process.stdout is not None
        assert process.stdout.readline() == b"  Guest\t1\n"
        there = other.presence("cursors", 2)
        assert process.stdout.readline() == b"+ Guest\t2\n"
        there.value = 3
        assert process.stdout.readline() == b"= Guest\t3\n"
        there.value = None
        assert process.stdout.readline() == b"- Guest\t3\n"
