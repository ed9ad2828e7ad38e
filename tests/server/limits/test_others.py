"""Who takes long turns pauses between them, while others talk."""

from __future__ import annotations

from driftdb_jupyter.server.limits.others import Others


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def others_after_a_turn(clock: Clock) -> Others:
    others = Others(clock)
    others.pause(clock.now)
    return others


def test_while_others_talk_a_pause_is_twice_as_long_as_the_turn_before_it() -> None:
    clock = Clock()
    others = others_after_a_turn(clock)
    others.hear(1)
    began, clock.now = clock.now, clock.now + 0.25
    assert others.pause(began) == 0.5


def test_while_nobody_else_talks_there_is_no_pause() -> None:
    clock = Clock()
    others = others_after_a_turn(clock)
    began, clock.now = clock.now, clock.now + 0.25
    assert others.pause(began) == 0


def test_after_a_short_turn_there_is_no_pause() -> None:
    clock = Clock()
    others = others_after_a_turn(clock)
    others.hear(1)
    began, clock.now = clock.now, clock.now + 0.0002
    assert others.pause(began) == 0


def test_who_was_heard_a_while_ago_talks_no_more() -> None:
    clock = Clock()
    others = others_after_a_turn(clock)
    others.hear(1)
    others.pause(clock.now)
    clock.now += 0.5
    assert others.pause(clock.now - 0.25) == 0.5
    clock.now += 0.75
    assert others.pause(clock.now - 0.25) == 0


def test_who_was_heard_before_the_first_turn_in_a_while_may_have_been_heard_long_ago() -> None:
    clock = Clock()
    others = others_after_a_turn(clock)
    others.hear(1)
    clock.now += 1.5
    assert others.pause(clock.now - 0.25, 2) == 0
    others.hear(1)
    clock.now += 0.25
    assert others.pause(clock.now - 0.25, 2) == 0.5


def test_whoever_takes_long_turns_is_no_other_of_its_own() -> None:
    clock = Clock()
    others = others_after_a_turn(clock)
    for heard, pause in ((1,), 0.0), ((1, 2), 0.5), ((1, 2, 1), 0.5), ((1,), 0.5):
        for who in heard:
            others.hear(who)
        began, clock.now = clock.now, clock.now + 0.25
        assert others.pause(began, 1) == pause
    clock.now += 1.0
    others.hear(1)
    assert others.pause(clock.now - 0.25, 1) == 0.0
    assert others.pause(clock.now - 0.25, 2) == 0.5
