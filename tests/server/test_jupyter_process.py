"""A Jupyter server with the extension, as a process; and a kernel that it starts."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..conformance.peer import Room, fetch, push, pushed
from ..conformance.servers import TOKEN
from .processes import Process, environment, started

pytestmark = pytest.mark.asyncio

# Tells the test its environment, and lives until the test has seen it.
KERNEL = """
import json, os, socket, sys
with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as test:
    test.sendall(json.dumps(dict(os.environ)).encode() + b"\\n")
    test.recv(1)
"""


@pytest.fixture
def telling() -> Iterator[socket.socket]:
    """Where the kernel tells its environment."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(30)
        yield listening


@pytest.fixture
def jupyter(tmp_path: Path, telling: socket.socket) -> Iterator[Process]:
    """A Jupyter server with a base URL and a token that knows only such a kernel."""
    spec = tmp_path / "data" / "kernels" / "telling"
    spec.mkdir(parents=True)
    argv = [sys.executable, "-c", KERNEL, str(telling.getsockname()[1])]
    (spec / "kernel.json").write_text(
        json.dumps({"argv": argv, "display_name": "telling", "language": "none"})
    )
    command = [
        *(sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root", "--port=0"),
        "--ServerApp.jpserver_extensions=driftdb_jupyter=True",
        "--ServerApp.base_url=/user/jo/",
        f"--IdentityProvider.token={TOKEN}",
        f"--ServerApp.root_dir={tmp_path}",
    ]
    env = environment(
        JUPYTER_CONFIG_DIR=str(tmp_path / "config"),
        JUPYTER_DATA_DIR=str(tmp_path / "data"),
        JUPYTER_RUNTIME_DIR=str(tmp_path / "runtime"),
    )
    with started(command, cwd=tmp_path, env=env) as process:
        process.server.headers = {"Authorization": f"token {TOKEN}"}
        yield process


async def test_a_kernel_is_handed_where_its_rooms_are_and_a_secret(
    jupyter: Process, telling: socket.socket
) -> None:
    root = jupyter.server.root
    await fetch(
        root.removesuffix("driftdb/") + "api/kernels",
        method="POST",
        body='{"name": "telling"}',
        headers=jupyter.server.headers,
    )
    kernel, _ = telling.accept()
    with kernel, kernel.makefile() as told:
        given = json.loads(told.readline())
    assert given["DRIFTDB_URL"] == root.replace("localhost", "127.0.0.1")
    assert root.endswith("/user/jo/driftdb/")
    assert TOKEN not in given.values()
    with_secret = {"Authorization": f"DriftDB {given['DRIFTDB_SECRET']}"}
    assert (await fetch(given["DRIFTDB_URL"] + "room/a", headers=with_secret)).status == 200


async def test_it_stops_with_1001_and_its_log_shows_no_secrets(jupyter: Process) -> None:
    secret = "a-secret-of-a-client"
    room = Room(jupyter.server, "a")
    peer = await room.join(client=secret, query=f"token={TOKEN}")
    await peer.subscribe("k")
    await peer.send(push("k", 1, id=1))
    await peer.hears(pushed("k", 1, 1))
    root = jupyter.server.root
    for path in ("room/a", "room/%FF", "room/..", "new", "room/a/send"):
        for method in ("GET", "POST", "PATCH"):
            await fetch(f"{root}{path}?client={secret}&token={TOKEN}", method=method)
            await fetch(f"{root}{path}?client={secret}&token=wrong-token", method=method)
    jupyter.process.terminate()
    await peer.is_closed_with(1001)
    assert jupyter.process.wait(60) == 0
    await room.empty()
    for shown in (secret, TOKEN, "wrong-token"):
        assert [line for line in jupyter.lines if shown in line] == []
