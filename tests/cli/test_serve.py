"""``driftdb serve``: what is typed becomes settings of the server."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from driftdb_jupyter.cli.commands.serve import command
from driftdb_jupyter.command.parameter import Option
from driftdb_jupyter.server.settings import DriftDB
from driftdb_jupyter.server.standalone import StandaloneServer

from ..server.processes import COMMAND, environment

OPTIONS = [each for each in command.params if isinstance(each, Option)]
TRAITS = DriftDB.class_traits(config=True) | StandaloneServer.class_traits(config=True)


def serve(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, "serve", *arguments],
        cwd=folder,
        env=environment(JUPYTER_CONFIG_DIR=str(folder)),
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("option", OPTIONS, ids=lambda each: each.name)
def test_each_option_is_a_setting_and_says_its_default(option: Option) -> None:
    if option.section != "options":
        return
    trait = TRAITS[option.name or ""]
    told = re.search(r"\(default: (.*)\)", option.help or "")
    assert told is None or told[1] == str(trait.default())
    assert (told is None) == (not trait.default())


@pytest.mark.parametrize("level", ["warn", "Warning", "WARNING", "30", "25"])
def test_options_and_settings_of_all_kinds_are_taken(tmp_path: Path, level: str) -> None:
    (tmp_path / "rooms.py").write_text(
        "c.DriftDB.room_limit = 7\n"
        "c.StandaloneServer.port = 1\n"
        "c.StandaloneServer.health_details = True\n"
    )
    shown = serve(
        tmp_path,
        *("--show-config", "--config=rooms.py", f"--log-level={level}", "--port=0"),
        *("--StandaloneServer.idle_timeout_seconds=2.5", "--named-rooms"),
        "--StandaloneServer.health_details=False",
        *("--DriftDB.durability=synced", "--DriftDB.room_retention_seconds=0"),
    )
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout.partition("Application\n")[2].split() == [
        *(".log_level", "=", "30"),
        *("DriftDB", ".durability", "=", "'synced'", ".room_limit", "=", "7"),
        *(".room_retention_seconds", "=", "0.0"),
        *("JupyterApp", ".config_file", "=", "'rooms.py'"),
        *("StandaloneServer", ".health_details", "=", "False"),
        *(".idle_timeout_seconds", "=", "2.5", ".named_rooms", "=", "True", ".port", "=", "0"),
    ]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("c.StandaloneServer.base_url = 5", "'base_url' trait of a StandaloneServer"),
        ("c.DriftDB.room_limit = 0", "'room_limit' trait of a DriftDB"),
        ("c.DriftDB.room_limit =", "can't read the settings: invalid syntax (rooms.py, line 1)"),
        ("1 / 0", "can't read the settings: division by zero (ZeroDivisionError)"),
    ],
)
def test_a_file_that_does_not_fit_is_said(tmp_path: Path, line: str, said: str) -> None:
    (tmp_path / "rooms.py").write_text(line)
    refused = serve(tmp_path, "--config=rooms.py", "--port=0")
    assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (2, "", 1)
    assert refused.stderr.startswith("driftdb serve: ")
    assert said in refused.stderr


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    refused = serve(tmp_path, "--config=nowhere.py", "--port=0")
    said = "driftdb serve: expected a file with settings, got 'nowhere.py'\n"
    assert (refused.returncode, refused.stdout, refused.stderr) == (2, "", said)


def test_a_file_with_all_settings_is_written_and_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "rooms.py"
    assert serve(tmp_path, "--generate-config", f"--config={path}").returncode == 0
    for name in ("StandaloneServer.port", "DriftDB.room_limit", "Application.log_level"):
        assert f"# c.{name} = " in path.read_text()
    assert os.access(path, os.R_OK)
    assert serve(tmp_path, "--show-config", f"--config={path}").returncode == 0
