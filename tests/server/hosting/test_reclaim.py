"""What gives memory back."""

from __future__ import annotations

import asyncio
from weakref import ref

import pytest

from driftdb_jupyter.rooms.memory_budget import MemoryBudget
from driftdb_jupyter.server.hosting import reclaim
from driftdb_jupyter.server.hosting.reclaim import Reclaimer

pytestmark = pytest.mark.asyncio

MIB = 1024 * 1024


class Piece:
    """Something that costs 3 MiB, and tells when it is freed."""

    cost_bytes = 3 * MIB

    def __init__(self, freed: list[int]) -> None:
        self._freed = freed

    def __del__(self) -> None:
        self._freed.append(self.cost_bytes)


def reclaimer(memory: MemoryBudget) -> Reclaimer:
    return Reclaimer(memory, leave_idle=lambda: None)


async def test_what_is_discarded_is_freed_in_pieces_and_charged_until_then() -> None:
    memory = MemoryBudget(1000 * MIB)
    looking = reclaimer(memory)
    looking.start()
    freed: list[int] = []
    memory.discard([Piece(freed) for _ in range(100)])
    assert (len(freed), memory.used_bytes) == (0, 300 * MIB)
    before = 0
    while memory.used_bytes:
        await asyncio.sleep(0)
        assert len(freed) - before <= 3
        assert memory.used_bytes == 300 * MIB - sum(freed)
        before = len(freed)
    assert len(freed) == 100
    looking.stop()


async def test_little_is_freed_at_once() -> None:
    memory = MemoryBudget(1000 * MIB)
    looking = reclaimer(memory)
    looking.start()
    freed: list[int] = []
    memory.discard([Piece(freed)])
    assert (len(freed), memory.used_bytes) == (1, 0)
    looking.stop()


async def test_all_is_freed_when_it_stops() -> None:
    memory = MemoryBudget(1000 * MIB)
    looking = reclaimer(memory)
    looking.start()
    freed: list[int] = []
    memory.discard([Piece(freed) for _ in range(100)])
    looking.stop()
    assert (len(freed), memory.used_bytes) == (100, 0)


async def test_idle_rooms_are_left_while_little_is_free() -> None:
    memory = MemoryBudget(100)
    asked: list[int] = []
    looking = Reclaimer(memory, leave_idle=lambda: asked.append(memory.free_bytes))
    memory.take(75)
    looking.look()
    assert asked == []
    memory.take(5)
    looking.look()
    assert asked == [20]


async def test_the_allocator_is_asked_to_give_back_what_is_not_in_use_if_that_is_much(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trimmed = asyncio.Event()
    loop = asyncio.get_running_loop()

    def trim(pad: int) -> int:
        loop.call_soon_threadsafe(trimmed.set)
        return 1

    resident_bytes = 500 * MIB
    monkeypatch.setattr(reclaim, "_malloc_trim", trim)
    monkeypatch.setattr(reclaim, "_resident_bytes", lambda: resident_bytes)
    memory = MemoryBudget(1000 * MIB)
    memory.take(400 * MIB)
    looking = reclaimer(memory)
    looking.start()
    await trimmed.wait()  # its thread is there from the start
    trimmed.clear()

    async def look_for_long() -> None:
        for _ in range(100):
            looking.look()
        await asyncio.sleep(0)

    resident_bytes += 300 * MIB
    memory.take(300 * MIB)
    await look_for_long()
    assert not trimmed.is_set()  # it is all in use
    memory.release(300 * MIB)
    await look_for_long()
    await trimmed.wait()
    looking.stop()


async def test_timers_that_were_cancelled_are_forgotten_while_much_is_not_in_use(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resident_bytes = 100 * MIB
    monkeypatch.setattr(reclaim, "_resident_bytes", lambda: resident_bytes)
    memory = MemoryBudget(1000 * MIB)
    looking = reclaimer(memory)
    looking.start()
    loop = asyncio.get_running_loop()
    before = loop.call_later(3000, looking.stop)  # else the next one is forgotten anyhow
    timer = loop.call_later(3600, looking.stop)
    timer.cancel()
    kept = ref(timer)
    del timer
    resident_bytes += 300 * MIB
    while kept() is not None:
        looking.look()
        await asyncio.sleep(0)
    before.cancel()
    looking.stop()
