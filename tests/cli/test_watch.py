from __future__ import annotations

import json
import time

from driftdb_jupyter.client.room import Room

from .shell import Shell


def test_values_are_printed_as_they_change(shell: Shell, room: Room) -> None:
    slider = room.state("slider", 0)
    slider.set(1).result()
    with shell.started("watch", "slider", "-n", "3") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"1\n"
        slider.set(2).result()
        assert process.stdout.readline() == b"2\n"
        slider.set({"a": "b"}).result()
        assert process.stdout.readline() == b'{"a":"b"}\n'
        assert process.wait(60) == 0


def test_one_waits_for_the_next_value_alone(shell: Shell, room: Room) -> None:
    button = room.state("deploy", 0)
    button.set(1).result()
    with shell.started("watch", "deploy", "slider", "--changes", "-n", "1") as process:
        assert process.stdout is not None
        end = time.monotonic() + 60
        while process.poll() is None:
            assert time.monotonic() < end
            button.set(button.value + 1).result()
        printed = process.stdout.read().decode()
    assert process.returncode == 0
    assert int(printed.partition("\t")[2]) > 1


def test_several_keys_are_told_apart_and_channels_are_heard(shell: Shell, room: Room) -> None:
    room.state("slider", 1)
    chat = room.pubsub("chat")
    with shell.started("watch", "slider", "chat", "--count=2") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"slider\t1\n"
        chat.publish("hello").result()
        assert process.stdout.readline() == b"chat\thello\n"
        assert process.wait(60) == 0


def test_json_lines_have_the_key(shell: Shell, room: Room) -> None:
    room.state("slider").set(7).result()
    line = json.loads(shell.prints("watch", "slider", "-n", "1", "--json"))
    assert (line["key"], line["value"]) == ("slider", 7)


def test_a_deletion_is_no_value(shell: Shell, room: Room) -> None:
    room.state("slider").set(1).result()
    with shell.started("watch", "slider", "-n2") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"1\n"
        shell.prints("push", "slider", "--action=delete")
        room.state("slider").set(2).result()
        assert process.stdout.readline() == b"2\n"
        assert process.wait(60) == 0


def test_a_key_is_needed(shell: Shell) -> None:
    assert shell.run("watch").stderr == "driftdb watch: expected keys, got none\n"
