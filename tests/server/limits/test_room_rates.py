"""To each room something may happen only so often."""

from __future__ import annotations

import pytest

from driftdb_jupyter.server.limits.room_rates import RoomRates


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_after_a_burst_one_waits() -> None:
    clock = Clock()
    rates = RoomRates(0.5, 2, clock=clock)
    assert [rates.count("r") for _ in range(4)] == pytest.approx([0, 0, 2, 2])
    clock.now = 2.0
    assert [rates.count("r") for _ in range(2)] == pytest.approx([0, 2])


def test_each_room_has_its_own() -> None:
    rates = RoomRates(0.5, 1, clock=Clock())
    assert [rates.count(room) for room in ("r", "s", "r")] == pytest.approx([0, 0, 2])


def test_a_room_is_forgotten_when_it_may_do_all_again() -> None:
    clock = Clock()
    rates = RoomRates(0.5, 2, clock=clock)
    rates.count("r")
    rates.tidy()
    assert len(rates) == 1
    clock.now = 2.0
    rates.tidy()
    assert len(rates) == 0


def test_without_a_limit_none_waits() -> None:
    rates = RoomRates(0, 1)
    assert {rates.count("r") for _ in range(100)} == {0}
    assert len(rates) == 0
