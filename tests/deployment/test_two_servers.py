"""The example of two servers behind nginx, exactly as ``deploy/two-servers`` has it."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from random import Random

import psutil  # type: ignore[import-untyped]
import pytest
import yaml  # type: ignore[import-untyped]

from ..broker.redis.servers import redis_program
from ..conformance.peer import fetch
from ..faults.client import joined
from ..faults.load import acknowledged, all_is_well, new_clients, pushing
from ..server.processes import Process
from .two_servers import EXAMPLE, two_servers


def _connection_count(server: psutil.Process) -> int:
    ends = server.net_connections("tcp")
    (port,) = {end.laddr.port for end in ends if end.status == psutil.CONN_LISTEN}
    return len([1 for end in ends if end.laddr.port == port and end.raddr])


@pytest.mark.asyncio
async def test_clients_that_come_to_either_lose_nothing_when_one_is_killed(tmp_path: Path) -> None:
    with two_servers(tmp_path) as example:
        await kill_one_of(example)


async def kill_one_of(example: Process) -> None:
    root = example.server.root
    answer = await fetch(f"{root}new", method="POST")
    assert answer.json["http_url"].startswith(root)
    url = f"{root}room/{answer.json['room']}"
    clients = new_clients(url, count=4, random=Random(4))
    async with joined(*clients):
        async with pushing(clients):
            await acknowledged(clients, 10)
            servers = [
                child
                for child in psutil.Process(example.process.pid).children(recursive=True)
                if "serve" in child.cmdline()
            ]
            assert len(servers) == 2
            for server in servers:  # each of them has some of the clients
                assert _connection_count(server) > 0
            servers[0].send_signal(signal.SIGKILL)
            await acknowledged(clients, 10)
        await all_is_well(clients, url)


@pytest.mark.parametrize("missing", ["redis-server", "redis-cli", "driftdb", "nginx"])
def test_a_program_that_is_missing_is_named(tmp_path: Path, missing: str) -> None:
    programs = {"redis-server", "redis-cli", "driftdb", "nginx"}
    for name in programs - {missing}:
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o700)
    for name in ("dirname", "sh"):
        (tmp_path / name).symlink_to(f"/usr/bin/{name}")
    # What it adds to the path has a real nginx on some machines.
    text = (EXAMPLE / "start").read_text().replace(":/usr/sbin", "")
    ended = subprocess.run(
        ["/bin/sh", "-c", text, "start", str(tmp_path / "data")],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 1
    assert f"start: {missing} is missing" in ended.stderr
    assert not (tmp_path / "data").exists()


def test_a_server_that_ends_by_itself_ends_the_example(tmp_path: Path) -> None:
    redis_program()  # skips where there is none
    (tmp_path / "driftdb").write_text("#!/bin/sh\necho the port is taken >&2\nexit 1\n")
    (tmp_path / "driftdb").chmod(0o700)
    ended = subprocess.run(
        [EXAMPLE / "start", tmp_path / "data"],
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}", "PORT": "18997"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.returncode == 1
    assert "the port is taken" in ended.stderr
    assert "has ended (status 1)" in ended.stderr


@pytest.mark.parametrize(("count", "status"), [(1, 0), (2, 1)])
def test_an_image_is_made_of_one_wheel(tmp_path: Path, count: int, status: int) -> None:
    for number in range(count):
        (tmp_path / f"driftdb_jupyter-{number}-py3-none-any.whl").touch()
    text = (EXAMPLE.parent / "Dockerfile").read_text().partition("RUN set ")[2]
    check = "set " + text.partition("&& python")[0].replace("/tmp/", f"{tmp_path}/") + "&& true"
    ended = subprocess.run(["sh", "-c", check], capture_output=True, text=True, timeout=60)
    assert ended.returncode == status, ended.stderr
    assert ("expected one wheel" in ended.stderr) == (status == 1)


def test_the_compose_file_has_the_same_parts() -> None:
    services = yaml.safe_load((EXAMPLE / "compose.yaml").read_text())["services"]
    assert set(services) == {"nginx", "redis", "first", "second"}
    ports = {name: services[name]["command"] for name in ("first", "second")}
    assert ports == {"first": ["--port", "8001"], "second": ["--port", "8002"]}
    text = (EXAMPLE / "nginx.conf").read_text()
    for port in (8000, 8001, 8002):
        assert f"127.0.0.1:{port}" in text
