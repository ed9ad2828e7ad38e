from __future__ import annotations

import pytest

from driftdb_jupyter.client.runtime.wakeup import Wakeup


def test_it_calls_once_until_the_worker_begins() -> None:
    calls: list[None] = []
    wakeup = Wakeup(lambda: calls.append(None))
    wakeup.request()
    wakeup.request()
    assert len(calls) == 1
    wakeup.begin()
    wakeup.request()
    assert len(calls) == 2


def test_a_call_that_was_interrupted_is_made_with_the_next_ring() -> None:
    calls: list[None] = []

    def call() -> None:
        calls.append(None)
        if len(calls) == 1:
            raise KeyboardInterrupt

    wakeup = Wakeup(call)
    with pytest.raises(KeyboardInterrupt):
        wakeup.request()
    wakeup.request()
    assert len(calls) == 2


def test_an_answer_in_the_middle_of_a_ring_is_not_taken_for_the_next_one() -> None:
    calls: list[None] = []

    def call() -> None:
        calls.append(None)
        wakeup.begin()

    wakeup = Wakeup(call)
    wakeup.request()
    wakeup.request()
    assert len(calls) == 2, "what was put down after the answer is found, too"
