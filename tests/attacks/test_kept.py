"""What rooms keep stays within the server's memory budget, by what the system says of the process.

Each attack of :mod:`.attackers` fills rooms, windows or presences by one way that costs a peer
little. The server's limits on rooms and streams are far above its ``memory_limit_bytes`` here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from time import monotonic

import pytest
import pytest_asyncio

from ..faults.host import Host, hosting
from .attacked import attacking, watching

pytestmark = pytest.mark.asyncio

MIB = 1024 * 1024
MEMORY_LIMIT_BYTES = 96 * MIB
# Besides what is kept: the messages that are being read, the answers to them, code that was loaded,
# and what the allocator holds back.
SLACK_BYTES = 30 * MIB
SETTINGS = (
    f"--DriftDB.memory_limit_bytes={MEMORY_LIMIT_BYTES}",
    "--DriftDB.presence_grace_seconds=0.5",
    "--DriftDB.room_idle_seconds=0.5",
)
TIMEOUT_SECONDS = 60


@pytest_asyncio.fixture(params=["memory", "batched"])
async def host(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Host]:
    data = [] if request.param == "memory" else [f"--data={tmp_path / 'data'}"]
    async with hosting(tmp_path, *SETTINGS, *data) as host:
        yield host


async def shrinks_to(host: Host, memory_bytes: int) -> int:
    """Wait until the server has no more memory than that; returns how much it has."""
    end = monotonic() + TIMEOUT_SECONDS
    while host.memory_bytes > memory_bytes and monotonic() < end:
        await asyncio.sleep(0.05)
    return host.memory_bytes


# What each attack is told in the end: the budget is used up, or it costs next to nothing.
@pytest.mark.parametrize(
    ("kind", "code", "most_bytes"),
    [
        ("zeros", "quota", MEMORY_LIMIT_BYTES),
        ("rooms", "quota", MEMORY_LIMIT_BYTES),
    ],
)
async def test_kept_values_stay_within_the_memory_limit(
    host: Host, kind: str, code: str | None, most_bytes: int
) -> None:
    await host.new_room()
    before = host.memory_bytes
    async with watching(host) as peak, attacking(kind, host) as attack:
        told = await asyncio.wait_for(attack.ended, TIMEOUT_SECONDS)
    grown = peak.memory_bytes - before
    print(f"{kind}: {told}, {grown / MIB:.1f} MiB more than {before / MIB:.1f} MiB")
    assert told["code"] == code
    assert grown < most_bytes + SLACK_BYTES
