"""What a room's account says is what the room holds, after anything that may happen to it."""

from __future__ import annotations

from unittest.mock import patch

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from msgspec import Raw

from driftdb_jupyter.protocol.entry import Author, Entry
from driftdb_jupyter.protocol.errors import BadSequence, QuotaExceeded
from driftdb_jupyter.protocol.messages import Action, Append, Compact, Delete, Push, Relay, Replace
from driftdb_jupyter.protocol.value import Value
from driftdb_jupyter.rooms import stream
from driftdb_jupyter.rooms.memory_budget import MemoryBudget
from driftdb_jupyter.rooms.memory_cost import (
    AUTHOR_COST_BYTES,
    BROADCAST_COST_BYTES,
    FORGOTTEN_COST_BYTES,
    KEY_COST_BYTES,
    PRESENCE_COST_BYTES,
    ROOM_COST_BYTES,
    VALUE_COST_BYTES,
)
from driftdb_jupyter.rooms.presence import Presence
from driftdb_jupyter.rooms.quota import Quota
from driftdb_jupyter.rooms.room import Room
from driftdb_jupyter.rooms.window import Window, WindowLimits

from .found import told

ANNA, BEN = Author("anna", Value.from_json(b'{"name":"Anna"}')), Author("ben")
QUOTA = Quota(keys=3, stream_length=20, stream_bytes=150, room_bytes=200)
WINDOW = WindowLimits(count=8, cost_bytes=3_000, seconds=10)


def value(length: int) -> Value:
    return Value.from_json(b'"' + b"x" * length + b'"')


def cost_of_author(author: Author | None) -> int:
    user = None if author is None else author.user
    return 0 if author is None else AUTHOR_COST_BYTES + (0 if user is None else user.byte_count)


def least_cost(entries: list[Entry]) -> int:
    """What entries cost if each author is one object, however often it comes."""
    authors = {id(entry.author): cost_of_author(entry.author) for entry in entries}
    values = sum(VALUE_COST_BYTES + entry.value.byte_count for entry in entries)
    return values + sum(authors.values())


def most_cost(entries: list[Entry]) -> int:
    """What they cost if each has an author of its own."""
    return sum(least_cost([entry]) for entry in entries)


def exact_cost(room: Room, key: str) -> int:
    """What a stream's chunks cost, counted from nothing."""
    cost = 0
    for chunk in room.stream(key)._chunks:
        before = None
        for entry in chunk.entries:
            cost += VALUE_COST_BYTES + entry.value.byte_count
            cost += 0 if entry.author is before else cost_of_author(entry.author)
            before = entry.author
    return cost


def cost_of_window(window: Window | None) -> int:
    if window is None:
        return 0
    flat = BROADCAST_COST_BYTES + VALUE_COST_BYTES + AUTHOR_COST_BYTES
    broadcasts = sum(
        flat + b.key.__sizeof__() + b.entry.value.byte_count for b in window._broadcasts
    )
    forgotten = [*window._forgotten._by_key, *window._forgotten_relays._by_key]
    return broadcasts + sum(FORGOTTEN_COST_BYTES + key.__sizeof__() for key in forgotten)


KEYS = st.sampled_from(["a", "b", "longer", "\N{SNOWMAN}"])
LENGTHS = st.lists(st.integers(0, 20), min_size=1, max_size=9)
AUTHORS = st.sampled_from([None, ANNA, BEN])
ACTIONS = st.one_of(
    st.just(Relay()),
    st.builds(Append, st.none() | st.integers(1, 6)),
    st.just(Replace()),
    st.builds(Compact, st.integers(1, 30)),
    st.just(Delete()),
)


class Account(RuleBasedStateMachine):
    """Rooms that share a budget, and anything that may happen to them."""

    def __init__(self) -> None:
        super().__init__()
        self.short_chunks = patch.object(stream, "CHUNK_LENGTH", 4)
        self.short_chunks.start()
        self.memory = MemoryBudget(25_000)
        self.rooms: list[Room] = []
        self.now = 0.0

    @initialize()
    def begin(self) -> None:
        for _ in range(2):
            self.rooms.append(self.new_room())

    def new_room(self) -> Room:
        return Room(epoch="e", quota=QUOTA, window_limits=WINDOW, memory=self.memory)

    def teardown(self) -> None:
        self.short_chunks.stop()
        for room in self.rooms:
            room.release()
        assert self.memory.used_bytes == 0

    @rule(author=AUTHORS, lengths=LENGTHS, max_length=st.none() | st.integers(1, 12))
    def append(self, author: Author | None, lengths: list[int], max_length: int | None) -> None:
        """Most often to the same stream, so that it grows."""
        self.push(0, "a", Append(max_length), author, lengths)

    @rule(author=AUTHORS, seq=st.integers(1, 60))
    def compact(self, author: Author | None, seq: int) -> None:
        self.push(0, "a", Compact(seq), author, [3])

    @rule(number=st.integers(0, 1), key=KEYS, action=ACTIONS, author=AUTHORS, lengths=LENGTHS)
    def push(
        self, number: int, key: str, action: Action, author: Author | None, lengths: list[int]
    ) -> None:
        if isinstance(action, (Replace, Compact)):
            del lengths[1:]
        values = [] if isinstance(action, Delete) else [value(length) for length in lengths]
        room, free_bytes = self.rooms[number], self.memory.free_bytes
        before = (room.seq, room.byte_count, room.cost_bytes)
        try:
            room.apply(
                Push(key, action, Raw(b"1")),
                values,
                author=author,
                now=self.now,
                free_bytes=free_bytes,
            )
        except (BadSequence, QuotaExceeded):
            assert before == (room.seq, room.byte_count, room.cost_bytes)
            assert self.memory.free_bytes == free_bytes

    @rule(number=st.integers(0, 1))
    def ask(self, number: int) -> None:
        """From now on the room has a window."""
        self.rooms[number].recover("a", epoch=None, above=0)

    @rule(seconds=st.floats(0, 12))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        for room in self.rooms:
            if room.window is not None:
                room.window.expire(now=self.now)

    @rule(number=st.integers(0, 1))
    def leave_and_load(self, number: int) -> None:
        """As a journal does: another room holds the same, and is charged when it is there."""
        old = self.rooms[number]
        new = Room(epoch="e", quota=QUOTA, window_limits=WINDOW)
        for key in old.keys:
            new.hold(key, old.read(key))
        new.seq, new.newest_relay = old.seq, old.newest_relay
        old.release()
        try:
            new.charge(self.memory)
        except QuotaExceeded:
            new = self.new_room()
        self.rooms[number] = new

    @rule(number=st.integers(0, 1))
    def copy(self, number: int) -> None:
        """A copy is as much, charges nothing, and changes alone."""
        room, used_bytes = self.rooms[number], self.memory.used_bytes
        copy = room.copy()
        assert (copy.byte_count, copy.cost_bytes) == (room.byte_count, room.cost_bytes)
        for key in copy.keys:
            copy.apply(Push(key, Append(max_length=2)), [value(5)], author=ANNA)
            copy.apply(Push(key, Delete()), [])
        assert copy.cost_bytes == ROOM_COST_BYTES
        assert self.memory.used_bytes == used_bytes

    @invariant()
    def each_room_counts_what_it_holds(self) -> None:
        for room in self.rooms:
            streams = {key: room.stream(key) for key in room.keys}
            assert room.byte_count == sum(
                entry.value.byte_count for each in streams.values() for entry in each
            )
            cost_bytes = ROOM_COST_BYTES
            for key, each in streams.items():
                entries = room.read(key)
                assert each.value_count == len(entries)
                assert each.byte_count == sum(entry.value.byte_count for entry in entries)
                assert each.cost_bytes == exact_cost(room, key)
                assert least_cost(entries) <= each.cost_bytes <= most_cost(entries)
                cost_bytes += KEY_COST_BYTES + key.__sizeof__() + each.cost_bytes
            assert room.cost_bytes == cost_bytes

    @invariant()
    def the_budget_is_charged_with_all_of_them(self) -> None:
        assert self.memory.used_bytes == sum(
            room.cost_bytes + cost_of_window(room.window) for room in self.rooms
        )

    @invariant()
    def a_stream_can_be_read_from_any_place(self) -> None:
        for room in self.rooms:
            for key in room.keys:
                entries, each = room.read(key), room.stream(key)
                seqs = [entry.seq for entry in entries]
                assert seqs == sorted(set(seqs))
                for seq in {0, *seqs, room.seq}:
                    above = [entry for entry in entries if entry.seq > seq]
                    assert each.count_to(seq) == len(entries) - len(above)
                    assert each.above(seq) == above
                    assert each.above(seq, limit=3) == above[:3]


TestAccount = Account.TestCase


class Presences(RuleBasedStateMachine):
    """Clients that come, are there, and leave."""

    def __init__(self) -> None:
        super().__init__()
        self.memory = MemoryBudget(7 * PRESENCE_COST_BYTES)
        self.presence = Presence(memory=self.memory)
        self.now = 0.0

    def teardown(self) -> None:
        self.presence.release()
        assert self.memory.used_bytes == 0

    @rule(key=KEYS, author=st.sampled_from([ANNA, BEN]), length=st.integers(0, 5_000))
    def set(self, key: str, author: Author, length: int) -> None:
        used_bytes = self.memory.used_bytes
        try:
            self.presence.set(key, author, value(length))
        except QuotaExceeded:
            assert self.memory.used_bytes == used_bytes

    @rule(key=KEYS, author=st.sampled_from([ANNA, BEN]))
    def withdraw(self, key: str, author: Author) -> None:
        self.presence.withdraw(key, author.client)

    @rule(author=st.sampled_from([ANNA, BEN]))
    def come_and_go(self, author: Author) -> None:
        self.presence.joined(author.client)
        self.presence.left(author.client, now=self.now)

    @rule(seconds=st.floats(0, 12))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.presence.expire(until=self.now - 5)

    @invariant()
    def the_budget_is_charged_with_all_of_them(self) -> None:
        cost_bytes = 0
        for key in ("a", "b", "longer", "\N{SNOWMAN}"):
            for author, there in self.presence.there(key):
                user_bytes = 0 if author.user is None else author.user.byte_count
                cost_bytes += PRESENCE_COST_BYTES + key.__sizeof__()
                cost_bytes += there.byte_count + user_bytes
        assert self.presence.cost_bytes == cost_bytes == self.memory.used_bytes


TestPresences = Presences.TestCase


def room_of(memory: MemoryBudget, count: int) -> Room:
    room = Room(epoch="e", memory=memory)
    room.apply(Push("k", Append()), [value(100)] * count)
    return room


def test_what_does_not_fit_the_memory_is_refused_as_a_whole_and_less_is_welcome() -> None:
    room = room_of(MemoryBudget(), 10)
    with pytest.raises(QuotaExceeded, match="memory_limit_bytes"):
        room.apply(Push("k", Append()), [value(100)] * 4096, free_bytes=100_000)
    assert (room.seq, room.stream("k").value_count) == (10, 10)
    room.apply(Push("k", Append(max_length=5)), [value(100)], free_bytes=-1)
    room.apply(Push("k", Replace()), [value(100)], free_bytes=-1)
    room.apply(Push("k", Relay()), [value(100)], free_bytes=-1)
    room.apply(Push("k", Delete()), [], free_bytes=-1)
    assert room.cost_bytes == ROOM_COST_BYTES


def test_a_window_forgets_when_no_memory_is_left() -> None:
    memory = MemoryBudget(ROOM_COST_BYTES + 10_000)
    room = Room(epoch="e", memory=memory)
    room.recover("k", epoch=None, above=0)
    for _ in range(1000):
        room.apply(Push("k", Relay()), [value(100)])
        assert memory.free_bytes >= -1_000
    assert room.window is not None
    assert 0 < len(room.window) < 50
    assert told(room.recover("k", epoch="e", above=0)) == ([], False)


def test_a_room_that_does_not_fit_is_not_charged_at_all() -> None:
    memory = MemoryBudget(20_000)
    room = room_of(MemoryBudget(), 100)
    with pytest.raises(QuotaExceeded):
        room.charge(memory)
    assert memory.used_bytes == 0
