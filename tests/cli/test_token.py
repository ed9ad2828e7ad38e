"""``driftdb token``: a key, tokens by it, and taking them back while a server runs."""

from __future__ import annotations

import stat
import subprocess
from pathlib import Path

import pytest

from ..conformance.peer import Room, get, init
from ..server.processes import COMMAND, environment, started


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, "token", *words],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.asyncio
async def test_tokens_are_made_and_taken_back(tmp_path: Path) -> None:
    assert run(tmp_path, "key", "keys.json").returncode == 0
    assert stat.S_IMODE((tmp_path / "keys.json").stat().st_mode) == 0o600
    serve = [*COMMAND, "serve", "--port=0", "--data=rooms", "--named-rooms"]
    with started(
        [*serve, "--token-keys=keys.json", "--require-tokens"], cwd=tmp_path, env=environment()
    ) as process:
        made = [
            run(tmp_path, "create", "r", "--key=keys.json", "--role=write", "--expires=2h")
            for _ in range(2)
        ]
        tokens = [each.stdout.strip() for each in made]
        room = Room(process.server, "r")
        first, second = [
            await room.join(headers={"Authorization": f"Bearer {token}"}) for token in tokens
        ]
        revoked = run(tmp_path, "revoke", "r", tokens[0], "--data=rooms")
        assert revoked.returncode == 0, revoked.stderr
        await first.is_closed_with(4401)
        await second.send(get("k"))
        await second.hears(init("k"))
        assert run(tmp_path, "revoke", "r", "--all", "--data=rooms").returncode == 0
        await second.is_closed_with(4401)
        await room.empty()
        process.end()
        assert not any(token in process.log for token in tokens)


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("create",),
        ("create", "r"),
        ("create", "r", "--key=short"),
        ("create", "r", "--key=key", "--expires=soon"),
        ("create", "r", "--key=key", "--kid=other"),
        ("revoke", "r"),
        ("revoke", "r", "id", "--all"),
        ("revoke", "r", "eyJhbGciOiJIUzI1NiJ9.eyJyb29tIjoiciJ9.of-nobody"),
        ("revoke", "r", "eyJhbGciOiJIUzI1NiJ9.eyJqdGkiOiJpIn0.thirty\nthree"),
        ("revoke", "r", "\n"),
        ("other", "r"),
    ],
    ids=" ".join,
)
def test_what_makes_no_sense_is_told(tmp_path: Path, words: tuple[str, ...]) -> None:
    (tmp_path / "short").write_text("short")
    (tmp_path / "key").write_text("a secret of thirty-two letters or more")
    ended = run(tmp_path, *words)
    assert ended.returncode == 2
    assert "expected" in ended.stderr
    assert "thirty" not in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_key_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text("mine")
    assert run(tmp_path, "key", "keys.json").returncode == 1
    assert (tmp_path / "keys.json").read_text() == "mine"
