"""How often something may come."""

from __future__ import annotations

import pytest

from driftdb_jupyter.server.limits.rate import Rate


def taken(rate: Rate, *, now: float) -> int:
    """How many may come at once."""
    count = 0
    while count < 1000 and not rate.wait(now=now):
        rate.take(now=now)
        count += 1
    return count


def test_a_burst_may_come_at_once_and_then_so_many_a_second() -> None:
    rate = Rate(8, 3, now=100)
    assert taken(rate, now=100) == 3
    assert taken(rate, now=100.125) == 1
    assert taken(rate, now=100.1875) == 0
    assert taken(rate, now=100.25) == 1


def test_after_a_long_silence_one_burst_may_come_and_no_more() -> None:
    rate = Rate(10, 3, now=0)
    assert taken(rate, now=1000) == 3


def test_it_is_full_again_after_a_while() -> None:
    rate = Rate(10, 3, now=0)
    rate.take(now=0)
    assert not rate.is_full(now=0.05)
    assert rate.is_full(now=0.1)


def test_it_says_when_the_next_one_may_come() -> None:
    rate = Rate(2, 2, now=0)
    assert rate.take(now=0) == 0
    assert rate.take(now=0) == pytest.approx(0.5)
    assert rate.wait(now=0.25) == pytest.approx(0.25)
    assert rate.wait(now=0.5) == 0


def test_what_comes_all_the_same_is_counted() -> None:
    rate = Rate(2, 1, now=0)
    assert [rate.take(now=0) for _ in range(3)] == pytest.approx([0.5, 1, 1.5])


def test_one_that_may_not_come_at_once_is_not_counted() -> None:
    rate = Rate(2, 1, now=0)
    assert rate.take_if_free(now=0) == 0
    assert rate.take_if_free(now=0) == rate.take_if_free(now=0) == 0.5
    assert rate.take_if_free(now=0.5) == 0
