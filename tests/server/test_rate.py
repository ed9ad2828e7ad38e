"""How many messages may come in a time."""

from __future__ import annotations

import pytest

from driftdb_jupyter.protocol.errors import RateExceeded
from driftdb_jupyter.server.rate import Rate


def taken(rate: Rate, *, now: float) -> int:
    """How many messages it lets pass at once."""
    count = 0
    try:
        while count < 1000:
            rate.take(now=now)
            count += 1
    except RateExceeded:
        pass
    return count


def test_a_burst_may_come_at_once_and_then_so_many_a_second() -> None:
    rate = Rate(8, 3, now=100)
    assert taken(rate, now=100) == 3
    assert taken(rate, now=100.125) == 1
    assert taken(rate, now=100.1875) == 0
    assert taken(rate, now=100.25) == 1


def test_who_was_silent_for_long_has_but_one_burst() -> None:
    rate = Rate(10, 3, now=0)
    assert taken(rate, now=1000) == 3


def test_it_is_full_again_after_a_while() -> None:
    rate = Rate(10, 3, now=0)
    rate.take(now=0)
    assert not rate.is_full(now=0.05)
    assert rate.is_full(now=0.1)


def test_the_refusal_says_how_many() -> None:
    rate = Rate(0.5, 1, now=0)
    rate.take(now=0)
    with pytest.raises(RateExceeded, match=r"at most 0\.5 messages a second"):
        rate.take(now=0)
