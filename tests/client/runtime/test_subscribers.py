from __future__ import annotations

import gc
import traceback
import weakref
from itertools import repeat

import pytest

from driftdb_jupyter.client.runtime.subscribers import Subscribers, call_each

from ..interrupted import count_lines, interrupted_at

TOPIC = ("a room", "a key")


def test_each_handler_is_called_whatever_another_raises(caplog: pytest.LogCaptureFixture) -> None:
    subscribers, heard = Subscribers(TOPIC), list[int]()

    def fail(value: int) -> None:
        raise ZeroDivisionError

    subscribers.add(fail)
    subscribers.add(heard.append)
    subscribers.notify("news 1", lambda: 1)
    assert heard == [1]
    assert "ZeroDivisionError" in caplog.text


def test_after_an_interrupt_the_handlers_that_are_left_are_called_with_the_same_news() -> None:
    subscribers, heard = Subscribers(TOPIC), list[int]()

    def interrupted(value: int) -> None:
        heard.append(-value)
        raise KeyboardInterrupt

    subscribers.add(interrupted)
    subscribers.add(heard.append)
    with pytest.raises(KeyboardInterrupt):
        subscribers.notify("news", lambda: 1)
    subscribers.notify("news", lambda: 1)
    assert heard == [-1, 1]


def test_a_handler_that_raises_what_ends_a_loop_ends_none(caplog: pytest.LogCaptureFixture) -> None:
    def stop(value: int) -> None:
        raise StopIteration

    subscribers, heard = Subscribers(TOPIC), list[int]()
    subscribers.add(stop)
    subscribers.add(heard.append)
    subscribers.notify("news", lambda: 1)
    call_each([stop, heard.append], repeat(2))
    assert heard == [1, 2]
    logged = [record.exc_info[0] for record in caplog.records if record.exc_info]
    assert logged == [StopIteration] * 2
    with pytest.raises(StopIteration):
        call_each([heard.append, stop, heard.append], repeat(3), raises=True)
    assert heard == [1, 2, 3, 3]


def test_a_traceback_that_is_logged_begins_in_the_handler(caplog: pytest.LogCaptureFixture) -> None:
    def fail(value: int) -> None:
        raise ZeroDivisionError

    subscribers = Subscribers(TOPIC)
    subscribers.add(fail)
    subscribers.notify("news", lambda: 1)
    call_each([fail], [2])
    for record in caplog.records:
        assert record.exc_info is not None
        frames = traceback.extract_tb(record.exc_info[2])
        assert [frame.name for frame in frames] == ["fail"]


def test_a_handler_whose_subscription_another_ends_is_not_called() -> None:
    subscribers, heard = Subscribers(TOPIC), list[int]()
    subscribers.add(lambda value: second())
    second = subscribers.add(heard.append)
    subscribers.notify("news", lambda: 1)
    assert heard == []


def test_each_handler_is_called_whatever_line_an_interrupt_comes_at() -> None:
    for line in range(1, count_lines(lambda: call_each([len, len], ["ab", "ab"])) + 1):
        heard: list[str] = []
        interrupted_at(lambda heard=heard: call_each([heard.append] * 3, repeat("x")), line)  # type: ignore[misc]
        if heard:
            assert heard == ["x"] * 3


def test_a_subscription_ends_once_and_with_its_block() -> None:
    subscribers, heard = Subscribers(TOPIC), list[int]()
    with subscribers.add(heard.append) as subscription:
        subscribers.notify("news 1", lambda: 1)
    subscription()
    subscribers.notify("news 2", lambda: 2)
    assert heard == [1]


def test_a_subscription_that_is_held_keeps_no_object() -> None:
    subscribers = Subscribers(TOPIC)
    subscription, gone = subscribers.add(print), weakref.ref(subscribers)
    gc.disable()
    try:
        del subscribers
        assert gone() is None
    finally:
        gc.enable()
    subscription()


def test_a_class_may_be_a_handler() -> None:
    made = []

    class Recorder:
        def __init__(self, change: int) -> None:
            made.append(change)

        def __call__(self, *given: object) -> None:
            raise AssertionError(given)

    call_each([Recorder, made.append], repeat(1))
    assert made == [1, 1]
