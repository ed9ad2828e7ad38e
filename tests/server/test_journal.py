"""Rooms of a server outlive its process, where there is a journal."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from driftdb_jupyter.server.process.place import jupyter_journal

from .processes import COMMAND, Process, environment, started

CLIENT = "c" * 16


def post(url: str, **message: Any) -> Any:
    request = urllib.request.Request(url, json.dumps(message).encode(), method="POST")
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def status(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


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


@pytest.mark.parametrize("durability", ["batched", "synced"])
def test_who_may_do_what_survives_a_kill(durability: str, tmp_path: Path) -> None:
    options = ["--port=0", "--data=kept", f"--DriftDB.durability={durability}"]
    command = [*COMMAND, "serve", *options]
    policy = {"anyone": [{"can": ["append"], "keys": ["k"]}], "users": {}, "groups": {}}
    push = {"type": "push", "key": "k", "value": "v", "action": {"type": "append"}}

    def access(process: Process, *, method: str = "GET", content: object = None) -> Any:
        request = urllib.request.Request(
            f"{process.server.root}room/{made['room']}/access",
            json.dumps(content).encode() if method == "PUT" else None,
            {"Authorization": f"Bearer {made['admin']}"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    with started(command, cwd=tmp_path, env=environment()) as first:
        made = post(f"{first.server.root}new?admin=true")
        assert access(first) is None
        access(first, method="PUT", content=policy)
        first.end(signal.SIGKILL)
    with started(command, cwd=tmp_path, env=environment()) as second:
        assert access(second) == policy  # and its owner is its owner still
        room = f"{second.server.root}room/{made['room']}"
        assert status(room) == 403
        post(f"{room}/send", **push)
        with pytest.raises(urllib.error.HTTPError, match="403") as refused:
            post(f"{room}/send", **push | {"action": {"type": "replace"}})
        refused.value.close()
    assert made["admin"].encode() not in (tmp_path / "kept" / "rooms.db").read_bytes()


def test_a_second_server_starts_only_where_it_may_keep_nothing(tmp_path: Path) -> None:
    command = [*COMMAND, "serve", "--port=0", "--data=kept"]
    with started(command, cwd=tmp_path, env=environment()):
        refused = subprocess.run(
            command, cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=30
        )
        assert refused.returncode == 1
        assert "another server has the journal" in refused.stderr
        assert str(tmp_path / "kept" / "rooms.db") in refused.stderr
        assert "--allow-memory" in refused.stderr
        assert "Traceback" not in refused.stderr
        command += ["--allow-memory", "--StandaloneServer.health_details=true"]
        with started(command, cwd=tmp_path, env=environment()) as second:
            post(f"{second.server.root}new")
            with pytest.raises(urllib.error.HTTPError) as answer:
                urllib.request.urlopen(f"{second.server.root}health", timeout=60)
            with answer.value:
                trouble = json.load(answer.value)["trouble"]
            assert "another server has the journal rooms.db" in trouble
            assert str(tmp_path) not in trouble
            second.end()
        assert str(tmp_path / "kept" / "rooms.db") in second.log


def test_a_folder_that_is_removed_under_the_server_is_told(tmp_path: Path) -> None:
    command = [*COMMAND, "serve", "--port=0", "--data=kept"]
    with started(command, cwd=tmp_path, env=environment()) as process:
        room = post(f"{process.server.root}new")["room"]
        shutil.rmtree(tmp_path / "kept")
        while status(f"{process.server.root}health") == 200:
            pass  # it looks once a second, where nobody writes
        assert status(f"{process.server.root}health") == 503
        push = {"type": "push", "key": "k", "value": "v", "action": {"type": "append"}}
        with pytest.raises(urllib.error.HTTPError) as answer:
            post(f"{process.server.root}room/{room}/send", **push)
        with answer.value:
            assert json.load(answer.value)["code"] == "unavailable"
        process.end()
    assert "moved away, removed or replaced" in process.log


def test_under_jupyter_each_root_folder_has_a_file_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path))
    one, other = jupyter_journal("/home/anna"), jupyter_journal("/home/ben")
    assert one != other
    assert one == jupyter_journal("/home/anna/")
    assert Path(one).parent == tmp_path / "driftdb"
