from __future__ import annotations

import pytest

from driftdb_jupyter.client.transport.heartbeat import Heartbeat


@pytest.fixture
def heartbeat() -> Heartbeat:
    return Heartbeat(interval_seconds=20, now=100, wall=5000)


def test_a_connection_that_says_something_is_well(heartbeat: Heartbeat) -> None:
    heartbeat.heard(115)
    assert heartbeat.tick(134) == "well"


def test_a_silent_one_is_asked_once_and_is_dead_without_an_answer(heartbeat: Heartbeat) -> None:
    assert heartbeat.tick(119) == "well"
    assert heartbeat.tick(120) == "ask"
    assert heartbeat.tick(139) == "well"
    assert heartbeat.tick(140) == "dead"


def test_an_answer_is_a_sign_of_life(heartbeat: Heartbeat) -> None:
    assert heartbeat.tick(120) == "ask"
    heartbeat.heard(121)
    assert heartbeat.tick(140) == "well"
    assert heartbeat.tick(141) == "ask"


def test_where_there_is_doubt_it_is_asked_at_once_and_has_five_seconds(
    heartbeat: Heartbeat,
) -> None:
    heartbeat.heard(101)
    assert heartbeat.tick(102, doubtful=True) == "ask"
    assert heartbeat.tick(106.9) == "well"
    assert heartbeat.tick(107) == "dead"


def test_who_was_asked_before_a_sleep_is_asked_again(heartbeat: Heartbeat) -> None:
    assert heartbeat.tick(120) == "ask"
    assert heartbeat.tick(4000, doubtful=True) == "ask"


@pytest.mark.parametrize(("now", "wall"), [(102.5, 8600), (3700, 8600), (3700, 5002.5)])
def test_a_sleep_is_noticed_by_either_clock(heartbeat: Heartbeat, now: float, wall: float) -> None:
    assert heartbeat.tick_seconds == 2.5
    assert heartbeat.woke(now=now, wall=wall)
    assert not heartbeat.woke(now=now + 2.5, wall=wall + 2.5)


def test_a_tick_that_comes_a_little_late_is_no_sleep(heartbeat: Heartbeat) -> None:
    assert not heartbeat.woke(now=108, wall=5008)
    assert not heartbeat.woke(now=110, wall=4000)
