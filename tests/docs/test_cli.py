"""docs/cli.md names every command, option and status."""

from __future__ import annotations

import importlib
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from driftdb_jupyter.cli import status
from driftdb_jupyter.cli.main import COMMANDS
from driftdb_jupyter.command.parameter import Option

from ..server.processes import COMMAND, environment

PAGE = (Path(__file__).parents[2] / "docs" / "cli.md").read_text("utf-8")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_on_the_page(name: str) -> None:
    assert re.search(rf"^\| .*`{name}`", PAGE, re.MULTILINE)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_of_a_members_command_is_in_its_section(name: str) -> None:
    params = importlib.import_module(COMMANDS[name][0]).command.params
    options = [each for each in params if isinstance(each, Option)]
    if not any(each.section == "which room" for each in options):
        return
    section = PAGE.split(f"\n## {name}\n", 1)[1].split("\n## ", 1)[0]
    for each in options:
        if each.section == "options":
            assert any(re.search(rf"{name}\b", section) for name in each.opts), each.opts


def test_every_status_is_on_the_page() -> None:
    table = PAGE.split("\n## How it ends\n", 1)[1].split("\n## ", 1)[0]
    told = {
        int(number)
        for row in re.findall(r"^\| ([\d, ]+) \|", table, re.MULTILINE)
        for number in row.split(", ")
    }
    known = {getattr(status, name) for name in status.__all__ if name.isupper()}
    assert told == known | {0}


@pytest.mark.parametrize("recipe", re.findall(r"^ *- (?:run: )?(make .*)$", PAGE, re.MULTILINE))
@pytest.mark.parametrize(("make", "status"), [("echo built", 0), ("echo built; false", 1)])
def test_a_build_in_ci_does_without_a_room(recipe: str, make: str, status: int) -> None:
    functions = f'make() {{ {make}; }}; driftdb() {{ {shlex.join(COMMAND)} "$@"; }}'
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", f"{functions}\n{recipe}"],
        env=environment(DRIFTDB_ROOM=""),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (status, "built\n")


def test_two_builds_in_ci_are_on_the_page() -> None:
    assert len(re.findall(r"driftdb append \"build/\$\w+\" --tee", PAGE)) == 2
    assert "if: always() && env.DRIFTDB_ROOM != ''" in PAGE
