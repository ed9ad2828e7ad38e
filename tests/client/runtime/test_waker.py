from __future__ import annotations

import asyncio
import threading

import pytest

from driftdb_jupyter.client.runtime import waker
from driftdb_jupyter.client.runtime.waker import LoopWaker, Waker, wait_for
from driftdb_jupyter.client.session.outcome import Outcome


def test_a_wake_before_the_wait_counts() -> None:
    each = Waker()
    each.wake()
    each.wake()
    assert each.wait(60)
    assert not each.wait(0)


def test_another_thread_wakes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waker, "_SLICE_SECONDS", 0.001)  # as on Windows
    each = Waker()
    threading.Timer(0.01, each.wake).start()
    assert each.wait(60)


def test_a_loop_that_was_closed_is_nobodys_trouble() -> None:
    async def make() -> LoopWaker:
        return LoopWaker()

    asyncio.run(make()).wake()


def test_a_coroutine_is_woken_from_another_thread() -> None:
    async def work() -> tuple[bool, bool]:
        each = LoopWaker()
        threading.Timer(0.01, each.wake).start()
        return await each.wait(60), await each.wait(0)

    assert asyncio.run(work()) == (True, False)


def test_an_outcome_can_be_waited_for() -> None:
    outcome: Outcome[int] = Outcome()
    assert not wait_for(outcome, 0)
    threading.Timer(0.01, outcome.set_result, [1]).start()
    assert wait_for(outcome, 60)
