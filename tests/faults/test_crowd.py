"""Hundreds of clients come back at once."""

from __future__ import annotations

from pathlib import Path
from random import Random
from time import perf_counter

import pytest

from . import invariants
from .client import Client, joined
from .host import hosting
from .load import KEYS

pytestmark = pytest.mark.asyncio
COUNT = 500
MEBIBYTE = 1024 * 1024


class AtOnce(Random):
    """No jitter: all come back at the same moment."""

    def uniform(self, a: float, b: float) -> float:
        return a


async def test_500_clients_come_back_at_once_and_miss_nothing(tmp_path: Path) -> None:
    async with hosting(tmp_path) as host:
        room_url = await host.new_room()
        writer = Client(room_url, name="writer", keys=KEYS)
        crowd = [
            Client(room_url, name=f"{n}", keys=KEYS, random=AtOnce(), patience_seconds=60)
            for n in range(COUNT)
        ]
        async with joined(writer, *crowd):
            for client in crowd:
                await client.until(lambda c=client: c.is_live)  # type: ignore[misc]
            await push_some(writer)
            before = host.memory_bytes
            for client in crowd:
                client.drop()
            await push_some(writer)
            began = perf_counter()
            for client in crowd:
                await client.until(lambda c=client: has_heard(c, writer))  # type: ignore[misc]
            took = perf_counter() - began
            after = host.memory_bytes
            invariants.check([writer, *crowd], await invariants.truth(room_url, list(KEYS)))
        assert {len(client.ends) for client in crowd} == {1}
        assert {client.resumed for client in crowd} == {len(KEYS)}
    print(
        f"{COUNT} clients came back in {took:.2f} s; the server's memory: "
        f"{before / MEBIBYTE:.1f} MiB before, {after / MEBIBYTE:.1f} MiB after"
    )


async def push_some(writer: Client) -> None:
    for _ in range(30):
        for key in KEYS:
            writer.push(key)
    await writer.settled()


def has_heard(client: Client, writer: Client) -> bool:
    """Whether it knows all that was pushed."""
    return all(
        replica.lives and replica.lives[-1].newest.get(writer.name) == writer.counts[key]
        for key, replica in client.replicas.items()
    )
