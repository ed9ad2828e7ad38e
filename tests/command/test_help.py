"""What ``--help`` prints is for who types the command."""

from __future__ import annotations

import re
import subprocess

import pytest

from driftdb_jupyter.cli.main import COMMANDS

from ..server.processes import COMMAND, environment


def helped(*arguments: str, columns: int = 80) -> str:
    done = subprocess.run(
        [*COMMAND, *arguments],
        env=environment(COLUMNS=str(columns), PYTHONIOENCODING="ascii"),
        capture_output=True,
        encoding="utf-8",
        check=True,
        timeout=60,
    )
    assert done.stderr == ""
    return done.stdout


def test_it_says_what_is_typed_and_what_each_option_is_for() -> None:
    said = helped("tail", "-h")
    assert said.startswith("usage: driftdb tail [options] KEY\n\nPrint the newest values")
    assert (
        "\noptions:\n"
        "  -n, --lines N         How many of the newest values to print, or `all`\n"
        "                        (default: 10).\n"
        "  -f, --follow          Go on with what comes.\n"
    ) in said
    assert re.findall(r"^(\S.*):$", said, re.MULTILINE) == [
        "options",
        "which room",
        "general options",
        "examples",
    ]
    assert "\n  driftdb tail build\n  driftdb tail -f -n all" in said
    assert said.endswith("\nPut -- before an argument that begins with a dash.\n")


@pytest.mark.parametrize("name", COMMANDS)
def test_no_command_speaks_of_what_lies_below(name: str) -> None:
    said = helped(name, "--help", columns=60)
    assert said.startswith(f"usage: driftdb {name} [options]")
    assert not re.search(r"<\w+>|Equivalent to|Command\.", said)
    told = said.partition("\nexamples:\n")[0]
    assert all(len(line) <= 60 for line in told.splitlines())


def test_the_command_itself_lists_the_others_and_takes_no_options() -> None:
    said = helped("-h")
    assert said == helped("--help") == helped("help")
    for name, (_, help) in COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(help)}$", said, re.MULTILINE)
    assert re.findall(r"^  .*--[\w-]+", said, re.MULTILINE) == ["  -h, --help", "  -V, --version"]
    assert helped("help", "tail") == helped("tail", "-h")


def test_a_servers_other_settings_are_shown_where_all_are_asked_for() -> None:
    assert "--CLASS.NAME=VALUE; --help-all lists them" in helped("serve", "-h")
    assert "--DriftDB.message_limit_bytes=<Int>" in helped("serve", "--help-all")
