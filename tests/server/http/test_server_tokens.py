"""Where making rooms needs a token, and where that comes from."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from driftdb_jupyter.server.http.server_tokens import TOKEN_VARIABLE, read_token

from ...conformance.peer import Room, fetch, push
from ...conformance.servers import Server, standalone
from ..processes import COMMAND, environment, started

TOKEN = "makes-rooms-and-opens-none"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with standalone(named_rooms=True, create_token=TOKEN) as server:
        yield server


@pytest.mark.asyncio
class TestServer:
    @pytest.mark.parametrize("scheme", ["Bearer", "token", "bearer"])
    async def test_who_knows_the_token_makes_rooms(self, server: Server, scheme: str) -> None:
        headers = {"Authorization": f"{scheme} {TOKEN}"}
        made = await fetch(server.root + "new", method="POST", headers=headers)
        assert made.status == 200
        # And whoever knows its id may use it.
        assert (await Room(server, made.json["room"]).post(push("k", 1))).status == 200

    @pytest.mark.parametrize(
        "given", ["", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x", "Bearer", f"Bearer {TOKEN[:-1]}"]
    )
    async def test_nobody_else_does_by_any_way(self, server: Server, given: str) -> None:
        headers = {"Authorization": given} if given else {}
        before = len(server.hub.rooms)
        made = await fetch(server.root + "new", method="POST", headers=headers)
        assert made.status == 403
        named = f"{server.root}room/named"
        body = '{"type":"get","key":"k","seq":0}'
        sent = await fetch(named + "/send", method="POST", body=body, headers=headers)
        assert sent.status == 404
        for what in ("", "/page", "/inspect"):
            assert (await fetch(named + what, headers=headers)).status == 404
        assert len(server.hub.rooms) == before


def test_it_is_read_from_a_file_of_its_owner(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(TOKEN + "\n")
    file.chmod(0o644)
    with pytest.raises(ValueError, match=r"others may read .*chmod 600"):
        read_token(str(file))
    file.chmod(0o600)
    assert read_token(str(file)) == TOKEN


@pytest.mark.parametrize("token", ["", "short", "sixteen letters \x1b", "sixteen lett\u00e4rs!!!"])
def test_what_could_be_guessed_or_sent_by_nobody_is_none(
    token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, token)
    with pytest.raises(ValueError, match="expected a token of at least 16") as refused:
        read_token("", variable=TOKEN_VARIABLE)
    assert not token or token not in str(refused.value)


def test_from_the_environment_it_is_taken_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, TOKEN)
    assert read_token("", variable=TOKEN_VARIABLE) == TOKEN
    assert TOKEN_VARIABLE not in os.environ
    assert read_token("", variable=TOKEN_VARIABLE) is None


def test_python_and_the_command_send_it(tmp_path: Path) -> None:
    own = environment(**{TOKEN_VARIABLE: TOKEN})
    with started([*COMMAND, "serve", "--port=0"], cwd=tmp_path, env=own) as process:
        url = process.server.root
        new = [*COMMAND, "new", f"--url={url}"]
        without = subprocess.run(new, env=environment(), capture_output=True, text=True)
        made = subprocess.run(
            new, env=environment(DRIFTDB_TOKEN=TOKEN), capture_output=True, text=True
        )
        process.end()
    assert without.returncode != 0
    assert (made.returncode, made.stderr) == (0, "")
    assert made.stdout.startswith(url)
    assert TOKEN not in process.log


def test_a_file_that_does_not_fit_ends_it_with_a_line(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(TOKEN)
    (tmp_path / "token").chmod(0o640)
    command = [*COMMAND, "serve", "--port=0", "--create-token=token"]
    ended = subprocess.run(
        command, cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=60
    )
    assert ended.returncode != 0
    assert "create_token_file: others may read" in ended.stderr
    assert TOKEN not in ended.stderr
