"""The systemd unit: systemd finds nothing wrong with it, and its commands do what it says."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from ..server.processes import environment, started
from .proxies import DEPLOY

UNIT = (DEPLOY / "driftdb.service").read_text()
PROGRAM = "/opt/driftdb/bin/driftdb"


def commands(name: str) -> list[list[str]]:
    """The words of each line of that name, by which this tree's own command is run."""
    lines = [line for line in UNIT.splitlines() if line.startswith(f"{name}=")]
    words = [line.partition("=")[2].split() for line in lines]
    assert words
    assert all(line[0] == PROGRAM for line in words)
    return [[sys.executable, "-m", "driftdb_jupyter.cli", *line[1:]] for line in words]


@pytest.fixture
def folders(tmp_path: Path) -> dict[str, str]:
    """The folders that systemd makes, and their variables."""
    made = {name: tmp_path / name for name in ("STATE_DIRECTORY", "LOGS_DIRECTORY")}
    for folder in made.values():
        folder.mkdir(mode=0o700)
    return {name: str(folder) for name, folder in made.items()}


def filled(words: list[str], folders: dict[str, str]) -> list[str]:
    text = [word.replace("8080", "0") for word in words]
    for name, folder in folders.items():
        text = [word.replace(f"${{{name}}}", folder) for word in text]
    assert not any("${" in word for word in text)
    return text


def test_its_commands_keep_rooms_and_an_audit_log_over_a_restart(
    tmp_path: Path, folders: dict[str, str]
) -> None:
    own = environment(JUPYTER_CONFIG_DIR=str(tmp_path / "config"))
    (check,) = commands("ExecStartPre")
    subprocess.run(filled(check, folders), env=own, cwd=tmp_path, check=True, timeout=60)
    (serve,) = commands("ExecStart")
    for _ in range(2):
        with started(filled(serve, folders), cwd=tmp_path, env=own, session=True) as process:
            root = process.server.root
            if not (tmp_path / "room").exists():
                with urlopen(Request(root + "new", method="POST"), timeout=30) as answer:
                    (tmp_path / "room").write_text(json.load(answer)["room"])
            with urlopen(f"{root}room/{(tmp_path / 'room').read_text()}", timeout=30) as answer:
                assert answer.status == 200
            audit = Path(folders["LOGS_DIRECTORY"]) / "audit.jsonl"
            audit.rename(audit.with_suffix(".1"))  # as logrotate does
            process.process.send_signal(signal.SIGHUP)
            while not any("log files were opened anew" in line for line in process.lines):
                time.sleep(0.01)
            with urlopen(Request(root + "new", method="POST"), timeout=30):
                pass
            assert "room_made" in audit.read_text()
            assert process.end() == 0
    for folder in folders.values():
        for file in Path(folder).iterdir():
            assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


def test_systemd_finds_nothing_wrong_with_it(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:  # no Linux with systemd: what it says of itself is all there is
        assert "[Service]" in UNIT
        return
    (tmp_path / "driftdb").write_text("#!/bin/sh\n")
    (tmp_path / "driftdb").chmod(0o755)
    unit = tmp_path / "driftdb.service"
    unit.write_text(UNIT.replace(PROGRAM, str(tmp_path / "driftdb")))
    checked = subprocess.run(
        [analyze, "verify", str(unit)],
        env={**os.environ, "SYSTEMD_LOG_LEVEL": "warning"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    about = [line for line in checked.stderr.splitlines() if "driftdb.service" in line]
    assert (checked.returncode, about) == (0, [])
