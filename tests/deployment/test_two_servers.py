"""The example of two servers behind nginx, exactly as ``deploy/two-servers`` has it."""

from __future__ import annotations

import signal
from pathlib import Path
from random import Random

import psutil  # type: ignore[import-untyped]
import pytest
import yaml  # type: ignore[import-untyped]

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


def test_the_compose_file_has_the_same_parts() -> None:
    services = yaml.safe_load((EXAMPLE / "compose.yaml").read_text())["services"]
    assert set(services) == {"nginx", "redis", "first", "second"}
    ports = {name: services[name]["command"] for name in ("first", "second")}
    assert ports == {"first": ["--port", "8001"], "second": ["--port", "8002"]}
    text = (EXAMPLE / "nginx.conf").read_text()
    for port in (8000, 8001, 8002):
        assert f"127.0.0.1:{port}" in text
