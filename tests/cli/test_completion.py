from __future__ import annotations

import shutil
import subprocess

import pytest

from driftdb_jupyter.cli.main import Command

from .shell import Shell


def completed(typed: str) -> list[str]:
    """What bash offers behind what was typed."""
    script = Shell("").prints("completion", "bash")
    ask = """
read -ra COMP_WORDS <<< "$typed"
[[ $typed == *" " ]] && COMP_WORDS+=("")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_driftdb
printf '%s\\n' "${COMPREPLY[@]}"
"""
    done = subprocess.run(
        ["bash", "-c", script + ask],
        env={"typed": typed, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout.split()


def test_bash_completes_the_commands() -> None:
    assert completed("driftdb p") == ["push", "presence"]
    assert set(completed("driftdb ")) == set(Command.subcommands)


def test_bash_completes_the_options_of_each_command() -> None:
    assert completed("driftdb tail k --f") == ["--follow"]
    assert completed("driftdb append k --t") == ["--timeout", "--tee"]
    assert completed("driftdb rooms --d") == ["--data", "--debug"]
    assert completed("driftdb serve --named") == ["--named-rooms"]
    assert completed("driftdb tail k") == []  # a file's name, by bash itself


def test_bash_completes_values_where_there_are_few() -> None:
    assert completed("driftdb push k 1 --action re") == ["replace", "relay"]
    assert completed("driftdb completion ") == ["bash", "zsh", "fish"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_has_no_errors(shell: str) -> None:
    script = Shell("").prints("completion", shell)
    for command in Command.subcommands:
        assert command in script
    if (program := shutil.which(shell)) is not None:
        subprocess.run([program, "-n"], input=script, text=True, check=True)


def test_a_shell_that_is_none_is_named() -> None:
    refused = Shell("").run("completion", "tcsh")
    assert refused.returncode == 2
    assert refused.stderr == "driftdb completion: expected bash, zsh or fish, got 'tcsh'\n"
