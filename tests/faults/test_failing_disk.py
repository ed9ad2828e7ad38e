"""A disk that is full, fails to sync, or takes its time: nothing is lost, service goes on."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable
from pathlib import Path

import pytest

from ..conformance.peer import get, push
from . import invariants
from .client import Client, joined
from .disk import Disk, Operation
from .host import hosting
from .load import KEYS, acknowledged, all_is_well, new_clients, new_seed, pushing
from .wire import connected

pytestmark = pytest.mark.asyncio


async def refused(client: Client) -> None:
    """Push until that is refused."""
    while not client.refused:
        client.push("log")
        await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    ("durability", "operation", "error"),
    [
        ("batched", "write", errno.ENOSPC),
        ("synced", "write", errno.ENOSPC),
        ("synced", "sync", errno.EIO),
    ],
)
async def test_a_failing_disk_refuses_pushes_and_loses_none_that_it_took(
    tmp_path: Path,
    disk: Callable[..., Disk],
    durability: str,
    operation: Operation,
    error: int,
) -> None:
    bad, random = disk(), new_seed()
    async with hosting(
        tmp_path,
        f"--data={bad.directory}",
        f"--DriftDB.durability={durability}",
        env=bad.environment,
    ) as host:
        room_url = await host.new_room()
        clients = new_clients(room_url, count=3, random=random)
        async with joined(*clients):
            async with pushing(clients):
                await acknowledged(clients, 20)
                with bad.failing(operation, error=error):
                    await asyncio.wait_for(refused(clients[0]), 30)
                    # Reading works, also for those who come now.
                    assert (await invariants.truth(room_url, ["log"]))["log"]
                    newcomer = Client(room_url, name="newcomer", keys=KEYS)
                    async with joined(newcomer):
                        await newcomer.until(lambda: newcomer.is_live)
                await acknowledged(clients, 20)  # well again, by itself
            for client in clients:
                assert set(client.refused.values()) <= {"unavailable"}
            await all_is_well(clients, room_url)
            await host.end()
            if durability == "synced":
                bad.lose_power()
            await host.start()
            await all_is_well(clients, room_url)
        await host.end()
        assert "Traceback" not in host.log
        assert host.log.count("\n") < 200  # it says so, and not with every push


@pytest.mark.parametrize(
    ("durability", "told"),
    [("batched", ["push", "pong", "ack"]), ("synced", ["pong", "push", "ack"])],
)
async def test_nobody_waits_for_a_slow_disk_who_need_not(
    tmp_path: Path, disk: Callable[..., Disk], durability: str, told: list[str]
) -> None:
    bad = disk()
    async with hosting(
        tmp_path,
        f"--data={bad.directory}",
        f"--DriftDB.durability={durability}",
        env=bad.environment,
    ) as host:
        room_url = await host.new_room()
        async with (
            connected(room_url, "client=0123456789abcdef") as writer,
            connected(room_url) as other,
        ):
            writer.send(get("k"))
            await writer.receive()
            with bad.slow("write", "sync", seconds=0.2):
                writer.send(push("k", "value", id=1))
                await asyncio.sleep(0.1)  # by now the disk has begun
                writer.send({"type": "ping"})
                other.send({"type": "get", "key": "another"})
                assert (await other.receive())["type"] == "init"
                assert [(await writer.receive())["type"] for _ in told] == told
