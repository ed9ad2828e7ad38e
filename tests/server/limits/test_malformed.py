"""Malformed messages of all connections together are refused no faster than the others bear."""

from __future__ import annotations

import pytest

from driftdb_jupyter.server.limits.malformed import Malformed


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_after_a_burst_each_sender_waits_behind_those_who_came_before() -> None:
    malformed = Malformed(10, burst=3, clock=Clock())
    assert [malformed.take(1) for _ in range(5)] == pytest.approx([0, 0, 0, 0.1, 0.2])


def test_a_long_message_counts_as_several() -> None:
    malformed = Malformed(10, burst=1, clock=Clock())
    assert malformed.take(3 * 4096) == pytest.approx(0.3)


def test_nobody_waits_for_longer_than_a_second_and_debts_are_soon_forgotten() -> None:
    clock = Clock()
    malformed = Malformed(10, burst=1, clock=clock)
    assert max(malformed.take(100_000) for _ in range(1000)) == pytest.approx(1)
    clock.now = 1.1
    assert malformed.take(1) == pytest.approx(0.0, abs=0.11)
    clock.now = 60
    assert malformed.take(1) == pytest.approx(0)


def test_without_a_limit_nobody_waits() -> None:
    malformed = Malformed(0)
    assert {malformed.take(1_000_000) for _ in range(1000)} == {0}
