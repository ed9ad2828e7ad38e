from __future__ import annotations

import threading

import pytest

from driftdb_jupyter.client.runtime.change_notifier import ChangeNotifier


class Value:
    def __init__(self) -> None:
        self.now = 0
        self.heard: list[tuple[int, int]] = []
        self.notifier = ChangeNotifier(lambda: self.now)

    def hear(self, before: int, now: int) -> None:
        self.heard.append((before, now))


@pytest.fixture
def value() -> Value:
    return Value()


def test_it_tells_what_is_new_and_nothing_else(value: Value) -> None:
    value.notifier.run(value.hear)
    value.now = 1
    value.notifier.run(value.hear)
    value.notifier.run(value.hear)
    assert value.heard == [(0, 1)]


def test_a_change_in_the_middle_is_told_in_the_middle(value: Value) -> None:
    def notify(before: int, now: int) -> None:
        if now < 3:
            value.now += 1
            value.notifier.run(notify)
        value.hear(before, now)

    value.now = 1
    value.notifier.run(notify)
    assert value.heard == [(2, 3), (1, 2), (0, 1)]


def test_after_an_error_the_next_change_is_told(value: Value) -> None:
    def fail(before: int, now: int) -> None:
        raise ZeroDivisionError

    value.now = 1
    with pytest.raises(ZeroDivisionError):
        value.notifier.run(fail)
    value.now = 2
    value.notifier.run(value.hear)
    assert value.heard == [(1, 2)]


def test_another_thread_does_not_wait_and_what_it_found_is_told(value: Value) -> None:
    entered, gate = threading.Event(), threading.Event()

    def notify(before: int, now: int) -> None:
        entered.set()
        assert gate.wait(60)
        value.hear(before, now)

    value.now = 1
    thread = threading.Thread(target=value.notifier.run, args=[notify])
    thread.start()
    assert entered.wait(60)
    value.now = 2
    value.notifier.run(value.hear)
    assert value.heard == []
    gate.set()
    thread.join(60)
    assert value.heard == [(0, 1), (1, 2)]


def test_who_makes_a_change_tells_it_though_another_thread_sees_it_first(value: Value) -> None:
    threads: list[threading.Thread] = []

    def change() -> None:
        value.now = 1
        other = threading.Thread(target=value.notifier.run, args=[notify])
        other.start()
        other.join(60)

    def notify(before: int, now: int) -> None:
        threads.append(threading.current_thread())

    value.notifier.run(notify, change=change)
    assert threads == [threading.current_thread()]


def test_who_makes_a_change_tells_it_though_another_thread_is_looking(value: Value) -> None:
    threads: list[threading.Thread] = []
    looking, changed, seen = threading.Event(), threading.Event(), list[int]()

    def current() -> int:
        if threading.current_thread() is not other:
            return value.now
        if not seen:
            seen.append(-1)  # what it was a moment ago
            return -1
        looking.set()
        changed.wait(0.2)  # in vain, for the change waits until this has looked
        return value.now

    def notify(before: int, now: int) -> None:
        threads.append(threading.current_thread())

    def change() -> None:
        value.now = 1
        changed.set()

    other = threading.Thread(target=value.notifier.run, args=[notify])
    value.notifier._current = current
    other.start()
    assert looking.wait(60)
    value.notifier.run(notify, change=change)
    other.join(60)
    assert threads == [threading.current_thread()]


def test_a_change_that_fails_raises_and_leaves_others_to_tell(value: Value) -> None:
    with pytest.raises(ZeroDivisionError):
        value.notifier.run(value.hear, change=lambda: 1 // 0)
    value.now = 1
    other = threading.Thread(target=value.notifier.run, args=[value.hear])
    other.start()
    other.join(60)
    assert value.heard == [(0, 1)]


def test_a_turn_that_an_interrupt_kept_is_taken(value: Value) -> None:
    thread = threading.Thread(target=value.notifier._turn.enter_now)
    thread.start()
    thread.join(60)
    value.now = 1
    value.notifier.run(value.hear)
    assert value.heard == [(0, 1)]
