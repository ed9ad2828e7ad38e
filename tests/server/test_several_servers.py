"""Two servers whose rooms are in one Redis, as their clients see them."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from driftdb_jupyter.protocol.errors import Unavailable
from driftdb_jupyter.server.standalone import CannotServe, StandaloneServer

from ..broker.redis.servers import RedisServer, shared_server
from ..conformance.peer import Room, delete, deleted, fetch, get, init, push, pushed
from ..conformance.servers import standalone
from .test_check_config import check


@pytest_asyncio.fixture
async def rooms(request: pytest.FixtureRequest) -> AsyncIterator[list[Room]]:
    """A new room, at each of two servers."""
    with ExitStack() as stack:
        servers = [
            stack.enter_context(standalone(redis_prefix=f"{request.node.name}:")) for _ in range(2)
        ]
        answer = await fetch(servers[0].root + "new", method="POST")
        rooms = [Room(server, answer.json["room"]) for server in servers]
        yield rooms
        for room in rooms:
            await room.empty()


@pytest.mark.asyncio
async def test_who_is_at_one_server_hears_who_is_at_the_other(rooms: list[Room]) -> None:
    here, there = [
        await room.join(client=name * 16) for room, name in zip(rooms, "ab", strict=True)
    ]
    for peer in (here, there):
        await peer.subscribe("k")
    await here.send(push("k", 1))
    for peer in (here, there):
        await peer.hears(pushed("k", 1, 1))
    await there.send(delete("k"))
    for peer in (here, there):
        await peer.hears(deleted("k", 2))


@pytest.mark.asyncio
async def test_what_a_connection_reads_is_behind_what_it_pushed(rooms: list[Room]) -> None:
    peer = await rooms[1].join()
    await peer.send(push("k", 1), push("l", 2), get("k"))
    await peer.hears(init("k", {1: 1}))


@pytest.mark.asyncio
async def test_who_comes_to_the_other_server_goes_on_where_it_was(rooms: list[Room]) -> None:
    peer = await rooms[0].join()
    await peer.send(push("k", 1, "relay"), get("k", epoch=None))
    epoch = (await peer.receive())["epoch"]
    other = await rooms[1].join()
    await peer.send(push("k", 2, "relay"))
    await peer.hears(pushed("k", 2, 2))
    await other.send(push("other", 3), get("k", epoch=epoch, seq=1))
    found = await other.receive()
    assert (found["recovered"], found["data"]) == (True, [{"value": 2, "seq": 2}])


@pytest.mark.asyncio
async def test_a_ticket_of_one_server_lets_in_at_the_other_once(rooms: list[Room]) -> None:
    one, other = rooms
    url = f"{one.server.root}room/{one.name}/ticket"
    ticket = (await fetch(url, method="POST")).json["ticket"]
    peer = await other.join(query=f"ticket={ticket}")
    await peer.subscribe("k")
    await peer.send(push("k", 1))
    await peer.hears(pushed("k", 1, 1))
    for room in rooms:
        again = await fetch(f"{room.server.root}room/{room.name}?ticket={ticket}")
        assert again.status == 401


@pytest.mark.asyncio
async def test_each_says_which_one_it_is_and_whether_it_has_all(rooms: list[Room]) -> None:
    told = []
    for room in rooms:
        (answer,) = [await fetch(f"{room.server.root}room/{room.name}/figures")]
        assert (answer.json["behind_seconds"], answer.json["trouble"]) == (0, "")
        told.append(answer.json["server"])
    assert told[0] != told[1]


class TestStart:
    def test_a_password_in_the_url_is_refused_and_not_told(self, tmp_path: Path) -> None:
        told = check(tmp_path, "--redis=redis://:hush-hush@127.0.0.1:1")
        assert told.returncode != 0
        assert "expected no password in the URL" in told.stderr
        assert "hush-hush" not in told.stdout + told.stderr

    def test_what_would_be_used_is_told(self, tmp_path: Path) -> None:
        told = check(tmp_path, "--port=0", f"--redis={shared_server().url}")
        assert "Redis, keys driftdb:*: 0 rooms" in told.stdout

    def test_the_password_comes_from_a_file_or_the_environment(self, tmp_path: Path) -> None:
        server = RedisServer("--requirepass", "hush-hush")
        try:
            path = tmp_path / "password"
            path.write_text("hush-hush\n")
            path.chmod(0o600)
            options = ("--port=0", f"--redis={server.url}")
            named = f"--DriftDB.redis_password_file={path}"
            assert "0 rooms" in check(tmp_path, *options, named).stdout
            given = check(tmp_path, *options, DRIFTDB_REDIS_PASSWORD="hush-hush")
            assert "0 rooms" in given.stdout
            wrong = check(tmp_path, *options, DRIFTDB_REDIS_PASSWORD="other")
            assert "Redis refuses the user or the password" in wrong.stderr
            assert "hush-hush" not in given.stdout + given.stderr + wrong.stderr
        finally:
            server.close()

    def test_the_passwords_stay_in_the_environment_for_the_start(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        variables = "DRIFTDB_REDIS_PASSWORD", "DRIFTDB_REDIS_SENTINEL_PASSWORD"
        for name in variables:
            monkeypatch.setenv(name, "hush-hush")
        server = StandaloneServer()
        server.config.DriftDB.redis = f"unix://{tmp_path}/none"
        with pytest.raises(Unavailable):
            server._check_journal(server.settings())
        assert [os.environ[name] for name in variables] == ["hush-hush", "hush-hush"]

    def test_a_folder_and_redis_are_too_much(self) -> None:
        server = StandaloneServer(data="rooms")
        server.config.DriftDB.redis = "redis://127.0.0.1"
        with pytest.raises(CannotServe, match=r"in Redis .* or in a folder .* got both"):
            server._redis_broker(server.settings())
