"""How long ago something was, where the machine was off or a clock was set."""

from __future__ import annotations

from driftdb_jupyter.broker.served_time import ServedTime

HOUR = 3600.0
DAY = 24 * HOUR


class Clocks:
    """One that tells the date, and one that nobody sets."""

    def __init__(self, date: float) -> None:
        self.date = date
        self.steady = 5.0

    def run(self, seconds: float) -> None:
        """Let both go on."""
        self.date += seconds
        self.steady += seconds

    def served(self, **known: object) -> ServedTime:
        return ServedTime(
            clock=lambda: self.date,
            monotonic=lambda: self.steady,
            **known,  # type: ignore[arg-type]
        )


def test_without_a_gap_it_is_the_clocks() -> None:
    clocks = Clocks(100 * DAY)
    served = clocks.served()
    clocks.run(3 * DAY)
    assert served.before(2 * DAY) == 101 * DAY
    assert served.gaps == []


def test_time_in_which_no_server_ran_is_left_out() -> None:
    clocks = Clocks(100 * DAY)
    served = clocks.served(ran_at=60 * DAY)
    assert served.gaps == [(60 * DAY, 100 * DAY)]
    clocks.run(1 * DAY)
    assert served.before(3 * DAY) == 58 * DAY
    assert served.before(1 * DAY) == 100 * DAY


def test_a_clock_that_is_set_forward_makes_nothing_older() -> None:
    clocks = Clocks(100 * DAY)
    served = clocks.served()
    clocks.run(1 * DAY)
    clocks.date += 365 * DAY
    assert served.before(2 * DAY) == 99 * DAY
    clocks.run(2 * DAY)
    assert served.before(2 * DAY) == 466 * DAY


def test_a_clock_that_is_set_back_again_is_as_if_it_had_never_been_wrong() -> None:
    clocks = Clocks(100 * DAY)
    served = clocks.served()
    clocks.date += 365 * DAY
    served.look()
    clocks.run(1 * DAY)
    clocks.date -= 365 * DAY
    assert served.before(2 * DAY) == 99 * DAY


def test_several_gaps_are_left_out_and_known_ones_too() -> None:
    clocks = Clocks(100 * DAY)
    served = clocks.served(ran_at=98 * DAY, gaps=[(50 * DAY, 90 * DAY)])
    assert served.before(1 * DAY) == 97 * DAY
    assert served.before(8 * DAY) == 90 * DAY
    assert served.before(9 * DAY) == 49 * DAY


def test_less_than_an_hour_is_no_gap() -> None:
    clocks = Clocks(100 * DAY)
    served = clocks.served(ran_at=100 * DAY - HOUR + 1)
    clocks.date += HOUR - 1
    assert served.look() is None
    clocks.date += HOUR
    assert served.look() is not None
    assert len(served.gaps) == 1


def test_a_gap_is_found_once() -> None:
    clocks = Clocks(100 * DAY)
    served = clocks.served()
    clocks.date += DAY
    assert served.look() == (100 * DAY, 101 * DAY)
    assert served.look() is None
