"""What the shells offer, asked in the shells themselves."""

from __future__ import annotations

import os
import pty
import select
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from driftdb_jupyter.cli.main import COMMANDS

from ..server.processes import COMMAND, environment
from .shell import Shell

FILES = ["-o", "default"]


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a program ``driftdb``, for a shell asks that what there is."""
    folder = tmp_path_factory.mktemp("bin")
    program = folder / "driftdb"
    program.write_text(f'#!/bin/sh\nexec {shlex.join(COMMAND)} "$@"\n')
    program.chmod(0o755)
    return folder


def surroundings(programs: Path, **more: str) -> dict[str, str]:
    """The environment of a shell that finds the program."""
    path = f"{programs}:{os.environ['PATH']}"
    return {"PATH": path, "PYTHONPATH": environment()["PYTHONPATH"], **more}


class Bash:
    def __init__(self, programs: Path) -> None:
        self._environment = surroundings(programs)
        self._script = Shell("").prints("completion", "bash")

    def completed(self, typed: str) -> list[str]:
        """What bash offers behind what was typed."""
        ask = """
compopt() { COMPREPLY+=("$@"); }
read -ra COMP_WORDS <<< "${typed//=/ = }"
[[ $typed == *" " ]] && COMP_WORDS+=("")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_driftdb_completion driftdb
printf '%s\\n' "${COMPREPLY[@]}"
"""
        done = subprocess.run(
            ["bash", "-c", self._script + ask],
            env={**self._environment, "typed": typed},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stderr == ""
        return done.stdout.split()


@pytest.fixture(scope="module")
def bash(programs: Path) -> Bash:
    return Bash(programs)


def test_bash_completes_the_commands(bash: Bash) -> None:
    assert bash.completed("driftdb p") == ["push", "presence"]
    assert bash.completed("driftdb ") == list(COMMANDS)


def test_bash_completes_the_options_of_each_command(bash: Bash) -> None:
    assert bash.completed("driftdb tail k --f") == ["--follow"]
    assert bash.completed("driftdb append k --t") == ["--tee"]
    assert bash.completed("driftdb rooms --d") == ["--data", "--debug"]
    assert bash.completed("driftdb serve --named") == ["--named-rooms"]
    assert bash.completed("driftdb --") == ["--help", "--version"]
    assert bash.completed("driftdb tail k") == []


def test_bash_completes_options_behind_arguments_that_begin_with_a_dash(bash: Bash) -> None:
    assert bash.completed("driftdb push k -5 --if") == ["--if-seq"]


def test_bash_completes_settings(bash: Bash) -> None:
    found = bash.completed("driftdb serve --DriftDB.message")
    assert found == ["--DriftDB.message_limit_bytes"]
    assert not any("." in each for each in bash.completed("driftdb serve --"))
    assert bash.completed("driftdb serve --DriftDB.durability=s") == ["synced"]


def test_bash_completes_files_where_they_are_meant(bash: Bash) -> None:
    for typed in ("driftdb import ", "driftdb rooms --data=", "driftdb serve --certfile ./c"):
        assert bash.completed(typed) == FILES


def test_bash_completes_values_where_there_are_few(bash: Bash) -> None:
    for typed in ("--action re", "--action=re", "--action = re"):
        assert bash.completed(f"driftdb push k 1 {typed}") == ["replace", "relay"]
    assert "delete" in bash.completed("driftdb push k 1 --action=")
    assert bash.completed("driftdb completion ") == ["bash", "zsh", "fish"]
    assert bash.completed("driftdb get k --log-level w") == ["WARNING"]


class Fish:
    def __init__(self, programs: Path, folder: Path) -> None:
        self._script = folder / "driftdb.fish"
        self._script.write_text(Shell("").prints("completion", "fish"))
        self._environment = surroundings(programs, HOME=str(folder), XDG_CONFIG_HOME=str(folder))

    def completed(self, typed: str) -> list[str]:
        """What fish offers behind what was typed."""
        done = subprocess.run(
            ["fish", "--command", f"source {self._script}; complete -C '{typed}'"],
            env=self._environment,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stderr == ""
        return [line.partition("\t")[0] for line in done.stdout.splitlines()]


@pytest.fixture
def fish(programs: Path, tmp_path: Path) -> Fish:
    return Fish(programs, tmp_path)


@pytest.mark.skipif(not shutil.which("fish"), reason="fish is not installed here")
def test_fish_completes_commands_options_and_values(fish: Fish) -> None:
    assert set(fish.completed("driftdb ")) == set(COMMANDS)
    assert fish.completed("driftdb tail k --fo") == ["--follow"]
    assert fish.completed("driftdb push k 1 --action re") == ["relay", "replace"]
    assert fish.completed("driftdb push k 1 --action=rel") == ["--action=relay"]
    assert fish.completed("driftdb completion ") == ["bash", "fish", "zsh"]
    assert fish.completed("driftdb --v") == ["--version"]


@pytest.mark.skipif(not shutil.which("fish"), reason="fish is not installed here")
def test_fish_completes_files_where_they_are_meant(fish: Fish, tmp_path: Path) -> None:
    (tmp_path / "room.jsonl").touch()
    assert fish.completed(f"driftdb get {tmp_path}/roo") == []
    for typed in ("import ", "rooms --data ", "serve --certfile ", "rooms --data="):
        found = fish.completed(f"driftdb {typed}{tmp_path}/roo")
        assert [each.removeprefix("--data=") for each in found] == [f"{tmp_path}/room.jsonl"]


class Zsh:
    """An interactive zsh at a terminal, for it completes nowhere else."""

    def __init__(self, programs: Path, folder: Path) -> None:
        script = folder / "driftdb.zsh"
        script.write_text(Shell("").prints("completion", "zsh"))
        self._process, self._terminal = pty.fork()
        if self._process == 0:
            home = surroundings(programs, HOME=str(folder), TERM="dumb")
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


@pytest.fixture
def zsh(programs: Path, tmp_path: Path) -> Iterator[Zsh]:
    (tmp_path / "room.jsonl").touch()
    shell = Zsh(programs, tmp_path)
    yield shell
    shell.close()


@pytest.mark.skipif(not shutil.which("zsh"), reason="zsh is not installed here")
def test_zsh_completes_commands_options_and_values(zsh: Zsh) -> None:
    assert "-- Make a room, and print its URL" in zsh.completes("driftdb ", "watch")
    zsh.completes("driftdb compl", "completion ")
    zsh.completes("driftdb tail k --fo", "--follow ")
    zsh.completes("driftdb push k 1 --action rep", "replace ")
    zsh.completes("driftdb push k 1 --action=rep", "--action=replace ")
    zsh.completes("driftdb --vers", "--version ")
    zsh.completes("driftdb import roo", "room.jsonl ")
    zsh.completes("driftdb serve --certfile=roo", "--certfile=room.jsonl ")
    assert "fish" in zsh.completes("driftdb completion ", "zsh")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_has_no_errors(shell: str) -> None:
    script = Shell("").prints("completion", shell)
    assert f"_DRIFTDB_COMPLETE={shell}_complete" in script
    if (program := shutil.which(shell)) is not None:
        subprocess.run([program, "-n"], input=script, text=True, check=True)


def test_a_shell_that_is_none_is_named() -> None:
    refused = Shell("").run("completion", "tcsh")
    assert refused.returncode == 2
    assert refused.stderr == "driftdb completion: expected bash, zsh or fish, got 'tcsh'\n"


@pytest.mark.parametrize("asked", ["", "tcsh_complete", "bash_source"])
def test_what_asks_otherwise_is_offered_nothing(asked: str) -> None:
    shell = Shell("", _DRIFTDB_COMPLETE=asked)
    done = shell.run("--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert (done.stdout.strip() == "") == bool(asked)
