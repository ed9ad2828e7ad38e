"""A room that is replaced while it is used: by writers, readers who page through it, and a kill."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest

from ..conformance.peer import fetch, get
from ..faults.client import Client, joined
from ..faults.host import Host, hosting
from ..faults.load import acknowledged, new_clients, new_seed, pushing
from ..faults.wire import Ended, connected
from ..server.processes import COMMAND, environment
from .attacked import Victim, watching
from .turned_back import all_is_well_since, pushed

pytestmark = pytest.mark.asyncio

MIB = 1024 * 1024
BASE = "base"  # the key that only imports write to
COUNT = 10_000
PAGE = 500
MOST_BYTES = 150 * MIB
REPLACED = 1012


def write_export(path: Path, generation: int) -> None:
    """A room of some 6 MB, as it would be exported, of values that say of which one they are."""
    with path.open("w") as file:
        file.write(json.dumps({"driftdb": 1, "room": "r", "seq": COUNT}) + "\n")
        for number in range(COUNT):
            value = {"of": generation, "number": number, "filler": "x" * 500}
            line = {"key": BASE, "seq": number + 1, "value": value}
            file.write(json.dumps(line, separators=(",", ":")) + "\n")


async def replace(folder: Path, generation: int, began: asyncio.Event | None = None) -> int:
    """Run ``driftdb import --replace``, and say when it begins; returns its exit status."""
    path = folder / "room.jsonl"
    await asyncio.to_thread(write_export, path, generation)
    process = await asyncio.create_subprocess_exec(
        *(*COMMAND, "import", "--room=r", "--replace", f"--data={folder / 'data'}", str(path)),
        env=environment(),
        stderr=asyncio.subprocess.PIPE,
    )
    if began is not None:
        began.set()
    try:
        _, said = await process.communicate()
        assert b"Traceback" not in said, said.decode()
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode is not None
    return process.returncode


class Pager:
    """Reads all of the imported values page by page, again and again; starts over when cut off."""

    def __init__(self, room_url: str) -> None:
        self._room_url = room_url
        self.ends: list[int] = []
        self.whole = 0

    async def run(self) -> None:
        while True:
            try:
                async with connected(self._room_url) as wire:
                    while True:
                        await self._read_all(wire)
            except Ended as end:
                self.ends.append(end.code)
                await asyncio.sleep(0.02)

    async def _read_all(self, wire: Any) -> None:
        values: list[Any] = []
        seq, more = 0, True
        while more:
            wire.send(get(BASE, seq=seq, limit=PAGE))
            while (page := await wire.receive())["type"] != "init":
                pass
            values += [entry["value"] for entry in page["data"]]
            seq, more = page["data"][-1]["seq"] if page["data"] else seq, "more" in page
        wire.send({"type": "unsubscribe", "key": BASE})
        check_base(values)
        self.whole += 1


def check_base(values: Sequence[Any]) -> int:
    """What is read is one whole import, or nothing; returns which, 0 for nothing."""
    if not values:
        return 0
    found = {value["of"] for value in values}
    assert len(found) == 1, f"expected the values of one import, got those of {found}"
    assert [value["number"] for value in values] == list(range(COUNT))
    return int(found.pop())


@asynccontextmanager
async def in_use(host: Host, random: Random) -> AsyncIterator[tuple[list[Client], Pager]]:
    """Writers and readers in the room."""
    room_url = host.url + "room/r"
    clients = new_clients(room_url, count=3, random=random)
    pager = Pager(room_url)
    async with joined(*clients):
        paging = asyncio.ensure_future(pager.run())
        try:
            yield clients, pager
            assert not paging.done(), paging.result()
        finally:
            paging.cancel()
            await asyncio.gather(paging, return_exceptions=True)


async def settled_and_true(host: Host, clients: list[Client], since: dict[str, int]) -> int:
    """All is well since then; returns which import is there."""
    room_url = host.url + "room/r"
    await all_is_well_since(clients, room_url, since)
    answer = await fetch(f"{room_url}/send", method="POST", body=json.dumps(get(BASE)))
    return check_base([entry["value"] for entry in answer.json["data"]])


@pytest.mark.parametrize("durability", ["batched", "synced"])
@pytest.mark.parametrize("rounds", [3, pytest.param(30, marks=pytest.mark.long)])
async def test_a_room_in_use_is_replaced_as_a_whole(
    tmp_path: Path, durability: str, rounds: int
) -> None:
    options = ("--named-rooms", "--data=data", f"--DriftDB.durability={durability}")
    async with hosting(tmp_path, *options) as host:
        victim = Victim(await host.new_room())
        calm = await victim.median_delay()
        before = host.memory_bytes
        async with watching(host) as peak, in_use(host, new_seed()) as (clients, pager):
            async with pushing(clients):
                await acknowledged(clients, 20)
                delays = []
                for generation in range(1, rounds + 1):
                    ended = sum(client.ends.count(REPLACED) for client in clients)
                    importing = asyncio.ensure_future(replace(tmp_path, generation))
                    while not importing.done():
                        delays.append(await victim.median_delay(count=40))
                    assert importing.result() == 0
                    while sum(client.ends.count(REPLACED) for client in clients) < ended + len(
                        clients
                    ):
                        await asyncio.sleep(0.02)
                    since = pushed(clients)
                    await acknowledged(clients, 20)
                    whole = pager.whole
                    while pager.whole == whole:
                        await asyncio.sleep(0.02)
            assert await settled_and_true(host, clients, since) == rounds
        print(
            f"{durability}: +{(peak.memory_bytes - before) / MIB:.0f} MiB, the others' delay"
            f" {max(delays) / calm:.1f} times at most, {pager.whole} times read,"
            f" ends {sorted({*pager.ends})} and {sorted({e for c in clients for e in c.ends})}"
        )
        assert peak.memory_bytes - before < MOST_BYTES
        await host.end()
        assert "Traceback" not in host.log


@pytest.mark.parametrize("durability", ["batched", "synced"])
@pytest.mark.parametrize("kills", [4, pytest.param(40, marks=pytest.mark.long)])
async def test_a_kill_in_the_middle_leaves_the_one_room_or_the_other(
    tmp_path: Path, durability: str, kills: int
) -> None:
    random = new_seed()
    options = ("--named-rooms", "--data=data", f"--DriftDB.durability={durability}")
    async with hosting(tmp_path, *options) as host:
        async with in_use(host, random) as (clients, _):
            async with pushing(clients):
                await acknowledged(clients, 20)
                assert await replace(tmp_path, 1) == 0
                outcomes = []
                for generation in range(2, kills + 2):
                    await acknowledged(clients, 10)
                    since = pushed(clients)
                    await acknowledged(clients, 10)
                    began = asyncio.Event()
                    importing = asyncio.ensure_future(replace(tmp_path, generation, began))
                    await began.wait()
                    await asyncio.sleep(random.uniform(0.3, 2.5))
                    await host.end()
                    outcomes.append(await importing == 0)  # by itself, where no server is left
                    await host.start()
                    await acknowledged(clients, 10)
                    answer = await fetch(
                        f"{host.url}room/r/send", method="POST", body=json.dumps(get(BASE))
                    )
                    there = check_base([entry["value"] for entry in answer.json["data"]])
                    if outcomes[-1]:
                        assert there == generation
                    if there == generation:
                        since = pushed(clients)
            await settled_and_true(host, clients, since)
        print(f"{durability}: {outcomes.count(True)} of {kills} imports ended before the kill")
        await host.end()
        assert "Traceback" not in host.log
