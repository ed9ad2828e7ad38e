"""kill -9 of the server, again and again, under load."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from .client import joined
from .host import hosting
from .load import acknowledged, all_is_well, new_clients, new_seed, pushing

pytestmark = pytest.mark.asyncio


@pytest.mark.parametrize("durability", ["batched", "synced"])
@pytest.mark.parametrize("kills", [3, pytest.param(50, marks=pytest.mark.long)])
@pytest.mark.timeout(900)
async def test_killed_again_and_again_the_server_loses_and_doubles_nothing(
    tmp_path: Path, durability: str, kills: int
) -> None:
    random = new_seed()
    async with hosting(tmp_path, "--data=data", f"--DriftDB.durability={durability}") as host:
        room_url = await host.new_room()
        clients = new_clients(room_url, count=4, random=random)
        async with joined(*clients):
            async with pushing(clients):
                for _ in range(kills):
                    await acknowledged(clients, random.randint(1, 100))
                    await asyncio.sleep(random.uniform(0, 0.03))  # anywhere in its work
                    await host.restart()
                await acknowledged(clients, 10)
            await all_is_well(clients, room_url)
            # Once more, with nothing under way.
            await host.restart()
            await all_is_well(clients, room_url)
        print(
            f"{durability}: {kills} kills, {sum(len(c.acknowledged) for c in clients)} pushes, "
            f"{sum(c.resumed for c in clients)} keys resumed, "
            f"{sum(len(r.lives) - 1 for c in clients for r in c.replicas.values())} started over"
        )
        assert "Traceback" not in host.log
