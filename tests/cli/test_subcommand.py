"""How commands end where nobody takes what they say, or files are not what they should be."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from driftdb_jupyter.client.room import Room

from ..server.processes import COMMAND
from .shell import Shell

FULL = "can't write: No space left on device"


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("driftdb get nope 2>&-", 3),
        ("driftdb get nope 2> /dev/full", 3),
        ("driftdb bogus 2>&-", 2),
        ("driftdb tail 2> /dev/full", 2),
        ("driftdb inspect >&-", 0),
        ("driftdb new --json >&- 2>&-", 0),
    ],
)
def test_who_hears_nothing_is_told_by_the_status(shell: Shell, line: str, status: int) -> None:
    shell.environment["DRIFTDB_URL"] = shell.room_url.partition("room/")[0]
    done = shell.script(line)
    assert (done.returncode, done.stdout, done.stderr) == (status, "", "")


@pytest.mark.parametrize("command", ["-h", "--version", "tail -h", "completion zsh", "get k"])
def test_a_full_disk_is_told(shell: Shell, room: Room, command: str) -> None:
    room.state("k").set(1).result()
    done = shell.script(f"driftdb {command} > /dev/full")
    assert done.returncode == 1
    assert done.stderr.endswith(f": {FULL}\n")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("command", ["-h", "-V", "serve --help", "inspect"])
def test_who_reads_no_further_is_told_nothing(shell: Shell, command: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "wb") as nobody:
        process = subprocess.Popen(
            [*COMMAND, *command.split()],
            stdout=nobody,
            stderr=subprocess.PIPE,
            env=shell.environment,
        )
    assert process.communicate(timeout=60)[1] == b""
    assert process.returncode == 141


@pytest.mark.parametrize("command", ["push k -", "append k", "import --data new"])
def test_a_closed_input_is_told(shell: Shell, command: str) -> None:
    done = shell.script(f"driftdb {command} <&-")
    said = f"driftdb {command.split()[0]}: expected a standard input, got a closed one\n"
    assert (done.returncode, done.stderr) == (2, said)


def test_all_is_printed_in_utf8(shell: Shell) -> None:
    shell.environment["PYTHONIOENCODING"] = "ascii"
    assert shell.prints("push", "größe", "1", "--json") == '{"key":"größe","seq":1}\n'


def test_a_file_that_cannot_be_had_is_named(shell: Shell, tmp_path: Path) -> None:
    head = '{"driftdb":1,"room":"r","seq":1}'
    for line, said in (
        (f"driftdb import --data /proc/zz/x <<< '{head}'", "/proc/zz: No such file or directory"),
        (f"driftdb import {tmp_path}/none", f"{tmp_path}/none: No such file or directory"),
        (f"driftdb import {tmp_path}", f"{tmp_path}: Is a directory"),
        ("driftdb import < /proc/self/mem", "can't read the standard input: Input/output error"),
    ):
        done = shell.script(line)
        assert (done.returncode, done.stderr) == (1, f"driftdb import: {said}\n")


@pytest.mark.parametrize(
    "source", ["< /etc/passwd", "--room=r < /etc/passwd", "< /dev/null", "/nowhere"]
)
def test_what_is_no_room_makes_no_place_for_rooms(
    shell: Shell, tmp_path: Path, source: str
) -> None:
    assert shell.script(f"driftdb import --data {tmp_path}/new {source}").returncode == 1
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("command", ["watch k", "tail -f k", "presence -f"])
def test_ctrl_c_ends_it_without_a_word(shell: Shell, room: Room, command: str) -> None:
    room.stream("k").append("there").result()
    _held = room.presence(value="there")
    with shell.started(*command.split()) as process:
        assert process.stdout is not None
        assert b"there" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        assert process.stderr is not None
        assert process.stderr.read() == b""


@pytest.mark.parametrize(("level", "before"), [([], ""), (["--debug"], "ERROR driftdb_jupyter: ")])
def test_what_is_logged_is_one_line_without_controls(level: list[str], before: str) -> None:
    program = f"""
import logging
from driftdb_jupyter.cli.subcommand import make_command
from driftdb_jupyter.command.command import run

@make_command()
def command():
    "Log."
    logging.getLogger("driftdb_jupyter").error("no \\x1b[2J\\nway")

run(command, "driftdb", {level!r})
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60
    )
    assert done.stderr == f"{before}no \ufffd\ufffdway\n"
