"""Signed tokens at a standalone server and under Jupyter."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from tornado.httpclient import HTTPClientError

from driftdb_jupyter import create_token
from driftdb_jupyter.server.hosting.revoking import revoke_tokens

from ...conformance.peer import Room, fetch, get, init, push
from ...conformance.servers import Server, jupyter, standalone
from ..processes import COMMAND, environment, started

pytestmark = pytest.mark.asyncio
KEY = "the secret that this server and its friends have"


def key_file(folder: Path, content: str = KEY) -> Path:
    path = folder / "key"
    path.write_text(content)
    path.chmod(0o600)
    return path


def bearer(room: str | None = "r", **options: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {create_token(room, key=KEY, **options)}"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    keys = key_file(tmp_path_factory.mktemp("keys"))
    with standalone(
        named_rooms=True,
        tokens_required=True,
        create_token="the-token-for-making-rooms",
        token_keys_file=str(keys),
        token_leeway_seconds=0.0,
    ) as server:
        yield server


async def test_nobody_comes_in_without_one(server: Server) -> None:
    room = Room(server, "closed")
    assert (await room.post(push("k", 1))).status == 403
    with pytest.raises(HTTPClientError) as refused:
        await room.join()
    assert refused.value.code == 403
    assert (await fetch(server.root + "new", method="POST")).status == 403


async def test_its_room_is_made_by_its_first_use_and_no_other(server: Server) -> None:
    name = "first-" + secrets.token_hex(4)
    writer = bearer(name, role="write")
    assert (await fetch(server.root + "new", method="POST", headers=writer)).status == 403
    reader = await fetch(f"{server.root}room/{name}", headers=bearer(name, role="read"))
    assert reader.status == 404
    peer = await Room(server, name).join(headers=writer)
    await peer.send(get("k"))
    await peer.hears(init("k"))
    with pytest.raises(HTTPClientError) as refused:
        await Room(server, name + "x").join(headers=writer)
    assert refused.value.code == 403
    await peer.leave()


async def test_one_allows_what_it_says(server: Server) -> None:
    room = Room(server, "roles")
    writer = await room.join(headers=bearer("roles", role="write"))
    await writer.send(push("k", 1))
    await writer.settle()
    reader = await room.join(headers=bearer("roles", role="read"))
    await reader.send(push("k", 2), get("k"))
    await reader.hears_error("forbidden", key="k", action="append")
    await reader.hears(init("k", {1: 1}))
    narrow = {"can": ["read", "append"], "prefixes": ["poll/"]}
    student = await room.join(headers=bearer("roles", grants=[narrow]))
    await student.send(push("k", 2), push("poll/1", 2))
    await student.hears_error("forbidden", key="k", action="append")
    admin = bearer("roles", role="admin")
    assert (await fetch(room.url + "/access", headers=admin)).status == 200
    assert (await fetch(room.url + "/access", headers=bearer("roles", role="write"))).status == 403
    await room.empty()


async def test_one_that_is_no_good_is_refused_with_401(server: Server) -> None:
    room = Room(server, "roles")
    late = bearer("roles", role="read", expires_seconds=-1)
    other = create_token("roles", key="x" * 40, role="read")
    for headers in (late, {"Authorization": f"Bearer {other}"}, {"Authorization": "Bearer a.b.c"}):
        refused = await fetch(room.url, headers=headers)
        assert refused.status == 401
        assert 'error="invalid_token"' in refused.headers["WWW-Authenticate"]
        with pytest.raises(HTTPClientError) as joining:
            await room.join(headers=headers)
        assert joining.value.code == 401


async def test_a_connection_ends_with_its_token(server: Server) -> None:
    room = Room(server, "ending")
    peer = await room.join(headers=bearer("ending", role="write", expires_seconds=1.5))
    await peer.is_closed_with(4401)
    await room.empty()


async def test_who_asked_is_told_before_and_goes_on_with_another(server: Server) -> None:
    room = Room(server, "renewed")

    def text(**options: Any) -> str:
        return create_token("renewed", key=KEY, subject="ada", **options)

    first = {"Authorization": f"Bearer {text(role='write', expires_seconds=3)}"}
    peer, quiet = await room.join(headers=first), await room.join(headers=first)
    await peer.send({"type": "renew"}, push("k", 1))
    told = await peer.receive()
    assert told["type"] == "renewed"
    assert 0 < told["in_seconds"] <= 3
    told = await peer.receive()
    assert told["type"] == "expires"
    assert 0 < told["in_seconds"] <= 1.5
    await peer.send({"type": "renew", "token": text(role="read")}, push("k", 2), get("k"))
    assert (await peer.receive())["in_seconds"] > 3000
    await peer.hears_error("forbidden", key="k", action="append")
    await peer.hears(init("k", {1: 1}))
    await quiet.is_closed_with(4401)
    await peer.settle()
    await room.empty()


async def test_what_was_taken_back_is_remembered_until_the_token_would_have_ended(
    server: Server,
) -> None:
    name = "taken-" + secrets.token_hex(4)
    room, admin = Room(server, name), bearer(name, role="admin")
    peer = await room.join(headers=bearer(name, role="write", token_id="in", expires_seconds=100))
    soon, late = time.time() + 50, time.time() + 500
    whole = {
        each: create_token(name, key=KEY, role="read", token_id=each, expires_seconds=200)
        for each in ("out", "again")
    }
    forged = {
        "forged": create_token(name, key="f" * 32, role="read", token_id="forged"),
        "elsewhere": create_token("elsewhere", key=KEY, role="read", token_id="elsewhere"),
        "named": whole["out"],
        "again": create_token(name, key=KEY, role="read", token_id="again", expires_seconds=1),
    }
    for token_id, token in (
        *(("in", ""), ("unknown", "a.b.c"), *whole.items()),
        *(("again", ""), *forged.items()),
    ):
        headers = {**admin, "DriftDB-Token": token}
        url = f"{room.url}/tokens/{token_id}"
        assert (await fetch(url, method="DELETE", headers=headers)).status == 200
    await peer.is_closed_with(4401)
    await room.empty()
    access = server.complete(server.hub.rooms.access(name))
    assert access is not None
    until = {each: json.loads(text)["until"] for each, text in access.of("revoked").items()}
    for token_id in ("in", "out", "again"):
        assert soon < until[token_id] < late, token_id
    for token_id in ("unknown", "forged", "elsewhere", "named"):
        assert until[token_id] is None, token_id  # as long as the room
    with patch("time.time", return_value=late + 24 * 60 * 60):
        server.complete(revoke_tokens(server.hub, name, "another", by=None))
    left = {"unknown", "forged", "elsewhere", "named", "another"}
    assert set(access.of("revoked")) == left


async def test_a_connection_is_told_whose_it_is_in_a_word_that_says_nothing_of_them(
    server: Server,
) -> None:
    room = Room(server, "renewed")

    async def person(**options: Any) -> Any:
        peer = await room.join(headers=bearer("renewed", role="write", **options))
        await peer.send({"type": "renew"})
        return (await peer.receive()).get("person")

    ada = await person(subject="ada")
    assert ada == await person(subject="ada", name="Ada L.")
    assert ada != await person(subject="ben")
    assert "ada" not in ada
    assert await person() is None
    await room.empty()


async def test_by_a_ticket_one_goes_on_too(server: Server) -> None:
    room = Room(server, "renewed")
    headers = bearer("renewed", role="write", subject="ada")
    peer = await room.join(headers=headers)
    asked = await fetch(room.url + "/ticket", method="POST", headers=headers)
    await peer.send({"type": "renew", "ticket": asked.json["ticket"]})
    assert (await peer.receive())["type"] == "renewed"
    await peer.send({"type": "renew", "ticket": asked.json["ticket"]})
    await peer.hears_error("forbidden", action="renew")
    await room.empty()


async def test_nobody_goes_on_as_somebody_else_or_in_another_room(server: Server) -> None:
    room = Room(server, "renewed")
    peer = await room.join(headers=bearer("renewed", role="write", subject="ada"))
    others = [
        create_token("renewed", key=KEY, role="admin", subject="ben"),
        create_token("renewed", key=KEY, role="admin"),
        create_token("renewed", key="x" * 40, role="admin", subject="ada"),
        "the-token-for-making-rooms",
        "x" * 10_000,
    ]
    for other in others:
        await peer.send({"type": "renew", "token": other})
        await peer.hears_error("forbidden", action="renew")
    await peer.settle()
    elsewhere = create_token("elsewhere", key=KEY, role="admin", subject="ada")
    await peer.send({"type": "renew", "token": elsewhere})
    await peer.is_closed_with(4403)
    await room.empty()


async def test_a_ticket_stands_for_a_token(server: Server) -> None:
    room = Room(server, "ticketed")
    headers = bearer("ticketed", role="write", expires_seconds=5)
    asked = await fetch(room.url + "/ticket", method="POST", headers=headers)
    assert asked.json["expires_at"] <= time.time() + 5
    peer = await room.join(query=f"ticket={asked.json['ticket']}")
    await peer.send(get("k"))
    await peer.hears(init("k"))
    await room.empty()


async def test_keys_are_changed_while_it_runs(tmp_path: Path) -> None:
    keys = key_file(tmp_path)
    with standalone(named_rooms=True, token_keys_file=str(keys), room_idle_seconds=9.0) as server:
        room = Room(server, "r")
        old = bearer(role="write")
        peer = await room.join(headers=old)
        new = "another secret that has thirty-two letters"
        key_file(tmp_path, new)
        headers = {"Authorization": f"Bearer {create_token('r', key=new, role='read')}"}
        while (await fetch(room.url, headers=headers)).status == 401:
            pass
        assert (await fetch(room.url, headers=old)).status == 401
        server.run(server.hub.check_credentials)
        await peer.is_closed_with(4401)
        await room.empty()
        key_file(tmp_path, "bad")
        assert (await fetch(room.url, headers=headers)).status == 200


@pytest.fixture(scope="module")
def with_jupyter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    keys = key_file(tmp_path_factory.mktemp("keys"))
    with jupyter(
        rooms={"token_keys_file": str(keys)}, allow_unauthenticated_access=False
    ) as server:
        yield server


async def test_under_jupyter_one_needs_no_account(with_jupyter: Server) -> None:
    room = Room(with_jupyter, "shared")
    await room.post(push("k", 1))
    guest = await room.join(headers=bearer("shared", role="read"))
    await guest.send(get("k"), push("k", 2))
    await guest.hears(init("k", {1: 1}))
    await guest.hears_error("forbidden", key="k", action="append")
    asked = await fetch(room.url + "/ticket", method="POST", headers=bearer("shared", role="read"))
    page = await fetch(f"{room.url}/page?ticket={asked.json['ticket']}")
    assert page.status == 200
    assert not page.headers.get_list("Set-Cookie")
    with pytest.raises(HTTPClientError) as refused:
        await Room(with_jupyter, "other").join(headers=bearer("shared", role="read"))
    assert refused.value.code == 403
    await room.empty()


async def test_under_jupyter_one_opens_nothing_of_jupyters(with_jupyter: Server) -> None:
    """Every route that Jupyter has, with the token in each way in which Jupyter takes one."""
    assert with_jupyter.jupyter is not None
    base = with_jupyter.root.removesuffix("driftdb/")
    await Room(with_jupyter, "shared").post(push("k", 1))
    token = create_token("shared", key=KEY, role="admin")
    patterns = {
        rule.matcher.regex.pattern
        for rules in with_jupyter.jupyter.web_app.default_router.rules
        for rule in getattr(rules.target, "rules", [])
        if hasattr(rule.matcher, "regex")
    }
    paths = {
        pattern.lstrip("/").rstrip("$").replace(r"\.", ".").replace(r"\-", "-")
        for pattern in patterns
        if "(" not in pattern and "driftdb" not in pattern
    }
    paths |= {"api/contents/x", "api/kernels/x", "files/x", "view/x", "api/kernelspecs/python3"}
    ways: list[tuple[str, dict[str, str]]] = [
        ("", {"Authorization": f"Bearer {token}"}),
        ("", {"Authorization": f"token {token}"}),
        (f"?token={token}", {}),
        (f"?ticket={token}", {}),
    ]
    assert len(paths) > 15
    opened = set()
    for path in paths:
        without = (await fetch(base + path)).status
        for query, headers in ways:
            status = (await fetch(base + path + query, headers=headers)).status
            if status != without:
                opened.add((path, query[:7], status, without))
    assert opened == set()


async def test_no_log_has_one(tmp_path: Path) -> None:
    keys = key_file(tmp_path)
    options = ["--port=0", "--named-rooms", "--audit-log=audit", "--log-level=DEBUG"]
    command = [*COMMAND, "serve", *options, f"--token-keys={keys}", "--require-tokens"]
    with started(command, cwd=tmp_path, env=environment()) as process:
        room = Room(process.server, "lecture")
        good = bearer("lecture", role="write")
        bad = {"Authorization": good["Authorization"][:-4] + "AAAA"}
        for headers in (good, bad):
            await fetch(room.url, headers=headers)
            await fetch(f"{room.url}?token={headers['Authorization'][7:]}")
        peer = await room.join(headers=good)
        await peer.send_raw("no message")
        await peer.hears_error("bad_message")
        await room.empty()
        process.end()
    logs = process.log + (tmp_path / "audit").read_text()
    assert "lecture" in logs
    for part in good["Authorization"][7:].split("."):
        assert part not in logs
    assert KEY not in logs


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--token-keys=missing"], "missing"),
        (["--token-keys=open"], "chmod 600"),
        (["--token-keys=short"], "at least 32 bytes"),
        (["--DriftDB.token_keys_url=https://id.example/keys"], "token_audience"),
        (["--DriftDB.token_keys_url=http://id.example/k", "--DriftDB.token_audience=a"], "https"),
    ],
)
async def test_a_server_without_its_keys_does_not_start(
    tmp_path: Path, options: list[str], told: str
) -> None:
    import subprocess

    (tmp_path / "open").write_text(KEY)
    (tmp_path / "open").chmod(0o644)
    key_file(tmp_path, "short").rename(tmp_path / "short")
    ended = subprocess.run(
        [*COMMAND, "serve", "--port=0", *options],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode != 0
    assert told in ended.stderr
    assert KEY not in ended.stderr
