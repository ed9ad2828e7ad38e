"""What attacks add to a server's memory at the defaults, in a table of all kinds.

One attack for each kind of thing that a room, a peer, a request or the process keeps. Here rooms
keep next to nothing, or as much as is said; how kept values are bounded is in :mod:`.test_kept`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import pytest

from ..conformance.peer import fetch
from ..faults.host import Host, hosting
from .attacked import attacking, watching

pytestmark = pytest.mark.asyncio

MIB = 1024 * 1024
MOST_BYTES = 150 * MIB
REST_BYTES = 30 * MIB
TIMEOUT_SECONDS = 150
STREAM = 30 * MIB  # what a long stream takes in the room
LONG = pytest.mark.long

KINDS: dict[str, tuple[str, int]] = {
    "unread_requests": ("answers to requests that nobody takes", STREAM),
    "unread_sockets": ("answers over sockets that nobody takes", STREAM),
    "unread_watchers": ("all that a room holds, with debug=true", STREAM),
    "unread_files": ("files of pages", 0),
    "idle_sockets": ("connections", 0),
    "heads": ("heads of requests", 0),
    "bodies": ("bodies of requests", 0),
    "incomplete": ("messages without an end", 0),
    "fragments": ("fragments of messages", 0),
    "subscriptions": ("subscriptions", 0),
    "addresses": ("addresses", 0),
    "names": ("names in logs", 0),
    "leavers": ("presences of clients that left", 16 * MIB),
    "pinned": ("values of one byte in long messages", 0),
    "pinned_relays": ("broadcasts in a recovery window", 1 * MIB),
    "pinned_presences": ("presences of one byte in long messages", 0),
    "deletions": ("deletions in recovery windows", 10 * MIB),
    "byte_strings": ("values in both encodings", 20 * MIB),
    "churn": ("values that were deleted", 30 * MIB),
    "producers": ("ids of pushes, of clients that left", 5 * MIB),
    "anonymous": ("authors", 0),
    "empty_rooms": ("rooms", 5 * MIB),
}
QUICK = {"unread_requests", "unread_sockets", "heads", "fragments", "subscriptions", "leavers"}


@pytest.fixture(scope="module")
def table() -> Iterator[list[str]]:
    """The rows, printed at the end of all."""
    rows: list[str] = []
    yield rows
    print("\n| kind | most, MiB | a minute after, MiB | kept, MiB |\n|---|---|---|---|")
    print("\n".join(rows))


async def shrinks_to(host: Host, memory_bytes: int) -> int:
    """Wait a minute at most until it has no more memory than that; returns how much it has."""
    end = monotonic() + 60
    while host.memory_bytes > memory_bytes and monotonic() < end:
        await asyncio.sleep(0.1)
    return host.memory_bytes


@pytest.mark.parametrize(
    "kind", [kind if kind in QUICK else pytest.param(kind, marks=LONG) for kind in KINDS]
)
@pytest.mark.timeout(300)
async def test_an_attack_adds_little_to_the_memory(
    kind: str, tmp_path: Path, table: list[str]
) -> None:
    what, kept_bytes = KINDS[kind]
    proxy = ("--trusted-proxy=127.0.0.1",) if kind == "addresses" else ()
    async with hosting(tmp_path, *proxy) as host:
        await host.new_room()
        await fetch(host.url + "driftdb.js")
        before = host.memory_bytes
        async with watching(host) as peak, attacking(kind, host) as attacker:
            await asyncio.wait_for(attacker.ended, TIMEOUT_SECONDS)
            await host.health()
        left = await shrinks_to(host, before + kept_bytes + REST_BYTES) - before
        most = peak.memory_bytes - before
        table.append(f"| {what} | {most / MIB:.0f} | {left / MIB:.0f} | {kept_bytes / MIB:.0f} |")
        assert most < MOST_BYTES + kept_bytes
        assert left < REST_BYTES + kept_bytes
        await host.end()
        assert "Traceback" not in host.log
