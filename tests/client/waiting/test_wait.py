from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from driftdb_jupyter.client.room import Room
from driftdb_jupyter.protocol.errors import NotConnected, TimedOut

from ...conformance.servers import standalone
from ..served import fresh_room


@pytest.fixture
def mine() -> Iterator[Room]:
    with standalone() as server, fresh_room(server.root) as room:
        yield room


def test_what_is_true_already_is_not_waited_for(mine: Room) -> None:
    state = mine.state("k", 3)
    assert state.when(lambda value: value == 3).result(0) == 3
    assert asyncio.run(_awaited(state.when(lambda value: value == 3))) == 3


def test_async_code_waits_for_a_value_while_its_loop_goes_on(mine: Room) -> None:
    state = mine.state("k", 0)

    async def story() -> object:
        waiting = asyncio.ensure_future(_awaited(state.when(lambda value: value >= 2)))
        for value in (1, 2):
            await asyncio.sleep(0)
            assert not waiting.done()
            await state.set(value)
        return await waiting

    assert asyncio.run(story()) == 2
    assert not mine.connection.wakers


def test_the_predicate_of_async_code_is_called_on_its_thread(mine: Room) -> None:
    state, threads = mine.state("k", 0), set()

    def looks(value: int) -> bool:
        threads.add(threading.current_thread())
        return value == 1

    async def story() -> None:
        waiting = asyncio.ensure_future(_awaited(state.when(looks)))
        await asyncio.sleep(0)
        await state.set(1)
        await waiting

    asyncio.run(story())
    assert threads == {threading.current_thread()}


def test_nothing_waits_for_ever(mine: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRIFTDB_WAIT_SECONDS", "0.01")
    state, items = mine.state("k", 0), mine.dict("d")
    late = r"'k': what was waited for did not come within 0\.01 s"
    with pytest.raises(TimedOut, match=late):
        state.wait_for(lambda value: value == 1)
    with pytest.raises(TimedOut, match=late):
        asyncio.run(_awaited(state.when(lambda value: value == 1)))
    with pytest.raises(TimedOut):
        items.wait_for(bool)
    with pytest.raises(TimedOut, match="no value came"):
        next(mine.pubsub("c").messages())


def test_a_closed_room_ends_it(mine: Room) -> None:
    state = mine.state("k", 0)

    async def story() -> None:
        waiting = asyncio.ensure_future(_awaited(state.when(lambda value: value == 1)))
        await asyncio.sleep(0)
        await asyncio.to_thread(mine.close)
        await waiting

    with pytest.raises(NotConnected):
        asyncio.run(story())
    with pytest.raises(NotConnected):
        state.wait_for(lambda value: value == 1)


def test_a_cancelled_wait_leaves_nothing_behind(mine: Room) -> None:
    state = mine.state("k", 0)

    async def story() -> None:
        waiting = asyncio.ensure_future(_awaited(state.when(lambda value: value == 1)))
        await asyncio.sleep(0)
        assert mine.connection.wakers
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(story())
    assert not mine.connection.wakers


async def _awaited(wait: object) -> object:
    return await wait  # type: ignore[misc]
