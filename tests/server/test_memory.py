"""A server whose memory is nearly used up."""

from __future__ import annotations

from pathlib import Path

import pytest

from driftdb_jupyter.protocol.errors import Unavailable
from driftdb_jupyter.rooms.memory_cost import HOSTED_ROOM_COST_BYTES
from driftdb_jupyter.server.hosting.hosted_room import HostedRoom
from driftdb_jupyter.server.hosting.hub import Hub
from driftdb_jupyter.server.settings import DriftDB

from ..broker.brokers import Record, push

pytestmark = pytest.mark.asyncio

LONG = '"' + "x" * 60_000 + '"'


async def filled(hub: Hub, name: str) -> HostedRoom:
    """An open room with some 600 KB that nobody uses."""
    await hub.rooms.create(name)
    hosted = await hub.rooms.open(name)
    assert hosted is not None
    record = Record()
    for _ in range(10):
        push(hosted.sequencer, record, text=LONG)
    await record.answered(10)
    return hosted


async def test_idle_rooms_leave_memory_for_one_that_is_asked_for_the_longest_unused_first(
    tmp_path: Path,
) -> None:
    settings = DriftDB(memory_limit_bytes=2_000_000)
    hub = Hub(settings.broker(str(tmp_path / "rooms.db")), settings)
    hub.start()
    for name in ("one", "two", "three", "four"):
        await filled(hub, name)
        hub.rooms.relieve_memory()
        await hub.rooms.settle()
    assert hub.rooms.find("one") is None
    assert hub.rooms.find("four") is not None
    for name in ("one", "two", "three", "four"):
        assert await hub.rooms.open(name) is not None
    await hub.stop()
    assert hub.memory.used_bytes == len(hub.rooms) * HOSTED_ROOM_COST_BYTES


async def test_rooms_in_use_stay_and_one_more_is_refused(tmp_path: Path) -> None:
    settings = DriftDB(memory_limit_bytes=2_000_000)
    hub = Hub(settings.broker(str(tmp_path / "rooms.db")), settings)
    hub.start()
    await filled(hub, "away")
    for name in ("one", "two"):
        hub.rooms.enter(await filled(hub, name))
    hub.rooms.relieve_memory()
    await hub.rooms.settle()
    assert hub.rooms.find("away") is None
    for name in ("one", "two"):
        hosted = hub.rooms.find(name)
        assert hosted is not None
        record = Record()
        for _ in range(3):
            push(hosted.sequencer, record, text=LONG)
    with pytest.raises(Unavailable, match="memory_limit_bytes"):
        await hub.rooms.open("away")
    assert hub.rooms.find("one") is not None
    assert hub.rooms.find("two") is not None
    await hub.stop()
    assert hub.memory.used_bytes == len(hub.rooms) * HOSTED_ROOM_COST_BYTES
