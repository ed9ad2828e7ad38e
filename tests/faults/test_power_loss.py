"""Power loss: what is on the disk is what was synced, and no more."""

from __future__ import annotations

import asyncio
import re
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

import pytest

from ..conformance.peer import push
from . import invariants
from .client import joined, last_words
from .disk import Call, Disk
from .host import Host, hosting
from .load import KEYS, acknowledged, all_is_well, new_clients, new_seed, pushing
from .wire import connected

pytestmark = pytest.mark.asyncio


async def lose_power(host: Host, disk: Disk, random: Random | None) -> None:
    """Kill the server, put the files back to what was synced, and start it again."""
    await host.end()
    disk.lose_power(random)
    await host.start()


@pytest.mark.parametrize("losses", [3, pytest.param(30, marks=pytest.mark.long)])
@pytest.mark.timeout(900)
async def test_synced_loses_nothing_without_power(
    tmp_path: Path, disk: Callable[..., Disk], losses: int
) -> None:
    bad, random = disk(), new_seed()
    async with hosting(
        tmp_path, f"--data={bad.directory}", "--DriftDB.durability=synced", env=bad.environment
    ) as host:
        room_url = await host.new_room()
        clients = new_clients(room_url, count=3, random=random)
        async with joined(*clients):
            async with pushing(clients):
                for number in range(losses):
                    await acknowledged(clients, random.randint(1, 50))
                    # Nothing that was not synced survives, or some of it.
                    await lose_power(host, bad, random if number % 2 else None)
            await all_is_well(clients, room_url)


@pytest.mark.parametrize("losses", [3, pytest.param(30, marks=pytest.mark.long)])
@pytest.mark.timeout(900)
async def test_batched_stays_sound_and_tells_who_knows_more(
    tmp_path: Path, disk: Callable[..., Disk], losses: int
) -> None:
    """Pushes may be lost; but never under a number that is then given again in the same epoch."""
    bad, random = disk(), new_seed()
    async with hosting(
        tmp_path, f"--data={bad.directory}", "--DriftDB.durability=batched", env=bad.environment
    ) as host:
        room_url = await host.new_room()
        await host.end(signal.SIGTERM)  # the room itself is to be on the disk
        await host.start()
        clients = new_clients(room_url, count=3, random=random)
        async with joined(*clients):
            async with pushing(clients):
                for number in range(losses):
                    await acknowledged(clients, random.randint(1, 50))
                    await lose_power(host, bad, random if number % 2 else None)
            await asyncio.wait_for(last_words(*clients), 60)
            held = await invariants.truth(room_url, list(KEYS))
            invariants.nothing_doubled(clients, held)
            invariants.nothing_missed(clients, acknowledged_may_be_lost=True)
            invariants.every_replica_is_equal(clients, held)


class Order:
    """When what became of each push, as places in the list of calls."""

    def __init__(self, calls: Sequence[Call]) -> None:
        self._calls = calls

    def written(self, mark: str) -> int:
        return self._first(lambda call: call.name != "send" and mark.encode() in call.content)

    def synced(self, mark: str) -> int:
        written = self.written(mark)
        path = self._calls[written].path
        return self._first(lambda call: call.is_sync and call.path == path, after=written)

    def broadcast(self, mark: str) -> int:
        return self._first(lambda call: call.name == "send" and mark.encode() in call.content)

    def acknowledged(self, push_id: int) -> int:
        ack = re.compile(rb'"type": ?"ack", ?"id": ?%d\b' % push_id)
        return self._first(lambda call: call.name == "send" and bool(ack.search(call.content)))

    def _first(self, fits: Callable[[Call], bool], *, after: int = -1) -> int:
        for place, call in enumerate(self._calls):
            if place > after and fits(call):
                return place
        raise AssertionError("expected such a call, got none")


async def exchange(disk: Disk, folder: Path, durability: str) -> list[str]:
    """Push marked values and hear them, until all are acknowledged; return the marks."""
    async with hosting(
        folder,
        f"--data={disk.directory}",
        f"--DriftDB.durability={durability}",
        env=disk.environment,
    ) as host:
        room_url = await host.new_room()
        marks = [f"the-mark-{number:03}." for number in range(1, 41)]
        async with connected(room_url, "client=0123456789abcdef") as client:
            client.send({"type": "get", "key": "k"})
            await client.receive()
            client.send(*(push("k", mark, id=number) for number, mark in enumerate(marks, start=1)))
            told = 0
            while told < len(marks):
                told += (await client.receive())["type"] == "ack"
    return marks


async def test_synced_syncs_before_it_broadcasts_or_acknowledges(
    tmp_path: Path, disk: Callable[..., Disk]
) -> None:
    recorded = disk(recorded=True)
    marks = await exchange(recorded, tmp_path, "synced")
    order = Order(recorded.calls())
    for push_id, mark in enumerate(marks, start=1):
        assert order.synced(mark) < order.broadcast(mark)
        assert order.synced(mark) < order.acknowledged(push_id)


async def test_batched_writes_before_it_acknowledges(
    tmp_path: Path, disk: Callable[..., Disk]
) -> None:
    recorded = disk(recorded=True)
    marks = await exchange(recorded, tmp_path, "batched")
    order = Order(recorded.calls())
    for push_id, mark in enumerate(marks, start=1):
        assert order.written(mark) < order.acknowledged(push_id)
