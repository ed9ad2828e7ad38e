from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path

import pytest

from driftdb_jupyter.client.room import Room

from ..faults.host import hosting
from .shell import Shell


def test_the_newest_values_are_printed(shell: Shell, room: Room) -> None:
    room.stream("log").extend([*range(20), {"a": 1}, "end"]).result()
    assert shell.prints("tail", "log").splitlines() == [*map(str, range(12, 20)), '{"a":1}', "end"]
    assert shell.prints("tail", "log", "-n", "1") == "end\n"
    assert len(shell.prints("tail", "-n", "all", "log").splitlines()) == 22
    assert shell.prints("tail", "none") == ""


def test_what_a_state_wrote_is_printed_as_it_is_meant(shell: Shell) -> None:
    shell.prints("push", "name", "Ann")
    assert shell.prints("tail", "name") == "Ann\n"
    assert json.loads(shell.prints("tail", "name", "--json"))["value"] == "Ann"


def test_json_lines_say_who_wrote_each_and_when(shell: Shell, room: Room) -> None:
    room.stream("log").extend(["one", [2]]).result()
    lines = [json.loads(line) for line in shell.prints("tail", "log", "--json").splitlines()]
    assert [(line["key"], line["seq"], line["value"]) for line in lines] == [
        ("log", 1, "one"),
        ("log", 2, [2]),
    ]
    assert all(line["time"] and line["client"] for line in lines)


def test_it_goes_on_with_what_comes(shell: Shell, room: Room) -> None:
    log = room.stream("log")
    log.append("before").result()
    with shell.started("tail", "-f", "log") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"before\n"
        log.append("after").result()
        assert process.stdout.readline() == b"after\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        assert process.stderr is not None
        assert process.stderr.read() == b""


def test_it_ends_when_nobody_reads_on(shell: Shell, room: Room) -> None:
    room.stream("log").append("one").result()
    with shell.started("tail", "-f", "log") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(60) == 141
        assert process.stderr is not None
        assert process.stderr.read() == b""


def test_a_slow_reader_misses_nothing_that_the_stream_holds(shell: Shell, room: Room) -> None:
    lines = [f"{number:050}" for number in range(40_000)]
    with shell.started("tail", "-f", "log", "-n", "all") as process:
        assert process.stdout is not None
        room.stream("log").append("begun").result()
        assert process.stdout.readline() == b"begun\n"
        for start in range(0, len(lines), 1000):  # more than is remembered, and than a pipe holds
            room.stream("log").extend(lines[start : start + 1000])
        room.flush(60)
        heard = [process.stdout.readline().decode().strip() for _ in lines]
    assert heard == lines


def test_a_terminal_is_given_colours_and_nothing_else(shell: Shell, room: Room) -> None:
    text = "\x1b[31mred\x1b[0m\x1b]52;c;AAAA\x07 \x1b[2Jup\x1b[6n\x9b2J\u202e"
    room.stream("log").append(text).result()
    room.stream("log").append(
        "a \x1b]8;;https://e.org\x1b\\link\x1b]8;;\x1b\\ \x1b]8;;open"
    ).result()
    assert shell.prints("tail", "log").splitlines()[0] == text
    assert shell.on_a_terminal("tail", "log") == "\x1b[31mred\x1b[0m up\x1b[0m\r\na link \r\n"
    assert shell.on_a_terminal("tail", "log", TERM="dumb") == "red up\r\na link \r\n"


def test_json_on_a_terminal_has_no_control_characters(shell: Shell, room: Room) -> None:
    room.stream("log").append("\x9b2J\u202e\x7fend").result()
    assert '"value":"end"' in shell.on_a_terminal("tail", "log", "--json")


def test_how_many_is_a_number_or_all(shell: Shell) -> None:
    refused = shell.run("tail", "log", "-n", "many")
    assert refused.returncode == 2
    assert refused.stderr == "driftdb tail: -n: expected a number or all, got 'many'\n"


@pytest.mark.asyncio
@pytest.mark.parametrize("command", [["tail", "-f"], ["watch"]], ids=" ".join)
async def test_who_follows_is_told_once_that_the_server_is_away(
    tmp_path: Path, command: list[str]
) -> None:
    async with hosting(tmp_path, "--data=data") as host:
        shell = Shell(await host.new_room())
        shell.prints("append", "log", text="before\n")
        with shell.started(*command, "log") as process:
            assert process.stdout is not None
            assert process.stderr is not None
            assert await asyncio.to_thread(process.stdout.readline) == b"before\n"
            await host.end()
            told = await asyncio.to_thread(process.stderr.readline)
            assert told.startswith(f"driftdb {command[0]}: waiting for the room: ".encode())
            await host.start()
            shell.prints("append", "log", text="after\n")
            assert await asyncio.to_thread(process.stdout.readline) == b"after\n"
            process.terminate()
            assert process.stderr.read() == b""
