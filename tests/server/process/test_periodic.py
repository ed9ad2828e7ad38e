"""Work that is done again and again."""

from __future__ import annotations

import asyncio
import logging
import time

import pytest

from driftdb_jupyter.server.process.periodic import Periodic

pytestmark = pytest.mark.asyncio


async def test_it_goes_on_whatever_the_wall_clock_says(monkeypatch: pytest.MonkeyPatch) -> None:
    done = asyncio.Semaphore(0)
    periodic = Periodic(done.release, 0.001)
    periodic.start()
    await done.acquire()
    real = time.time()
    for now in (real - 3600, real + 3600, 0.0):
        monkeypatch.setattr(time, "time", lambda now=now: now)
        for _ in range(3):
            await asyncio.wait_for(done.acquire(), 60)
    periodic.stop()


async def test_what_fails_is_logged_and_done_again(caplog: pytest.LogCaptureFixture) -> None:
    done = asyncio.Semaphore(0)

    async def fail() -> None:
        done.release()
        raise RuntimeError("on purpose")

    periodic = Periodic(fail, 0.001)
    with caplog.at_level(logging.ERROR):
        periodic.start()
        await done.acquire()
        await done.acquire()
        periodic.stop()
    assert "RuntimeError: on purpose" in caplog.text


async def test_it_is_not_begun_again_before_it_has_ended() -> None:
    go_on, at_once, most = asyncio.Event(), 0, 0

    async def work() -> None:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await go_on.wait()
        at_once -= 1

    periodic = Periodic(work, 0.0)
    periodic.start()
    for _ in range(20):
        await asyncio.sleep(0)
    assert most == 1
    periodic.stop()


async def test_after_its_end_nothing_is_done() -> None:
    calls: list[None] = []
    periodic = Periodic(lambda: calls.append(None), 0.0)
    periodic.start()
    periodic.stop()
    periodic.stop()
    for _ in range(10):
        await asyncio.sleep(0)
    assert calls == []
