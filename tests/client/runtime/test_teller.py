from __future__ import annotations

import threading

import pytest

from driftdb_jupyter.client.runtime.teller import Teller


class Value:
    def __init__(self) -> None:
        self.now = 0
        self.told: list[tuple[int, int]] = []
        self.teller = Teller(lambda: self.now)

    def tell(self, before: int, now: int) -> None:
        self.told.append((before, now))


@pytest.fixture
def value() -> Value:
    return Value()


def test_it_tells_what_is_new_and_nothing_else(value: Value) -> None:
    value.teller.run(value.tell)
    value.now = 1
    value.teller.run(value.tell)
    value.teller.run(value.tell)
    assert value.told == [(0, 1)]


def test_a_change_in_the_middle_is_told_in_the_middle(value: Value) -> None:
    def tell(before: int, now: int) -> None:
        if now < 3:
            value.now += 1
            value.teller.run(tell)
        value.tell(before, now)

    value.now = 1
    value.teller.run(tell)
    assert value.told == [(2, 3), (1, 2), (0, 1)]


def test_after_an_error_the_next_change_is_told(value: Value) -> None:
    def fail(before: int, now: int) -> None:
        raise ZeroDivisionError

    value.now = 1
    with pytest.raises(ZeroDivisionError):
        value.teller.run(fail)
    value.now = 2
    value.teller.run(value.tell)
    assert value.told == [(1, 2)]


def test_another_thread_does_not_wait_and_what_it_found_is_told(value: Value) -> None:
    entered, gate = threading.Event(), threading.Event()

    def tell(before: int, now: int) -> None:
        entered.set()
        assert gate.wait(20)
        value.tell(before, now)

    value.now = 1
    thread = threading.Thread(target=value.teller.run, args=[tell])
    thread.start()
    assert entered.wait(20)
    value.now = 2
    value.teller.run(value.tell)
    assert value.told == []
    gate.set()
    thread.join(20)
    assert value.told == [(0, 1), (1, 2)]


def test_a_turn_that_an_interrupt_kept_is_taken(value: Value) -> None:
    thread = threading.Thread(target=value.teller._turn.acquire)
    thread.start()
    thread.join(20)
    value.now = 1
    value.teller.run(value.tell)
    assert value.told == [(0, 1)]
