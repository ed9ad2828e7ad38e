"""Clients under load: what the tests that break servers, disks and networks have in common."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from random import Random

from . import invariants
from .client import Client, Kind, last_words

__all__ = ["KEYS", "acknowledged", "all_is_well", "new_clients", "new_seed", "pushing"]

# One key of each kind.
KEYS: Mapping[str, Kind] = {
    "log": "append",
    "pairs": "append two",
    "state": "replace",
    "channel": "relay",
}
_IN_FLIGHT = 12
_PAUSE_SECONDS = 0.01  # the streams grow by so much that starting over is still quick
_PATIENCE_SECONDS = 60


def new_seed() -> Random:
    """A random generator whose seed is printed, so that pytest shows it with a failure."""
    seed = Random().randrange(2**32)
    print(f"the seed: {seed}")
    return Random(seed)


def new_clients(room_url: str, *, count: int, random: Random) -> list[Client]:
    """Some clients in a room, of whom every other one speaks CBOR."""
    return [
        Client(
            room_url,
            name=f"client-{number}",
            keys=KEYS,
            random=Random(random.random()),
            cbor=number % 2 == 1,
        )
        for number in range(count)
    ]


@asynccontextmanager
async def pushing(clients: Sequence[Client]) -> AsyncIterator[None]:
    """All of them push on all their keys, and go no further than some pushes in flight."""

    async def push(client: Client) -> None:
        while True:
            for key in KEYS:
                client.push(key)
            await client.settled(in_flight=_IN_FLIGHT)
            await asyncio.sleep(_PAUSE_SECONDS)

    tasks = [asyncio.ensure_future(push(client)) for client in clients]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def acknowledged(clients: Sequence[Client], count: int) -> None:
    """Wait until so many more pushes were acknowledged to each of them."""
    wanted = {client.name: len(client.acknowledged) + count for client in clients}
    for client in clients:
        await asyncio.wait_for(
            client.until(lambda c=client: len(c.acknowledged) >= wanted[c.name]),  # type: ignore[misc]
            _PATIENCE_SECONDS,
        )


async def all_is_well(clients: Sequence[Client], room_url: str) -> None:
    """Nothing is broken any more: wait for the last words, and look at all invariants."""
    await asyncio.wait_for(last_words(*clients), _PATIENCE_SECONDS)
    invariants.check(clients, await invariants.truth(room_url, list(KEYS)))
