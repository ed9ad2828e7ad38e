"""The example of two servers behind nginx, exactly as ``deploy/two-servers`` has it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from random import Random

import psutil  # type: ignore[import-untyped]
import pytest
import yaml  # type: ignore[import-untyped]

from ..broker.redis.servers import redis_program
from ..conformance.peer import fetch
from ..faults.client import joined
from ..faults.load import acknowledged, all_is_well, new_clients, pushing
from ..server.processes import environment

EXAMPLE = Path(__file__).parents[2] / "deploy" / "two-servers"


@pytest.fixture
def example(tmp_path: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The root of its rooms, and the process that its one command is."""
    redis_program()  # skips where there is none
    (tmp_path / "bin").mkdir()
    command = tmp_path / "bin" / "driftdb"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m driftdb_jupyter.cli "$@"\n')
    command.chmod(0o700)
    port = 20_000 + os.getpid() % 4_000 * 3  # of three, below those that the system gives
    env = environment(PORT=str(port), PATH=f"{command.parent}:{os.environ['PATH']}")
    with (tmp_path / "said").open("wb") as said:
        process = subprocess.Popen(
            [EXAMPLE / "start", tmp_path / "data"], env=env, stdout=said, stderr=said
        )
    yield f"http://127.0.0.1:{port}/", process
    children = psutil.Process(process.pid).children(recursive=True)
    process.terminate()
    assert process.wait(60) == 0, (tmp_path / "said").read_text()
    assert not any(child.is_running() for child in children)


def _connection_count(server: psutil.Process) -> int:
    ends = server.net_connections("tcp")
    (port,) = {end.laddr.port for end in ends if end.status == psutil.CONN_LISTEN}
    return len([1 for end in ends if end.laddr.port == port and end.raddr])


@pytest.mark.asyncio
async def test_clients_that_come_to_either_lose_nothing_when_one_is_killed(
    example: tuple[str, subprocess.Popen[bytes]],
) -> None:
    root, process = example
    answer = None
    while answer is None or answer.status != 200:
        assert process.poll() is None
        with suppress(OSError):
            answer = await fetch(f"{root}new", method="POST")
        await asyncio.sleep(0.02)
    assert answer.json["http_url"].startswith(root)
    url = f"{root}room/{answer.json['room']}"
    clients = new_clients(url, count=4, random=Random(4))
    async with joined(*clients):
        async with pushing(clients):
            await acknowledged(clients, 10)
            servers = [
                child
                for child in psutil.Process(process.pid).children(recursive=True)
                if "serve" in child.cmdline()
            ]
            assert len(servers) == 2
            for server in servers:  # each of them has some of the clients
                assert _connection_count(server) > 0
            servers[0].send_signal(signal.SIGKILL)
            await acknowledged(clients, 10)
        await all_is_well(clients, url)


def test_the_compose_file_has_the_same_parts() -> None:
    services = yaml.safe_load((EXAMPLE / "compose.yaml").read_text())["services"]
    assert set(services) == {"nginx", "redis", "first", "second"}
    ports = {name: services[name]["command"] for name in ("first", "second")}
    assert ports == {"first": ["--port", "8001"], "second": ["--port", "8002"]}
    text = (EXAMPLE / "nginx.conf").read_text()
    for port in (8000, 8001, 8002):
        assert f"127.0.0.1:{port}" in text
