from __future__ import annotations

import asyncio
import logging
import sys
import threading
from collections.abc import Callable
from unittest.mock import Mock

import pytest

from driftdb_jupyter.client.runtime import callbacks as module
from driftdb_jupyter.client.runtime.callbacks import Callbacks
from driftdb_jupyter.client.runtime.worker import updates


class Target:
    """A target that notes on which thread it was told."""

    def __init__(self, then: Callable[[], None] = lambda: None) -> None:
        self.threads: list[threading.Thread] = []
        self.called = threading.Event()
        self.then = then

    def deliver(self) -> None:
        self.threads.append(threading.current_thread())
        self.called.set()
        self.then()


def started() -> Callbacks:
    callbacks = Callbacks()
    callbacks.start()
    return callbacks


def schedule_elsewhere(callbacks: Callbacks, target: Target, *, times: int = 1) -> None:
    def work() -> None:
        for _ in range(times):
            callbacks.schedule(target)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def test_with_a_loop_on_the_main_thread_they_run_there_when_it_is_free() -> None:
    callbacks, target = Callbacks(), Target()

    async def program() -> None:
        callbacks.notice_loop()
        schedule_elsewhere(callbacks, target, times=1000)
        assert target.threads == [], "the main thread is busy"
        await asyncio.sleep(0)

    asyncio.run(program())
    assert target.threads == [threading.main_thread()], "many changes are told once"


def test_without_a_loop_they_run_on_a_thread_of_their_own() -> None:
    callbacks, target = started(), Target()
    callbacks.notice_loop()
    callbacks.schedule(target)
    assert target.called.wait(60)
    assert target.threads[0] is not threading.main_thread()


def test_a_loop_that_begins_waits_for_the_callback_that_runs() -> None:
    entered, gate = threading.Event(), threading.Event()

    def wait() -> None:
        entered.set()
        gate.wait(60)

    callbacks, slow, later = started(), Target(wait), Target()
    callbacks.schedule(slow)
    assert entered.wait(60)

    async def program() -> None:
        callbacks.schedule(later)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert later.threads == [], "one at a time"
        gate.set()
        await asyncio.to_thread(later.called.wait, 60)

    asyncio.run(program())
    assert later.threads == [threading.main_thread()]


def test_after_the_loop_ended_they_go_on_with_what_it_left() -> None:
    callbacks, left, later = started(), Target(), Target()

    async def program() -> None:
        callbacks.notice_loop()

    asyncio.run(program())
    callbacks.schedule(left)
    callbacks.schedule(later)
    assert left.called.wait(60)
    assert later.called.wait(60)


def test_what_a_closed_loop_never_ran_is_told_with_the_next() -> None:
    callbacks, left, later = started(), Target(), Target()

    async def program() -> None:
        callbacks.notice_loop()
        task = asyncio.current_task()
        assert task is not None
        task.add_done_callback(lambda _: callbacks.schedule(left))

    loop = asyncio.new_event_loop()
    loop.run_until_complete(program())
    loop.close()
    assert not left.called.is_set()
    callbacks.schedule(later)
    assert left.called.wait(60)
    assert later.called.wait(60)


def test_one_that_fails_is_logged_and_the_others_run(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    callbacks, failing, other = Callbacks(), Target(fail), Target()

    async def program() -> None:
        callbacks.notice_loop()
        callbacks.schedule(failing)
        callbacks.schedule(other)
        await asyncio.sleep(0)

    with caplog.at_level(logging.ERROR):
        asyncio.run(program())
    assert other.called.is_set()
    assert "ZeroDivisionError" in caplog.text


def test_in_a_kernel_one_that_exits_ends_no_loop_and_tells_the_rest(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "ipython", lambda: Mock(kernel=Mock(io_loop=None)))

    def leave() -> None:
        if len(leaving.threads) == 1:
            sys.exit(3)

    callbacks, leaving, other = Callbacks(), Target(leave), Target()

    async def program() -> None:
        callbacks.notice_loop()
        callbacks.schedule(leaving)
        callbacks.schedule(other)
        while len(leaving.threads) < 2:  # it has its other handlers to call
            await asyncio.sleep(0)

    asyncio.run(program())
    assert other.called.is_set()
    assert "SystemExit: 3" in caplog.text


def test_one_that_keeps_others_waiting_is_named_once() -> None:
    going_on, warned = threading.Event(), threading.Event()
    records: list[str] = []

    def never_ending() -> None:
        assert going_on.wait(60)

    class Warned(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(record.getMessage())
            warned.set()

    callbacks, slow, other = started(), Target(never_ending), Target()
    updates.start()
    logger, handler = logging.getLogger("driftdb_jupyter"), Warned()
    logger.addHandler(handler)
    try:
        callbacks.schedule(slow)
        assert slow.called.wait(60)
        callbacks.look(0)
        callbacks.schedule(other)
        callbacks.look(1000)
        for _ in range(3):
            callbacks.look(0)
        assert warned.wait(60)
    finally:
        going_on.set()
        logger.removeHandler(handler)
    assert other.called.wait(60)
    callbacks.look(0)
    (warning,) = records
    assert warning.startswith(f"deliver ({__file__}:"), "the first function that is not ours"
