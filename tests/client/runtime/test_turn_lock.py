from __future__ import annotations

import sys
import threading
from types import FrameType

import pytest

from driftdb_jupyter.client.runtime.turn_lock import TurnLock

from ..interrupted import Interrupt, count_lines, interrupted_at


def in_thread(work: object) -> threading.Thread:
    assert callable(work)
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_one_thread_is_in_at_a_time() -> None:
    lock, counts, most = TurnLock(look_seconds=0.001), [0], []

    def work() -> None:
        for _ in range(200):
            with lock:
                counts[0] += 1
                most.append(counts[0])
                counts[0] -= 1

    threads = [in_thread(work) for _ in range(4)]
    for thread in threads:
        thread.join(60)
    assert most == [1] * 800


def test_who_waits_long_for_a_block_that_is_executed_goes_on_waiting() -> None:
    lock, entered, gate, order = TurnLock(look_seconds=0.001), *_events(), []

    def hold() -> None:
        with lock, lock:
            entered.set()
            assert gate.wait(60)
            order.append("holder")

    def take() -> None:
        with lock:
            order.append("other")

    holder = in_thread(hold)
    assert entered.wait(60)
    other = in_thread(take)
    other.join(0.05)
    gate.set()
    other.join(60)
    holder.join(60)
    assert order == ["holder", "other"]


def test_who_found_that_one_left_does_not_take_it_from_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lock, (first, second), inside = TurnLock(look_seconds=0.001), _events(), list[str]()
    left, entered, look = threading.Event(), threading.Event(), sys._current_frames

    def hold(name: str, gate: threading.Event, entered: threading.Event) -> None:
        with lock:
            inside.append(name)
            entered.set()
            gate.wait(60)
            inside.remove(name)
        left.set()

    def stacks_between_two_blocks() -> dict[int, FrameType]:
        monkeypatch.setattr(sys, "_current_frames", look)
        first.set()
        assert left.wait(60)
        found = look()
        entered.clear()
        threads.append(in_thread(lambda: hold("second", second, entered)))
        assert entered.wait(60)
        threading.Timer(0.05, second.set).start()
        return found

    threads = [in_thread(lambda: hold("first", first, entered))]
    assert entered.wait(60)
    monkeypatch.setattr(sys, "_current_frames", stacks_between_two_blocks)
    with lock:
        assert inside == []
    for thread in threads:
        thread.join(60)


def test_an_interrupt_at_any_line_leaves_it_free_for_others() -> None:
    lock = TurnLock(look_seconds=0.001)

    def hold() -> None:
        with lock, lock:
            pass

    def take() -> None:
        with lock:
            taken.set()

    for line in range(1, count_lines(hold) + 1):
        interrupted_at(hold, line)
        taken = threading.Event()
        in_thread(take).join(60)
        assert taken.is_set(), line
        hold()


def test_what_is_raised_in_a_block_is_raised_and_frees_it() -> None:
    lock = TurnLock(look_seconds=1e6)
    with pytest.raises(Interrupt), lock:
        raise Interrupt
    in_thread(lambda: lock.__enter__()).join(60)


def _events() -> tuple[threading.Event, threading.Event]:
    return threading.Event(), threading.Event()
