"""``driftdb serve --check-config``: what would be used, and what would go wrong."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
from pathlib import Path

import pytest
from traitlets import TraitError

from driftdb_jupyter.server.process.certificate import EXPIRES_SOON_SECONDS, expires_at, validity
from driftdb_jupyter.server.settings import DriftDB
from driftdb_jupyter.server.standalone import StandaloneServer

from ..certificates import CERTIFICATE, OTHER_CERTIFICATE
from .processes import COMMAND, environment


def check(folder: Path, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, "serve", "--check-config", *options],
        cwd=folder,
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=60,
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def test_what_would_be_used_is_told_and_nothing_is_made(tmp_path: Path) -> None:
    shutil.copy(CERTIFICATE, tmp_path / "tls.pem")
    options = (f"--port={free_port()}", "--data=kept", "--certfile=tls.pem", "--keyfile=tls.pem")
    told = check(tmp_path, *options, DRIFTDB_CREATE_TOKEN="a-token-for-making-rooms")
    assert (told.returncode, told.stderr) == (0, "")
    lines = dict(re.split(r": +", line, maxsplit=1) for line in told.stdout.splitlines())
    assert lines["rooms at"].startswith("https://127.0.0.1:")
    assert lines["rooms kept in"].endswith("kept/rooms.db (will be made), batched")
    assert "valid until " in lines["certificate"]
    assert lines["making rooms"] == "needs the token"
    assert "a-token-for-making-rooms" not in told.stdout
    assert os.listdir(tmp_path) == ["tls.pem"]


def test_the_settings_of_a_service_of_a_hub_are_looked_at_and_nothing_is_made(
    tmp_path: Path,
) -> None:
    hub = {
        "JUPYTERHUB_SERVICE_NAME": "rooms",
        "JUPYTERHUB_SERVICE_URL": f"http://127.0.0.1:{free_port()}",
        "JUPYTERHUB_SERVICE_PREFIX": "/services/rooms/",
        "JUPYTERHUB_API_TOKEN": "of-the-service",
    }
    for role, code in (("look", 1), ("read", 0)):
        rooms = "--HubService.rooms=" + json.dumps({"*": {"anyone": role}})
        told = check(tmp_path, "--data=kept", rooms, **hub)
        assert told.returncode == code, told.stderr
        assert len(told.stderr.splitlines()) == code
    assert os.listdir(tmp_path) == []


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "rooms.db").write_text("no database " * 100)
    (tmp_path / "token").write_text("short")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        told = check(
            tmp_path,
            *(f"--port={port}", "--data=kept", f"--certfile={CERTIFICATE}"),
            *(f"--keyfile={OTHER_CERTIFICATE}", "--create-token=token"),
            "--audit-log=missing/audit",
        )
    assert told.returncode == 1
    assert told.stdout.count("PROBLEM") == 5
    for text in ("is taken", "expected a TLS certificate and its key", "rooms.db", "audit_log"):
        assert text in told.stderr, text
    assert "create_token_file: " in told.stderr
    assert "[Errno" not in told.stdout + told.stderr


def test_a_name_that_is_none_and_a_folder_that_can_not_be_made_are_told(tmp_path: Path) -> None:
    (tmp_path / "config.py").write_text("c.DriftDB.mesage_limit_bytes = 5000")
    (tmp_path / "file").touch()
    told = check(tmp_path, f"--port={free_port()}", "--config=config.py", "--data=file/kept")
    assert told.returncode == 1
    assert "there is no setting DriftDB.mesage_limit_bytes" in told.stderr
    assert f"can't be made: nothing can be written in {tmp_path / 'file'}" in told.stderr


@pytest.mark.parametrize("path", ["a b", "a?b", "a#b", "ä", "%zz", "a\nb"])
def test_a_path_that_no_url_has_is_refused(path: str) -> None:
    with pytest.raises(TraitError, match="base_url"):
        StandaloneServer(base_url=path)


@pytest.mark.parametrize("sites", ["", "'self'; script-src *", "a,b", "'unsafe-inline'"])
def test_sites_that_are_no_list_of_sites_are_refused(sites: str) -> None:
    with pytest.raises(TraitError, match="frame_ancestors"):
        DriftDB(frame_ancestors=sites)


def test_sites_may_be_those_that_browsers_know() -> None:
    sites = "'self' https://*.school.example:8443 https: *"
    assert DriftDB(frame_ancestors=f" {sites}").frame_ancestors == sites


@pytest.mark.parametrize(
    ("left_seconds", "told", "good"),
    [
        (EXPIRES_SOON_SECONDS + 1, r"^valid until \S+ \S+ UTC$", True),
        (EXPIRES_SOON_SECONDS - 1, r"^valid until .*: renew it soon$", True),
        (0, r"^it has expired", False),
    ],
)
def test_a_certificate_ends_some_day(left_seconds: float, told: str, good: bool) -> None:
    until = expires_at(str(CERTIFICATE))
    assert until is not None
    text, is_good = validity(str(CERTIFICATE), now=until - left_seconds)
    assert re.search(told, text)
    assert is_good == good
