"""The kinds of attacks, and what one adds to a server's memory."""

from __future__ import annotations

import asyncio
from time import monotonic

from ..conformance.peer import fetch, push
from ..faults.host import Host
from ..faults.wire import connected
from .attacked import attacking, watching

__all__ = ["HEAD", "KINDS", "options_for", "row_of"]

MIB = 1024 * 1024
MOST_BYTES = 150 * MIB
REST_BYTES = 30 * MIB
TIMEOUT_SECONDS = 150
STREAM = 30 * MIB  # what a long stream takes in the room
HEAD = "| kind | most, MiB | a minute after, MiB | kept, MiB |\n|---|---|---|---|"

# What each kind is, and what is kept of it.
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
    "denials": ("what a policy denies", 0),
    "empty_rooms": ("rooms", 5 * MIB),
}


def options_for(kind: str) -> tuple[str, ...]:
    """The options that a server needs for a kind of attack to be one."""
    return ("--DriftDB.trusted_proxies=127.0.0.1",) if kind == "addresses" else ()


async def shrinks_to(host: Host, memory_bytes: int) -> int:
    """Wait a minute at most until it has no more memory than that; returns how much it has."""
    end = monotonic() + 60
    while host.memory_bytes > memory_bytes and monotonic() < end:
        await asyncio.sleep(0.1)
    return host.memory_bytes


async def _warm_up(host: Host) -> None:
    """Have it load what the first use loads, the caches of its journal among that."""
    await fetch(host.url + "driftdb.js")
    async with connected(await host.new_room()) as wire:
        for _ in range(20):
            wire.send(push("k", "x" * 600_000))
            await wire.drain()
        wire.send({"type": "ping"})
        await wire.receive()


async def row_of(kind: str, host: Host, *, part: int = 1) -> str:
    """Attack a server, hold it to its memory, end it, and return the row of the table.

    ``part``: 4 for a quarter of the connections, 1 for all.
    """
    what, kept_bytes = KINDS[kind]
    await _warm_up(host)
    before = host.memory_bytes
    async with watching(host) as peak, attacking(kind, host, part=part) as attacker:
        await asyncio.wait_for(attacker.ended, TIMEOUT_SECONDS)
        await host.health()
    left = await shrinks_to(host, before + kept_bytes + REST_BYTES) - before
    most = peak.memory_bytes - before
    row = f"| {what} | {most / MIB:.0f} | {left / MIB:.0f} | {kept_bytes / MIB:.0f} |"
    assert most < MOST_BYTES + kept_bytes, row
    assert left < REST_BYTES + kept_bytes, row
    await host.end()
    assert "Traceback" not in host.log
    return row
