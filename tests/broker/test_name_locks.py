"""One at a time by name, and nothing is left behind."""

from __future__ import annotations

import asyncio

import pytest

from driftdb_jupyter.broker.name_locks import NameLocks

pytestmark = pytest.mark.asyncio


async def test_a_name_is_had_by_one_at_a_time_in_the_order_of_asking() -> None:
    locks, seen = NameLocks(), list[str]()

    async def use(name: str, who: str) -> None:
        async with locks.hold(name):
            seen.append(f"{who} begins")
            await asyncio.sleep(0)
            seen.append(f"{who} ends")

    await asyncio.gather(use("a", "1"), use("a", "2"), use("b", "3"))
    assert [each for each in seen if each[0] != "3"] == [
        "1 begins",
        "1 ends",
        "2 begins",
        "2 ends",
    ]
    assert seen.index("3 begins") < seen.index("1 ends")
    assert len(locks) == 0


async def test_one_that_gives_up_waiting_or_fails_leaves_nothing_behind() -> None:
    locks = NameLocks()

    async def fail() -> None:
        async with locks.hold("a"):
            waiting = asyncio.ensure_future(locks.hold("a").__aenter__())
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.wait([waiting])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert len(locks) == 0
    async with locks.hold("a"):
        assert len(locks) == 1
