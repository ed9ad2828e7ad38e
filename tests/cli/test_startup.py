"""A command loads what it needs, and no more: people and shells wait for it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ..server.processes import environment

NOWHERE = "http://127.0.0.1:9/room/r"
SETTINGS = {"traitlets", "jupyter_core", "jupyter_server"}
SERVER = {"driftdb_jupyter.server", "driftdb_jupyter.broker", "sqlite3"}
WORK = {"tornado", "asyncio", "msgspec", "logging"}


def loaded(*arguments: str) -> set[str]:
    """The modules that a command has loaded when it ends."""
    code = (
        "import sys\n"
        "from driftdb_jupyter.cli import main\n"
        "try:\n"
        "    main(sys.argv[1:])\n"
        "except SystemExit:\n"
        "    print('loaded:', *sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return set(done.stdout.rpartition("loaded:")[2].split())


@pytest.mark.parametrize("command", ["get k", "new", "push k 1", "tail k", "append k", "watch k"])
def test_who_takes_part_in_a_room_loads_no_server_and_no_settings_of_one(command: str) -> None:
    where = "--url=http://127.0.0.1:9/" if command == "new" else f"--room={NOWHERE}"
    limit = "--patience=0.1" if command.startswith("append") else "--timeout=0.1"
    modules = loaded(*command.split(), where, limit)
    assert "tornado.httpclient" in modules
    assert not modules & (SETTINGS | SERVER)


@pytest.mark.parametrize(
    "arguments",
    ["--help", "serve --help", "get -h", "rooms -h", "append k --bogus", "push k 1 --if-seq x"],
)
def test_help_and_mistakes_load_nothing_that_works(arguments: str) -> None:
    assert not loaded(*arguments.split()) & (SETTINGS | SERVER | WORK)


def test_a_shell_that_completes_loads_one_command() -> None:
    assert not {each for each in loaded("--help") if each.startswith("driftdb_jupyter.cli.comm")}
