"""A network that cuts, delays, halves, stalls, resets and swallows at random."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from .client import joined
from .host import hosting
from .load import all_is_well, new_clients, new_seed, pushing
from .proxy import FAULTS, proxying

pytestmark = pytest.mark.asyncio


@pytest.mark.parametrize("seconds", [5, pytest.param(90, marks=pytest.mark.long)])
@pytest.mark.timeout(300)
async def test_on_a_bad_network_each_client_misses_and_doubles_nothing(
    tmp_path: Path, seconds: int
) -> None:
    random = new_seed()
    # Silent connections are found out within the test, and reading slowly is punished.
    async with (
        hosting(tmp_path, "--DriftDB.ping_interval_seconds=1") as host,
        proxying(room_url := await host.new_room(), seed=random.randrange(2**32)) as network,
    ):
        clients = new_clients(network.at(room_url), count=6, random=random)
        async with joined(*clients):
            async with pushing(clients):
                await asyncio.sleep(seconds)
            network.calm()
            await all_is_well(clients, room_url)
            await asyncio.wait_for(host.has_peers(len(clients)), 30)
        await host.end()
        print(f"{seconds} s: {network.strikes}, {sum(len(c.ends) for c in clients)} connections")
        if seconds > 60:
            assert network.strikes.keys() == set(FAULTS)
        assert "Traceback" not in host.log
