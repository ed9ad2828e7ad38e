from __future__ import annotations

import gc
import weakref

import pytest

from driftdb_jupyter.client.runtime.subscribers import Subscribers

TOPIC = ("a room", "a key")


def test_each_handler_is_called_whatever_another_raises(caplog: pytest.LogCaptureFixture) -> None:
    subscribers, heard = Subscribers(TOPIC), list[int]()

    def fail(value: int) -> None:
        raise ZeroDivisionError

    subscribers.add(fail)
    subscribers.add(heard.append)
    subscribers.tell(lambda: 1)
    assert heard == [1]
    assert "ZeroDivisionError" in caplog.text


def test_an_interrupt_is_raised_when_all_were_called() -> None:
    subscribers, heard = Subscribers(TOPIC), list[int]()

    def interrupted(value: int) -> None:
        raise KeyboardInterrupt

    subscribers.add(interrupted)
    subscribers.add(heard.append)
    with pytest.raises(KeyboardInterrupt):
        subscribers.tell(lambda: 1)
    assert heard == [1]


def test_a_subscription_ends_once_and_with_its_block() -> None:
    subscribers, heard = Subscribers(TOPIC), list[int]()
    with subscribers.add(heard.append) as subscription:
        subscribers.tell(lambda: 1)
    subscription()
    subscribers.tell(lambda: 2)
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
