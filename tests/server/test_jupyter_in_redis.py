"""Two Jupyter servers with one root folder, as processes, whose rooms are in one Redis."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import pytest

from ..broker.redis.servers import RedisServer
from ..conformance.peer import Answer, Room, fetch, push, pushed
from ..conformance.servers import TOKEN, Server
from .processes import COMMAND, Process, environment, started

pytestmark = pytest.mark.asyncio

# Tells its environment in a file, and lives as long as its server.
KERNEL = """
import os, sys, time
path = os.path.join(sys.argv[1], str(os.getpid()))
with open(path + ".part", "w") as file:
    file.write(repr(dict(os.environ)))
os.rename(path + ".part", path)
server = os.getppid()
while os.getppid() == server:
    time.sleep(0.05)
"""
PASSWORD = "hush-hush-redis"
EMPTY: dict[str, Any] = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


class Two(NamedTuple):
    """The servers, their folder, and where each of their kernels writes its environment."""

    servers: list[Process]
    folder: Path
    told: Path
    environment: dict[str, str]


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Two]:
    with ExitStack() as stack:
        redis = RedisServer("--requirepass", PASSWORD)
        stack.callback(redis.close)
        told = tmp_path / "told"
        told.mkdir()
        spec = tmp_path / "data" / "kernels" / "telling"
        spec.mkdir(parents=True)
        argv = [sys.executable, "-c", KERNEL, str(told)]
        kernel = {"argv": argv, "display_name": "telling", "language": "none"}
        (spec / "kernel.json").write_text(json.dumps(kernel))
        folder = tmp_path / "notebooks"
        folder.mkdir()
        command = [
            *(sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root", "--port=0"),
            "--ServerApp.jpserver_extensions=driftdb_jupyter=True",
            f"--IdentityProvider.token={TOKEN}",
            f"--ServerApp.root_dir={folder}",
            f"--DriftDB.redis={redis.url}",
        ]
        env = environment(
            JUPYTER_CONFIG_DIR=str(tmp_path / "config"),
            JUPYTER_DATA_DIR=str(tmp_path / "data"),
            JUPYTER_RUNTIME_DIR=str(tmp_path / "runtime"),
        )

        def start(_: int) -> Process:
            with_password = env | {"DRIFTDB_REDIS_PASSWORD": PASSWORD}
            process = stack.enter_context(started(command, cwd=folder, env=with_password))
            process.server.headers = {"Authorization": f"token {TOKEN}"}
            return process

        with ThreadPoolExecutor() as pool:
            servers = list(pool.map(start, range(2)))
        yield Two(servers, folder, told, env)


async def api(server: Server, method: str, path: str, body: object) -> Answer:
    answer = await fetch(
        f"{server.root.removesuffix('driftdb/')}api/{path}",
        method=method,
        body=json.dumps(body),
        headers=server.headers,
    )
    assert answer.status < 300, answer
    return answer


async def room_of(two: Two, server: Server, path: str) -> str:
    """The room of a notebook, for which a kernel is started at a server."""
    body = {"path": path, "name": path, "type": "notebook", "kernel": {"name": "telling"}}
    session = (await api(server, "POST", "sessions", body)).json
    query = {"kernel": session["kernel"]["id"], "started_as": str(two.folder / path)}
    url = f"{server.root}notebook?{urlencode(query)}"
    answer = await fetch(url, headers=server.headers)
    name: str = answer.json["room"]
    return name


async def test_a_notebook_has_one_room_at_both(two: Two) -> None:
    one, other = [each.server for each in two.servers]
    await api(one, "PUT", "contents/a.ipynb", {"type": "notebook", "content": EMPTY})
    room = await room_of(two, one, "a.ipynb")
    assert await room_of(two, other, "a.ipynb") == room

    here, there = [await Room(server, room).join() for server in (one, other)]
    for peer in (here, there):
        await peer.subscribe("k")
    await here.send(push("k", 1))
    for peer in (here, there):
        await peer.hears(pushed("k", 1, 1))

    # It takes its room along, wherever it is renamed and asked for.
    await api(one, "PATCH", "contents/a.ipynb", {"path": "b.ipynb"})
    assert await room_of(two, other, "b.ipynb") == room

    for peer in (here, there):
        await peer.leave()
    listed = subprocess.run(
        [*COMMAND, "rooms", "--json"],
        cwd=two.folder,
        env=two.environment,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert [json.loads(line)["name"] for line in listed.stdout.splitlines()] == [room]
    for process in two.servers:
        assert PASSWORD not in "".join(process.lines)
        assert any("Rooms are in Redis, keys driftdb-jupyter:" in line for line in process.lines)
    while len(told := [path for path in two.told.iterdir() if not path.suffix]) < 3:
        await asyncio.sleep(0.01)
    for path in told:
        assert "DRIFTDB_URL" in path.read_text()
        assert PASSWORD not in path.read_text()
