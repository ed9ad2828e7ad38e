"""Who writes faster than the others read is held; a reader that stalls holds nobody for long."""

from __future__ import annotations

import asyncio

import pytest

from driftdb_jupyter.server.hosting.pressure import Pressure

from ..line import LIMIT_BYTES, Line

pytestmark = pytest.mark.asyncio

FLOOD = 1024 * 1024
BURST = 50_000


async def congest(line: Line) -> None:
    """Let more wait on a line than is good."""
    while not line.outbox.congested:
        line.outbox.put(b"x" * 4096)
        line.flusher.flush()


async def test_nobody_is_held_while_readers_keep_up(lines: list[Line]) -> None:
    pressure = Pressure()
    lines.append(Line(rises=pressure.rise))
    lines[0].outbox.put(b"x" * 100)
    lines[0].flusher.flush()
    assert not pressure.high


async def test_a_flood_waits_until_a_slower_reader_has_caught_up(lines: list[Line]) -> None:
    pressure = Pressure()
    lines.append(Line(rises=pressure.rise))
    await congest(lines[0])
    assert pressure.high
    held = pressure.hold(lines[0].outbox, FLOOD)
    assert held is not None
    await lines[0].read(LIMIT_BYTES // 4)
    await held
    assert not pressure.high
    assert not lines[0].outbox.congested


async def test_a_reader_that_takes_in_bursts_is_waited_for_also_while_more_comes(
    lines: list[Line],
) -> None:
    pressure = Pressure()
    lines.append(Line(rises=pressure.rise))
    (line,) = lines
    await congest(line)
    held = asyncio.ensure_future(pressure.hold(line.outbox, FLOOD) or asyncio.sleep(0))
    for _ in range(4):
        await asyncio.sleep(0.12)
        assert not held.done()
        for _ in range(6):
            line.outbox.put(b"x" * BURST)
            line.flusher.flush()
            await line.read(BURST)
    while line.outbox.congested:
        line.arrived()
        await asyncio.sleep(0)
    await held


async def test_a_stalled_reader_is_not_waited_for_and_not_again_until_it_has_read(
    lines: list[Line],
) -> None:
    pressure = Pressure()
    lines.append(Line(rises=pressure.rise))
    (stalled,) = lines
    await congest(stalled)
    held = pressure.hold(stalled.outbox, FLOOD)
    assert held is not None
    await held  # though it never reads
    stalled.outbox.put(b"x" * 4096)
    stalled.flusher.flush()
    assert not pressure.high
    await stalled.read(LIMIT_BYTES // 4)
    while stalled.outbox.congested:
        await asyncio.sleep(0)
    await congest(stalled)
    assert pressure.high
    await asyncio.wait_for(pressure.hold(stalled.outbox, FLOOD) or asyncio.sleep(0), 60)


async def test_who_pushes_little_is_not_held(lines: list[Line]) -> None:
    pressure = Pressure()
    lines.extend([Line(rises=pressure.rise), Line()])
    await congest(lines[0])
    paced = lines[1].outbox
    assert all(pressure.hold(paced, 100) is None for _ in range(100))
    held = pressure.hold(paced, FLOOD)
    assert held is not None
    await held


async def test_one_of_those_that_wait_may_give_up_without_the_others(lines: list[Line]) -> None:
    pressure = Pressure()
    lines.append(Line(rises=pressure.rise))
    await congest(lines[0])
    one = asyncio.ensure_future(pressure.hold(lines[0].outbox, FLOOD) or asyncio.sleep(0))
    other = asyncio.ensure_future(pressure.hold(lines[0].outbox, FLOOD) or asyncio.sleep(0))
    one.cancel()
    await other
    assert one.cancelled()
