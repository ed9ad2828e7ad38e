"""Every command ends with 2, in one line, where its arguments make no sense."""

from __future__ import annotations

import re
import subprocess

import pytest

from driftdb_jupyter.cli.push import PushCommand

from .server.processes import COMMAND, environment


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            "push k 1 --action nope",
            "push: --action: expected one of replace, append, relay, delete, got 'nope'",
        ),
        ("push k 1 --if-seq x", "push: --if-seq: expected a whole number of at least 0, got 'x'"),
        ("watch k --timeout 0", "watch: --timeout: expected a number of at least 0.1, got '0.0'"),
        (
            "serve --port 99999",
            "serve: --port: expected a whole number of at least 0 and at most 65535, got '99999'",
        ),
        ("tail k -fn 1", "tail: there is no option -fn; see driftdb tail -h"),
        ("tail k -n2", "tail: there is no option -n2; see driftdb tail -h"),
        ("serve rooms", "serve: expected no argument, got 'rooms'"),
        ("rooms r", "rooms: expected no argument, got 'r'"),
        ("serve --durability x", "serve: there is no option --durability; see driftdb serve -h"),
        (
            "serve --DriftDB.rate_limit_per_second=x",
            "serve: The 'rate_limit_per_second' trait of a DriftDB instance expected a float, "
            "not the str 'x'.",
        ),
        (
            "push k 1 --url x",
            "push: --url: expected one like \"http://HOST:8080/room/ID\", got 'x'",
        ),
    ],
)
def test_what_makes_no_sense_is_said(arguments: str, said: str) -> None:
    command = [*COMMAND, *arguments.split()]
    done = subprocess.run(
        command, env=environment(), capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"driftdb {said}\n")


def test_a_command_that_there_is_not_is_said() -> None:
    done = subprocess.run(
        [*COMMAND, "bogus"], env=environment(), capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(r"driftdb: expected one of serve, new, .*, got 'bogus'\n", done.stderr)


def test_what_begins_as_a_number_is_no_option() -> None:
    command = PushCommand()
    command.parse_command_line(["k", "-1", "-", "-.5"])
    assert command.extra_args == ["k", "-1", "-", "-.5"]
