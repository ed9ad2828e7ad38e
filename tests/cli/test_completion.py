from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
from pathlib import Path

import pytest

from driftdb_jupyter.cli.main import Command

from .shell import Shell

FILES = ["-o", "default"]


def completed(typed: str) -> list[str]:
    """What bash offers behind what was typed."""
    script = Shell("").prints("completion", "bash")
    ask = """
compopt() { COMPREPLY+=("$@"); }
read -ra COMP_WORDS <<< "${typed//=/ = }"
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
    assert completed("driftdb append k --t") == ["--tee"]
    assert completed("driftdb rooms --d") == ["--data", "--debug"]
    assert completed("driftdb serve --named") == ["--named-rooms"]
    assert completed("driftdb --") == ["--help", "--version"]
    assert completed("driftdb tail k") == []


def test_bash_completes_files_where_they_are_meant() -> None:
    for typed in ("driftdb import ", "driftdb rooms --data=", "driftdb serve --certfile ./c"):
        assert completed(typed) == FILES


def test_bash_completes_values_where_there_are_few() -> None:
    for typed in ("--action re", "--action=re", "--action = re"):
        assert completed(f"driftdb push k 1 {typed}") == ["replace", "relay"]
    assert "delete" in completed("driftdb push k 1 --action=")
    assert completed("driftdb completion ") == ["bash", "zsh", "fish"]


def completed_by_fish(typed: str, folder: Path) -> list[str]:
    script = folder / "driftdb.fish"
    script.write_text(Shell("").prints("completion", "fish"))
    asked = f"source {script}; complete -C '{typed}'"
    home = {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "PATH": os.environ["PATH"]}
    done = subprocess.run(
        ["fish", "--command", asked], env=home, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return [line.partition("\t")[0] for line in done.stdout.splitlines()]


@pytest.mark.skipif(not shutil.which("fish"), reason="fish is not installed here")
def test_fish_completes_commands_options_and_values(tmp_path: Path) -> None:
    assert set(completed_by_fish("driftdb ", tmp_path)) == set(Command.subcommands)
    assert completed_by_fish("driftdb tail k --fo", tmp_path) == ["--follow"]
    assert completed_by_fish("driftdb push k 1 --action re", tmp_path) == ["relay", "replace"]
    assert completed_by_fish("driftdb push k 1 --action=rel", tmp_path) == ["--action=relay"]
    assert completed_by_fish("driftdb completion ", tmp_path) == ["bash", "fish", "zsh"]
    assert completed_by_fish("driftdb --v", tmp_path) == ["--version"]


@pytest.mark.skipif(not shutil.which("fish"), reason="fish is not installed here")
def test_fish_completes_files_where_they_are_meant(tmp_path: Path) -> None:
    (tmp_path / "room.jsonl").touch()
    assert completed_by_fish(f"driftdb get {tmp_path}/roo", tmp_path) == []
    for typed in ("import", "rooms --data", "serve --certfile"):
        found = completed_by_fish(f"driftdb {typed} {tmp_path}/roo", tmp_path)
        assert found == [f"{tmp_path}/room.jsonl"]


class Zsh:
    """An interactive zsh at a terminal, for it completes nowhere else."""

    def __init__(self, folder: Path) -> None:
        script = folder / "driftdb.zsh"
        script.write_text(Shell("").prints("completion", "zsh"))
        self._process, self._terminal = pty.fork()
        if self._process == 0:
            home = {"HOME": str(folder), "TERM": "dumb", "PATH": os.environ["PATH"]}
            os.chdir(folder)
            os.execvpe("zsh", ["zsh", "-f", "-i"], home)
        self._type(
            f"setopt nobeep; autoload -Uz compinit; compinit -u; source {script}; PS1=ready; echo\n"
        )
        self._read("ready")

    def completes(self, typed: str, end: str) -> str:
        """What is shown up to that end, when Tab was pressed; the line is cleared then."""
        self._type(f"{typed}\t")
        shown = self._read(end)
        self._type("\x15")
        return shown

    def close(self) -> None:
        os.close(self._terminal)
        os.waitpid(self._process, 0)

    def _type(self, keys: str) -> None:
        os.write(self._terminal, keys.encode())

    def _read(self, end: str) -> str:
        shown = ""
        while end not in shown:
            ready, _, _ = select.select([self._terminal], [], [], 20)
            assert ready, f"expected {end!r}, got {shown!r}"
            shown += os.read(self._terminal, 65536).decode()
        return shown


@pytest.mark.skipif(not shutil.which("zsh"), reason="zsh is not installed here")
def test_zsh_completes_commands_options_and_values(tmp_path: Path) -> None:
    (tmp_path / "room.jsonl").touch()
    zsh = Zsh(tmp_path)
    assert "-- Make a room, and print its URL" in zsh.completes("driftdb ", "watch")
    zsh.completes("driftdb compl", "completion ")
    zsh.completes("driftdb tail k --fo", "--follow ")
    zsh.completes("driftdb push k 1 --action rep", "replace ")
    zsh.completes("driftdb push k 1 --action=rep", "replace ")
    zsh.completes("driftdb --vers", "--version ")
    zsh.completes("driftdb import roo", "room.jsonl ")
    zsh.completes("driftdb serve --certfile=roo", "room.jsonl ")
    assert "fish" in zsh.completes("driftdb completion ", "zsh")
    zsh.close()


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
