"""What the messages take whose end has not come."""

from __future__ import annotations

from driftdb_jupyter.server.limits.incomplete import Incomplete


class Sender:
    def __init__(self, incomplete: Incomplete) -> None:
        self._incomplete = incomplete
        self.gave_up = False

    def give_up(self) -> None:
        self.gave_up = True
        self._incomplete.forget(self)


def test_the_one_that_began_first_gives_up() -> None:
    incomplete = Incomplete(100)
    senders = [Sender(incomplete) for _ in range(4)]
    for sender in senders[:3]:
        incomplete.hold(sender, 30)
    incomplete.hold(senders[0], 35)
    assert incomplete.byte_count == 95
    incomplete.hold(senders[3], 6)
    assert [sender.gave_up for sender in senders] == [True, False, False, False]
    assert incomplete.byte_count == 66


def test_what_is_complete_counts_no_more() -> None:
    incomplete = Incomplete(100)
    one, other = Sender(incomplete), Sender(incomplete)
    incomplete.hold(one, 100)
    incomplete.forget(one)
    incomplete.forget(one)
    incomplete.hold(other, 100)
    assert not one.gave_up
    assert not other.gave_up
    assert incomplete.byte_count == 100


def test_one_that_is_too_long_alone_gives_up() -> None:
    incomplete = Incomplete(100)
    sender = Sender(incomplete)
    incomplete.hold(sender, 101)
    assert sender.gave_up
    assert incomplete.byte_count == 0
