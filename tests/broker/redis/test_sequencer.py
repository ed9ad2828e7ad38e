"""What a sequencer has still to say when Redis has refused it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from driftdb_jupyter.broker.redis.broker import RedisBroker
from driftdb_jupyter.broker.redis.connecting import RedisPlace
from driftdb_jupyter.broker.redis.sequencer import RedisSequencer

from ..brokers import Record, opened, push, running
from .servers import shared_server


@pytest.mark.asyncio
async def test_clients_are_forgotten_though_redis_refused_that_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place = RedisPlace(shared_server().url, timeout_seconds=1.0)
    broker = RedisBroker(place, prefix="sequencer:", producer_limit=2)
    async with running(broker):
        sequencer: Any = await opened(broker, Record())
        assert isinstance(sequencer, RedisSequencer)
        batch = 10**9

        def refused(body: object) -> None:
            sequencer._sent[batch] = []

        monkeypatch.setattr(sequencer, "_state", refused)
        for number in range(3):
            await pushed_by(sequencer, f"client-{number:09}")
        assert batch in sequencer._sent
        monkeypatch.undo()
        sequencer.refuse_batch(batch, "Redis is full (maxmemory)")
        await pushed_by(sequencer, "client-of-later-")
        while len(sequencer.room.producers) > 2:
            await asyncio.sleep(0.005)
        await broker.delete("room")


async def pushed_by(sequencer: RedisSequencer, client: str) -> None:
    """Push once as a client that isn't connected, and wait for the answer."""
    record = Record(client=client)
    push(sequencer, record, push_id=1)
    await record.answered(1)
