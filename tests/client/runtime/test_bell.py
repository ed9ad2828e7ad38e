from __future__ import annotations

import pytest

from driftdb_jupyter.client.runtime.bell import Bell


def test_it_calls_once_until_it_is_answered() -> None:
    calls: list[None] = []
    bell = Bell(lambda: calls.append(None))
    bell.ring()
    bell.ring()
    assert len(calls) == 1
    bell.answer()
    bell.ring()
    assert len(calls) == 2


def test_a_call_that_was_interrupted_is_made_with_the_next_ring() -> None:
    calls: list[None] = []

    def call() -> None:
        calls.append(None)
        if len(calls) == 1:
            raise KeyboardInterrupt

    bell = Bell(call)
    with pytest.raises(KeyboardInterrupt):
        bell.ring()
    bell.ring()
    assert len(calls) == 2


def test_an_answer_in_the_middle_of_a_ring_is_not_taken_for_the_next_one() -> None:
    calls: list[None] = []

    def call() -> None:
        calls.append(None)
        bell.answer()

    bell = Bell(call)
    bell.ring()
    bell.ring()
    assert len(calls) == 2, "what was put down after the answer is found, too"
