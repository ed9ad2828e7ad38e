"""A server that is attacked: its memory, and what its other peers notice of it."""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

from ..conformance.peer import get, push
from ..faults.host import Host
from ..faults.wire import connected
from ..server.processes import environment

__all__ = ["Peak", "Victim", "attacking", "watching"]

_ROOT = Path(__file__).parents[2]
_LOOK_SECONDS = 0.02


class Peak:
    """The most memory that a server had while it was watched."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self.memory_bytes = host.memory_bytes

    async def watch(self) -> None:
        """Look at it, until cancelled."""
        while True:
            self.memory_bytes = max(self.memory_bytes, self._host.memory_bytes)
            await asyncio.sleep(_LOOK_SECONDS)


@asynccontextmanager
async def watching(host: Host) -> AsyncIterator[Peak]:
    """Watch a server's memory."""
    peak = Peak(host)
    looking = asyncio.ensure_future(peak.watch())
    try:
        yield peak
    finally:
        looking.cancel()
        peak.memory_bytes = max(peak.memory_bytes, host.memory_bytes)


class Attack:
    """An attacker at work; ``told`` is what it says in the end."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.ended = asyncio.ensure_future(self._read())

    async def _read(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(await self._process.stdout.readline())

    async def leave(self) -> None:
        """End all its connections."""
        self._process.kill()
        await self._process.wait()


@asynccontextmanager
async def attacking(kind: str, host: Host, *, part: int = 1) -> AsyncIterator[Attack]:
    """An attacker (see :mod:`.attackers`) in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.attacks.attackers", kind, host.url, str(part)),
        cwd=_ROOT,
        env=environment(),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    attack = Attack(process)
    try:
        yield attack
    finally:
        if process.returncode is None:
            await attack.leave()
        attack.ended.cancel()


class Victim:
    """A well-behaved pair in a room of its own."""

    def __init__(self, room_url: str) -> None:
        self._room_url = room_url

    async def median_delay(self, *, count: int = 100, per_second: int = 200) -> float:
        """How long half of some pushes take at most from one peer to the other, in seconds."""
        sent: list[float] = []
        took: list[float] = []

        async with connected(self._room_url) as pusher, connected(self._room_url) as reader:
            reader.send(get("pair"))
            await reader.receive()

            async def listen() -> None:
                while len(took) < count:
                    message = await reader.receive()
                    took.append(perf_counter() - sent[message["value"]])

            listening = asyncio.ensure_future(listen())
            began = perf_counter()
            for number in range(count):
                await asyncio.sleep(began + number / per_second - perf_counter())
                sent.append(perf_counter())
                pusher.send(push("pair", number, "relay"))
            await asyncio.wait_for(listening, 60)
        return statistics.median(took)
