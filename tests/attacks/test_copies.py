"""Copies of the data that are put back while clients are in a room, with pushes under way."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from ..faults.client import joined
from ..faults.host import Host, hosting
from ..faults.load import acknowledged, new_clients, new_seed, pushing
from ..server.processes import COMMAND, environment
from .turned_back import all_is_well_since, pushed

pytestmark = pytest.mark.asyncio

Put = Callable[[Host, Path], Awaitable[None]]


async def driftdb(*arguments: str) -> None:
    """Run the command, which has to succeed."""
    done = await asyncio.to_thread(
        subprocess.run, [*COMMAND, *arguments], env=environment(), capture_output=True
    )
    assert done.returncode == 0, done.stderr.decode()


async def folder_back(host: Host, folder: Path) -> None:
    """Put a copy of the whole folder in its place, while the server is dead."""
    await host.end()
    shutil.rmtree(folder / "data")
    shutil.copytree(folder / "copy", folder / "data")
    await host.start()


async def file_back(host: Host, folder: Path) -> None:
    """Put a backup's file in its place, and leave whatever else is there."""
    await host.end()
    for name in ("rooms.db-wal", "rooms.db-shm"):
        (folder / "data" / name).unlink(missing_ok=True)
    shutil.copy(folder / "backup.db", folder / "data" / "rooms.db")
    await host.start()


async def restored(host: Host, folder: Path) -> None:
    """Restore a backup while the server runs."""
    await driftdb("restore", str(folder / "backup.db"), "--replace", f"--data={folder / 'data'}")


@pytest.mark.parametrize("durability", ["batched", "synced"])
@pytest.mark.parametrize("put_back", [folder_back, file_back, restored])
async def test_who_was_in_a_room_that_is_put_back_misses_and_doubles_nothing(
    tmp_path: Path, durability: str, put_back: Put
) -> None:
    options = ("--named-rooms", "--data=data", f"--DriftDB.durability={durability}")
    async with hosting(tmp_path, *options) as host:
        room_url = host.url + "room/r"
        clients = new_clients(room_url, count=3, random=new_seed())
        async with joined(*clients):
            async with pushing(clients):
                for _ in range(2):  # the second copy is of what was put back
                    await acknowledged(clients, 15)
                    shutil.copytree(tmp_path / "data", tmp_path / "copy", dirs_exist_ok=True)
                    await driftdb(
                        "backup",
                        str(tmp_path / "backup.db"),
                        "--replace",
                        f"--data={tmp_path / 'data'}",
                    )
                    await acknowledged(clients, 15)
                    epochs = {client.replicas["log"].epoch for client in clients}
                    await put_back(host, tmp_path)
                    for client in clients:
                        await client.until(
                            lambda c=client, e=epochs: (  # type: ignore[misc]
                                c.is_live and c.replicas["log"].epoch not in e
                            )
                        )
                    since = pushed(clients)
                    await acknowledged(clients, 15)
            await all_is_well_since(clients, room_url, since)
        await host.end()
        assert "Traceback" not in host.log
