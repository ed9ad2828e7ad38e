"""What a client is told that comes back: all that it missed and nothing else, or to start over.

Protocol, "Missing nothing".
"""

from __future__ import annotations

from collections import defaultdict
from unittest.mock import patch

from hypothesis import event
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule
from msgspec import Raw

from driftdb_jupyter.protocol.entry import Entry
from driftdb_jupyter.protocol.errors import BadSequence
from driftdb_jupyter.protocol.messages import (
    Action,
    Append,
    Compact,
    Delete,
    Push,
    Relay,
    Replace,
)
from driftdb_jupyter.protocol.value import Value
from driftdb_jupyter.rooms import window
from driftdb_jupyter.rooms.room import Room
from driftdb_jupyter.rooms.window import WindowLimits

from .found import told

LIMITS = WindowLimits(count=6, cost_bytes=3_500, seconds=10)


def new_room() -> Room:
    room = Room(epoch="e", window_limits=LIMITS)
    room.recover("k", epoch=None, above=0)  # as the first client does
    return room


def push(room: Room, action: Action, *values: str, key: str = "k", now: float = 0.0) -> list[Entry]:
    raws = [Raw(value.encode()) for value in values]
    message = Push(key, action, values=raws or None)
    applied = room.apply(message, [Value.from_json(raw) for raw in raws], now=now)
    return list(applied.broadcast)


def recovered(room: Room, *, above: int, key: str = "k") -> list[int] | None:
    """The numbers that a client missed, ``None`` where it has to start over."""
    entries, known = told(room.recover(key, epoch="e", above=above))
    return [entry.seq for entry in entries] if known else None


def test_all_broadcasts_above_are_given_relays_and_what_was_replaced_too() -> None:
    room = new_room()
    push(room, Append(), "1")
    push(room, Relay(), "2")
    push(room, Append(), "3", key="other")
    push(room, Replace(), "4")
    assert recovered(room, above=0) == [1, 2, 4]
    assert recovered(room, above=1) == [2, 4]
    assert recovered(room, above=4) == []


def test_who_knows_another_epoch_or_more_than_there_is_starts_over() -> None:
    room = new_room()
    push(room, Append(), "1")
    push(room, Relay(), "2")
    for epoch, above in (("another", 1), (None, 1), ("e", 3)):
        entries, known = told(room.recover("k", epoch=epoch, above=above))
        assert ([entry.seq for entry in entries], known) == ([1], False)


def test_a_quiet_key_recovers_in_a_busy_room() -> None:
    room = new_room()
    push(room, Relay(), "1", key="quiet")
    for number in range(100):
        push(room, Relay(), str(number), key="busy")
    assert recovered(room, above=1, key="quiet") == []
    assert recovered(room, above=0, key="quiet") is None
    assert recovered(room, above=0, key="never used") == []
    assert recovered(room, above=50, key="busy") is None


def test_beyond_the_window_the_stream_itself_is_enough_where_all_was_kept() -> None:
    room = new_room()
    for number in range(100):
        push(room, Append(), str(number))
    assert recovered(room, above=1) == list(range(2, 101))
    push(room, Relay(), "a relay, which the window knows")
    assert recovered(room, above=50) == list(range(51, 102))
    for number in range(100):
        push(room, Append(), str(number), key="other")
    assert recovered(room, above=50) is None  # the relay is forgotten


def test_a_deletion_is_no_recovery_for_who_missed_it() -> None:
    room = new_room()
    push(room, Append(), "1")
    push(room, Delete())
    assert recovered(room, above=1) is None
    assert recovered(room, above=2) == []


def test_a_late_snapshot_hides_no_deletion() -> None:
    room = new_room()
    for number in range(8):
        push(room, Append(), str(number))
    push(room, Delete())
    push(room, Compact(2), "of 1 and 2")
    for number in range(100):
        push(room, Relay(), str(number), key="other")
    assert recovered(room, above=5) is None


def test_a_window_is_kept_from_the_first_question_on() -> None:
    room = Room(epoch="e", window_limits=LIMITS)
    push(room, Relay(), "1")
    assert room.window is None
    assert recovered(room, above=0) is None
    push(room, Relay(), "2")
    assert recovered(room, above=1) == [2]


def test_who_was_given_the_beginning_of_a_stream_can_go_on_whatever_was_relayed_before() -> None:
    room = Room(epoch="e", window_limits=LIMITS)
    for number in range(20):
        push(room, Append(), str(number))
        push(room, Relay(), str(number))
    assert recovered(room, above=5) is None
    begun = room.seq
    push(room, Relay(), "later")
    entries, known = told(room.recover("k", epoch="e", above=5, begun=begun))
    assert known
    assert [entry.seq for entry in entries] == [*range(7, 40, 2), 41]
    push(room, Compact(9), "of those up to 9")
    assert not room.recover("k", epoch="e", above=5, begun=begun).recovered


def test_what_is_too_old_is_forgotten() -> None:
    room = new_room()
    push(room, Relay(), "1", now=100)
    push(room, Relay(), "2", now=105)
    assert room.window is not None
    room.window.expire(now=110)
    assert recovered(room, above=0) == [1, 2]
    room.window.expire(now=112)
    assert recovered(room, above=0) is None
    assert recovered(room, above=1) == [2]


def test_the_window_is_bounded() -> None:
    room = new_room()
    assert room.window is not None
    for number in range(1000):
        push(room, Relay(), "x" * (number % 5))
        assert len(room.window) <= LIMITS.count
    assert recovered(room, above=998) == [999, 1000]


KEYS = st.sampled_from(["a", "b", "c", "d"])
ACTIONS = st.one_of(
    st.just(Relay()),
    st.builds(Append, st.none() | st.integers(1, 3)),
    st.just(Replace()),
    st.builds(Compact, st.integers(1, 20)),
    st.just(Delete()),
)


class Recovery(RuleBasedStateMachine):
    """Any pushes, waits and restarts; whoever comes back is told nothing wrong."""

    def __init__(self) -> None:
        super().__init__()
        self.few_keys = patch.object(window, "_FORGOTTEN_KEYS", 2)
        self.few_keys.start()
        self.room = Room(epoch="e", window_limits=LIMITS)
        self.now = 0.0
        self.broadcasts: dict[str, list[tuple[int, str]]] = defaultdict(list)
        self.deleted: dict[str, int] = defaultdict(int)
        self.begun: dict[str, tuple[int, int, list[tuple[int, str]]]] = {}

    def teardown(self) -> None:
        self.few_keys.stop()

    @rule(key=KEYS, action=ACTIONS, count=st.integers(1, 3), length=st.integers(1, 12))
    def push(self, key: str, action: Action, count: int, length: int) -> None:
        if isinstance(action, (Replace, Compact)):
            count = 1
        values = [] if isinstance(action, Delete) else ["x" * length] * count
        try:
            entries = push(self.room, action, *values, key=key, now=self.now)
        except BadSequence:
            return
        self.broadcasts[key] += [(e.seq, "x" * length) for e in entries]
        if isinstance(action, Delete):
            self.deleted[key] = self.room.seq

    @rule(seconds=st.floats(0, 12))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        if self.room.window is not None:
            self.room.window.expire(now=self.now)

    @rule()
    def restart(self) -> None:
        """What a journal keeps: streams, the newest number and the newest of a relay."""
        old, self.room = self.room, Room(epoch="e", window_limits=LIMITS)
        for key in old.keys:
            self.room.restore(key, old.read(key))
        self.room.seq, self.room.newest_relay = old.seq, old.newest_relay

    @rule(key=KEYS, above=st.integers(0, 40))
    def come_back(self, key: str, above: int) -> None:
        entries, known = told(self.room.recover(key, epoch="e", above=above))
        given = [(e.seq, bytes(e.value.as_json()).decode()) for e in entries]
        event(f"recovered: {known}")
        if known:
            assert above <= self.room.seq
            assert above >= self.deleted[key]
            assert given == [missed for missed in self.broadcasts[key] if missed[0] > above]
        else:
            assert entries == self.room.read(key)

    @rule(key=KEYS, limit=st.integers(1, 3))
    def begin(self, key: str, limit: int) -> None:
        """Be given the first values of the whole stream."""
        whole = [(e.seq, bytes(e.value.as_json()).decode()) for e in self.room.read(key)]
        if len(whole) > limit:
            self.begun[key] = whole[limit - 1][0], self.room.seq, whole[limit:]

    @precondition(lambda self: self.begun)
    @rule()
    def go_on(self) -> None:
        """Ask for the others, whatever was pushed meanwhile."""
        key = next(iter(self.begun))
        last, begun, rest = self.begun.pop(key)
        entries, known = told(self.room.recover(key, epoch="e", above=last, begun=begun))
        given = [(e.seq, bytes(e.value.as_json()).decode()) for e in entries]
        event(f"went on: {known}")
        if known:
            since = [push for push in self.broadcasts[key] if push[0] > begun]
            all_above = [push for push in self.broadcasts[key] if push[0] > last]
            assert self.deleted[key] <= begun
            assert given in (rest + since, all_above)


TestRecovery = Recovery.TestCase
