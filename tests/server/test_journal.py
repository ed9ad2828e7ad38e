"""Rooms of a server outlive its process, where there is a journal."""

from __future__ import annotations

import json
import signal
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from driftdb_jupyter.server.extension import journal_path

from .processes import COMMAND, environment, started

CLIENT = "c" * 16


def post(url: str, **message: Any) -> Any:
    request = urllib.request.Request(url, json.dumps(message).encode(), method="POST")
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


@pytest.mark.parametrize("durability", ["batched", "synced"])
def test_what_was_acknowledged_survives_a_kill(durability: str, tmp_path: Path) -> None:
    options = ["--port=0", "--data=kept", f"--DriftDB.durability={durability}"]
    command = [*COMMAND, "serve", *options]
    push = {"type": "push", "key": "k", "value": "v", "id": 1, "action": {"type": "append"}}
    with started(command, cwd=tmp_path, env=environment()) as first:
        room = post(f"{first.server.root}new")["room"]
        send = f"room/{room}/send?client={CLIENT}"
        assert post(first.server.root + send, **push) == {"type": "ack", "id": 1, "seq": 1}
        first.end(signal.SIGKILL)
    with started(command, cwd=tmp_path, env=environment()) as second:
        assert post(second.server.root + send, **push) == {"type": "ack", "id": 1, "seq": 1}
        init = post(second.server.root + send, type="get", key="k")
        assert init["data"] == [{"value": "v", "seq": 1}]
    assert (tmp_path / "kept" / "rooms.db").stat().st_mode & 0o777 == 0o600


def test_a_second_server_says_that_it_keeps_nothing(tmp_path: Path) -> None:
    command = [*COMMAND, "serve", "--port=0", "--data=kept"]
    with (
        started(command, cwd=tmp_path, env=environment()),
        started(command, cwd=tmp_path, env=environment()) as second,
    ):
        post(f"{second.server.root}new")
        second.end()
    assert "another server has the journal" in second.log


def test_under_jupyter_each_root_folder_has_a_file_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path))
    one, other = journal_path("/home/anna"), journal_path("/home/ben")
    assert one != other
    assert one == journal_path("/home/anna/")
    assert Path(one).parent == tmp_path / "driftdb"
