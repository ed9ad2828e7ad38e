"""The commands in a room of a Jupyter server."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..conformance.servers import TOKEN
from ..server.processes import environment, started
from .shell import Shell


@pytest.fixture
def jupyter_url(tmp_path: Path) -> Iterator[str]:
    command = [
        *(sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root", "--port=0"),
        "--ServerApp.jpserver_extensions=driftdb_jupyter=True",
        f"--IdentityProvider.token={TOKEN}",
        f"--ServerApp.root_dir={tmp_path}",
    ]
    folders = {
        f"JUPYTER_{name.upper()}_DIR": str(tmp_path / name)
        for name in ("config", "data", "runtime")
    }
    with started(command, cwd=tmp_path, env=environment(**folders)) as process:
        yield process.server.root


def test_a_token_opens_named_rooms(jupyter_url: str, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    for variables in ({"DRIFTDB_TOKEN": TOKEN}, {"DRIFTDB_TOKEN_FILE": str(file)}):
        shell = Shell("größe & mehr", DRIFTDB_URL=jupyter_url, **variables)
        shell.prints("push", "k", "1")
        shell.prints("append", "log", text="one\ntwo\n")
        assert shell.prints("get", "k") == "1\n"
        line = json.loads(shell.prints("tail", "log", "-n", "1", "--json"))
        assert line["value"] == "two"
        assert line["user"]["username"]
        assert shell.prints("new").startswith(jupyter_url + "room/")


def test_without_it_nothing_is_opened_and_it_is_said_what_to_set(jupyter_url: str) -> None:
    for variables in ({}, {"DRIFTDB_TOKEN": "wr0ng"}):
        shell = Shell("r", DRIFTDB_URL=jupyter_url, **variables)
        for arguments in (["push", "k", "1"], ["get", "k"], ["new"]):
            refused = shell.run(*arguments)
            assert refused.returncode == 1
            assert (
                "Set" if not variables else "what stands in"
            ) + " DRIFTDB_TOKEN" in refused.stderr
            assert "wr0ng" not in refused.stderr
