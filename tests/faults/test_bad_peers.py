"""One peer's stall is not the others': bounded memory, and delays as without it.

Delays are compared with those of the same run, in turns, best of several: the 99th percentile of
a well-behaved pair in the same room, while bad peers are there and while well-behaved ones (or
none) are in their place. ``--long`` holds the ratio to the goal; the short form ends with the
first good round, and sees no more than a server that is blocked.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import perf_counter

import pytest
import pytest_asyncio

from ..conformance.peer import get, push
from ..server.processes import environment
from .host import Host, hosting
from .nuisance import READERS
from .wire import Wire, connected

pytestmark = pytest.mark.asyncio
ROOT = Path(__file__).parents[2]
MEBIBYTE = 1024 * 1024
OUTBOX_LIMIT_BYTES = 4 * MEBIBYTE
# What the server needs besides: buffers, and what an allocator does not give back.
SLACK_BYTES = 16 * MEBIBYTE
LOOSE_RATIO = 30.0
ROUNDS = 10
# Those whose connections end though they never let go of them.
CLOSED = ("stops", "is_half_open")


@pytest_asyncio.fixture
async def host(tmp_path: Path) -> AsyncIterator[Host]:
    settings = (
        f"--DriftDB.outbox_limit_bytes={OUTBOX_LIMIT_BYTES}",
        "--DriftDB.ping_interval_seconds=0.5",
    )
    async with hosting(tmp_path, *settings) as host:
        yield host


@asynccontextmanager
async def nuisance(kind: str | None, room_url: str) -> AsyncIterator[None]:
    """A process that behaves badly in a room; ``None``: none."""
    if kind is None:
        yield
        return
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.faults.nuisance", kind, room_url),
        cwd=ROOT,
        env=environment(),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
        yield
    finally:
        process.kill()
        await process.wait()


async def delays(room_url: str, *, count: int = 500, per_second: int = 500) -> list[float]:
    """How long each of some pushes takes from one client to another, in seconds."""
    sent: list[float] = []

    async def listen(subscriber: Wire) -> list[float]:
        took: list[float] = []
        while len(took) < count:
            message = await subscriber.receive()
            assert message["value"] == len(took)
            took.append(perf_counter() - sent[len(took)])
        return took

    async with connected(room_url) as publisher, connected(room_url) as subscriber:
        subscriber.send(get("pair"))
        await subscriber.receive()
        listening = asyncio.ensure_future(listen(subscriber))
        began = perf_counter()
        for number in range(count):
            await asyncio.sleep(began + number / per_second - perf_counter())
            sent.append(perf_counter())
            publisher.send(push("pair", number, "relay"))
        return await asyncio.wait_for(listening, 60)


def percentile(delays: list[float], percent: float) -> float:
    return sorted(delays)[int(len(delays) * percent / 100)]


@pytest.mark.parametrize(
    ("bad", "good", "goal"),
    [
        ("stops", "reads", 1.2),
        ("crawls", "reads", 1.2),
        ("floods", None, 5.0),
        ("floods_deaf", None, 5.0),
        ("is_mute", None, 1.2),
        ("is_half_open", None, 1.2),
    ],
)
async def test_a_bad_peer_harms_nobody_else(
    host: Host, request: pytest.FixtureRequest, bad: str, good: str | None, goal: float
) -> None:
    long = request.config.getoption("--long")
    room_url = await host.new_room()
    best: dict[str | None, float] = {}
    memory: dict[str | None, int] = {}
    async with nuisance("noise", room_url):
        for _ in range(ROUNDS):
            for kind in (good, bad):
                async with nuisance(kind, room_url):
                    p99 = percentile(await delays(room_url), 99)
                    best[kind] = min(p99, best.get(kind, p99))
                    memory[kind] = max(host.memory_bytes, memory.get(kind, 0))
                    if kind in CLOSED:
                        await host.has_peers(1)
                await host.has_peers(1)
            if not long and best[bad] < LOOSE_RATIO * best[good]:
                break
    ratio = best[bad] / best[good]
    grown = memory[bad] - memory[good]
    print(
        f"{bad}: 99th percentile {best[bad] * 1000:.2f} ms, without {best[good] * 1000:.2f} ms, "
        f"ratio {ratio:.2f}; {grown / MEBIBYTE:.1f} MiB more than {memory[good] / MEBIBYTE:.1f} MiB"
    )
    assert grown < READERS * OUTBOX_LIMIT_BYTES + SLACK_BYTES
    assert ratio < (goal if long else LOOSE_RATIO)
