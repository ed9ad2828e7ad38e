"""What must be true of a room that was turned back while clients were in it."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from ..faults import invariants
from ..faults.client import Client, last_words
from ..faults.load import KEYS

__all__ = ["all_is_well_since", "pushed"]


def pushed(clients: list[Client]) -> dict[str, int]:
    """How many pushes each has made up to now."""
    return {client.name: len(client.pushes) for client in clients}


async def all_is_well_since(clients: list[Client], room_url: str, since: dict[str, int]) -> None:
    """Wait for the last words, and look at all invariants.

    Of what was acknowledged, that of the pushes behind ``since`` has to be there: what came before
    may have been in the room that is no more.
    """
    await asyncio.wait_for(last_words(*clients), 60)
    held = await invariants.truth(room_url, list(KEYS))
    newer: list[Any] = [
        SimpleNamespace(
            name=client.name,
            pushes=client.pushes,
            replicas=client.replicas,
            acknowledged={
                push_id: seq
                for push_id, seq in client.acknowledged.items()
                if push_id > since[client.name]
            },
        )
        for client in clients
    ]
    for client in clients:
        assert not client.breaches, client.breaches[:3]
    invariants.nothing_lost(newer, held)
    invariants.nothing_doubled(clients, held)
    invariants.nothing_missed(clients, acknowledged_may_be_lost=True)
    invariants.every_replica_is_equal(clients, held)
