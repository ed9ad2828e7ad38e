"""What a push does to a room: the rules of the protocol, without a socket."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from driftdb_jupyter.protocol.entry import Author
from driftdb_jupyter.protocol.errors import BadMessage, BadSequence, Conflict, QuotaExceeded
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
from driftdb_jupyter.rooms.quota import Quota
from driftdb_jupyter.rooms.room import Applied, Room


def push(
    room: Room,
    action: Action,
    value: str = "v",
    *,
    key: str = "k",
    push_id: int | None = None,
    if_seq: int | None = None,
    client: str | None = None,
    epoch: str | None = None,
) -> Applied:
    raw = Raw(value.encode())
    message = Push(key, action, raw, id=push_id, if_seq=if_seq, epoch=epoch)
    return room.apply(message, [Value.from_json(raw)], client=client)


def kept(room: Room, key: str = "k", *, above: int = 0) -> list[tuple[int, str]]:
    return [(e.seq, bytes(e.value.as_json()).decode()) for e in room.read(key, above=above)]


def test_sequence_numbers_begin_at_one_and_are_shared_by_all_keys() -> None:
    room = Room(epoch="e")
    assert push(room, Append(), key="a").seq == 1
    assert push(room, Relay(), key="b").seq == 2
    assert push(room, Replace(), key="").seq == 3
    assert room.seq == 3


def test_relay_broadcasts_and_keeps_nothing() -> None:
    room = Room(epoch="e")
    applied = push(room, Relay(), "x")
    assert [entry.seq for entry in applied.broadcast] == [1]
    assert (applied.kept, applied.changed) == ((), False)
    assert kept(room) == []
    assert room.keys == []


def test_append_adds_and_replace_leaves_one() -> None:
    room = Room(epoch="e")
    assert push(room, Append(), "a").value_count == 1
    assert push(room, Append(), "b").value_count == 2
    assert kept(room) == [(1, "a"), (2, "b")]
    assert push(room, Replace(), "c").value_count == 1
    assert kept(room) == [(3, "c")]


def test_read_gives_what_is_above() -> None:
    room = Room(epoch="e")
    for value in "abc":
        push(room, Append(), value)
    assert kept(room, above=1) == [(2, "b"), (3, "c")]
    assert kept(room, above=3) == []
    assert kept(room, "other") == []


class TestCompact:
    def room(self) -> Room:
        room = Room(epoch="e")
        for value in "abcd":
            push(room, Append(), value)
        return room

    def test_takes_the_place_of_all_up_to_its_seq(self) -> None:
        room = self.room()
        applied = push(room, Compact(3), "C")
        assert (applied.broadcast, applied.seq, applied.value_count) == ((), 3, 2)
        assert (applied.removed, [entry.seq for entry in applied.kept]) == (3, [3])
        assert kept(room) == [(3, "C"), (4, "d")]
        assert room.seq == 4

    def test_below_the_front_one_is_stale_and_ignored(self) -> None:
        room = self.room()
        push(room, Compact(3), "C")
        applied = push(room, Compact(2), "late")
        assert (applied.seq, applied.changed) == (2, False)
        assert kept(room) == [(3, "C"), (4, "d")]

    def test_at_the_front_ones_seq_replaces_it(self) -> None:
        room = self.room()
        push(room, Compact(3), "C")
        assert push(room, Compact(3), "again").changed
        assert kept(room) == [(3, "again"), (4, "d")]

    def test_after_a_replace_finds_nothing_and_is_ignored(self) -> None:
        room = self.room()
        push(room, Replace(), "new")
        assert not push(room, Compact(4), "late").changed
        assert kept(room) == [(5, "new")]

    def test_on_an_empty_stream_is_kept(self) -> None:
        room = self.room()
        assert push(room, Compact(2), "C", key="empty").changed
        assert kept(room, "empty") == [(2, "C")]

    def test_above_the_rooms_newest_is_an_error_that_changes_nothing(self) -> None:
        room = self.room()
        with pytest.raises(BadSequence, match="up to the room's newest, 4, got 5"):
            push(room, Compact(5), "C")
        assert len(kept(room)) == 4


class TestIfSeq:
    def test_zero_wants_an_empty_stream(self) -> None:
        room = Room(epoch="e")
        push(room, Replace(), "a", if_seq=0)
        with pytest.raises(Conflict, match="newest seq to be 0, got 1") as conflict:
            push(room, Replace(), "b", if_seq=0)
        assert (conflict.value.key, conflict.value.seq) == ("k", 1)
        assert kept(room) == [(1, "a")]
        assert room.seq == 1

    def test_any_action_may_carry_it(self) -> None:
        room = Room(epoch="e")
        push(room, Append(), "a")
        push(room, Append(), "b", if_seq=1)
        push(room, Relay(), if_seq=2)
        push(room, Compact(2), "c", if_seq=2)
        with pytest.raises(Conflict):
            push(room, Relay(), if_seq=3)


CLIENT = "c" * 16


class TestIds:
    def test_a_push_that_comes_twice_is_applied_once(self) -> None:
        room = Room(epoch="e")
        first = push(room, Append(), "a", push_id=1, client=CLIENT)
        second = push(room, Append(), "a", push_id=1, client=CLIENT)
        assert (first.seq, second.seq, second.broadcast, second.changed) == (1, 1, (), False)
        assert kept(room) == [(1, "a")]

    def test_clients_count_apart(self) -> None:
        room = Room(epoch="e")
        push(room, Append(), "a", push_id=1, client=CLIENT)
        assert push(room, Append(), "b", push_id=1, client="d" * 16).seq == 2

    def test_an_id_that_was_refused_is_taken_anew(self) -> None:
        room = Room(epoch="e")
        push(room, Append(), push_id=1, client=CLIENT)
        with pytest.raises(Conflict):
            push(room, Append(), push_id=2, client=CLIENT, if_seq=0)
        push(room, Append(), push_id=3, client=CLIENT)
        assert push(room, Append(), push_id=2, client=CLIENT).seq == 3

    def test_a_known_id_is_acknowledged_before_if_seq_is_looked_at(self) -> None:
        room = Room(epoch="e")
        push(room, Append(), push_id=1, client=CLIENT, if_seq=0)
        assert push(room, Append(), push_id=1, client=CLIENT, if_seq=0).seq == 1

    def test_a_stale_compact_is_acknowledged_too(self) -> None:
        room = Room(epoch="e")
        push(room, Append(), push_id=1, client=CLIENT)
        push(room, Replace(), push_id=2, client=CLIENT)
        assert push(room, Compact(1), push_id=3, client=CLIENT).seq == 1

    def test_a_compact_of_an_epoch_does_not_bring_back_what_was_deleted(self) -> None:
        room = Room(epoch="e")
        push(room, Append())
        push(room, Delete())
        with pytest.raises(Conflict, match="expected a stream with values"):
            push(room, Compact(1), epoch="e")
        assert push(room, Compact(1)).seq == 1

    def test_an_id_without_a_client_is_refused(self) -> None:
        with pytest.raises(BadMessage, match="when it connected"):
            push(Room(epoch="e"), Append(), push_id=1)


def push_all(room: Room, action: Action, *values: str, key: str = "k") -> Applied:
    """Push several values at a time; with none a deletion."""
    raws = [Raw(value.encode()) for value in values]
    message = Push(key, action, values=raws or None)
    return room.apply(message, [Value.from_json(raw) for raw in raws])


class TestSeveralValues:
    def test_get_consecutive_numbers(self) -> None:
        room = Room(epoch="e")
        push(room, Append(), "a")
        applied = push_all(room, Append(), "b", "c")
        assert [entry.seq for entry in applied.broadcast] == [2, 3]
        assert (applied.seq, applied.value_count) == (3, 3)
        assert kept(room) == [(1, "a"), (2, "b"), (3, "c")]

    def test_may_be_relayed(self) -> None:
        room = Room(epoch="e")
        applied = push_all(room, Relay(), "a", "b")
        assert [entry.seq for entry in applied.broadcast] == [1, 2]
        assert (kept(room), room.seq, applied.changed) == ([], 2, False)

    def test_are_taken_all_or_not_at_all(self) -> None:
        room = Room(epoch="e", quota=Quota(stream_length=3))
        push_all(room, Append(), "a", "b")
        with pytest.raises(QuotaExceeded, match="at most 3 values in a stream, got 4"):
            push_all(room, Append(), "c", "d")
        assert (kept(room), room.seq) == ([(1, "a"), (2, "b")], 2)


class TestMaxLength:
    def test_keeps_the_newest(self) -> None:
        room = Room(epoch="e")
        push_all(room, Append(), "a", "b", "c")
        applied = push(room, Append(max_length=2), "d")
        assert (applied.value_count, applied.removed) == (2, 2)
        assert kept(room) == [(3, "c"), (4, "d")]

    def test_of_more_values_than_that_all_are_broadcast(self) -> None:
        room = Room(epoch="e")
        applied = push_all(room, Append(max_length=2), "a", "b", "c")
        assert [entry.seq for entry in applied.broadcast] == [1, 2, 3]
        assert [entry.seq for entry in applied.kept] == [2, 3]
        assert kept(room) == [(2, "b"), (3, "c")]

    def test_leaves_a_shorter_stream_as_it_is(self) -> None:
        room = Room(epoch="e")
        assert push(room, Append(max_length=2), "a").removed == 0
        assert kept(room) == [(1, "a")]


class TestDelete:
    def test_empties_the_stream_and_takes_a_number(self) -> None:
        room = Room(epoch="e")
        push(room, Append(), "a")
        push(room, Append(), "b")
        applied = push_all(room, Delete())
        assert (applied.seq, applied.removed, applied.deleted, applied.value_count) == (
            3,
            2,
            True,
            0,
        )
        assert (kept(room), room.keys, room.byte_count, room.seq) == ([], [], 0, 3)

    def test_of_an_empty_stream_takes_a_number_too(self) -> None:
        room = Room(epoch="e")
        applied = push_all(room, Delete())
        assert (applied.seq, applied.changed, applied.deleted) == (1, False, True)


class TestQuota:
    def test_bounds_the_keys_that_hold_something(self) -> None:
        room = Room(epoch="e", quota=Quota(keys=1))
        push(room, Append(), key="a")
        push(room, Relay(), key="b")
        for action in (Append(), Replace(), Compact(1)):
            with pytest.raises(QuotaExceeded, match="at most 1 keys in the room"):
                push(room, action, key="b")
        push_all(room, Delete(), key="a")
        push(room, Append(), key="b")

    def test_bounds_the_bytes_of_a_stream(self) -> None:
        room = Room(epoch="e", quota=Quota(stream_bytes=5))
        push(room, Append(), "123")
        with pytest.raises(QuotaExceeded, match="at most 5 bytes in a stream, got 6"):
            push(room, Append(), "456")
        push(room, Append(), "45")
        push(room, Append(), "12345", key="other")

    def test_bounds_the_bytes_of_a_room(self) -> None:
        room = Room(epoch="e", quota=Quota(room_bytes=5))
        push(room, Append(), "123", key="a")
        with pytest.raises(QuotaExceeded, match="at most 5 bytes in a room, got 6"):
            push(room, Append(), "456", key="b")
        assert room.keys == ["a"]

    def test_a_full_room_takes_what_makes_it_no_fuller(self) -> None:
        room = Room(epoch="e", quota=Quota(keys=1, stream_length=2, stream_bytes=4, room_bytes=4))
        push_all(room, Append(), "12", "34")
        push(room, Relay(), "a long value that nobody keeps")
        push(room, Append(max_length=2), "56")
        push(room, Compact(3), "7")
        push(room, Replace(), "1234")
        assert kept(room) == [(5, "1234")]


class TestEpoch:
    def test_another_one_is_a_conflict(self) -> None:
        room = Room(epoch="e")
        push(room, Append(), "a")
        raw = Raw(b"b")
        for epoch, if_seq in (("another", 1), ("another", None), ("e", 0)):
            with pytest.raises(Conflict) as conflict:
                room.apply(
                    Push("k", Replace(), raw, epoch=epoch, if_seq=if_seq), [Value.from_json(raw)]
                )
            assert conflict.value.seq == 1
        room.apply(Push("k", Replace(), raw, epoch="e", if_seq=1), [Value.from_json(raw)])
        assert kept(room) == [(2, "b")]


def test_an_entry_knows_who_wrote_it_and_when() -> None:
    room = Room(epoch="e")
    anna = Author("anna")
    for action in (Append(), Replace(), Compact(2)):
        applied = room.apply(Push("k", action), [Value.from_json(b"1")], author=anna, now=7.5)
        for entry in (*applied.broadcast, *applied.kept):
            assert (entry.author, entry.time) == (anna, 7.5)


actions = st.one_of(
    st.just(Relay()),
    st.builds(Append, st.none() | st.integers(1, 4)),
    st.just(Replace()),
    st.builds(Compact, st.integers(1, 30)),
    st.just(Delete()),
)


class Model:
    """The protocol's model written down plainly, to hold a room against."""

    def __init__(self) -> None:
        self.seq = 0
        self.stream: list[tuple[int, str]] = []

    def push(self, action: Action, value: str) -> None:
        if isinstance(action, Compact):
            if action.seq > self.seq:
                return
            rest = [entry for entry in self.stream if entry[0] > action.seq]
            if not self.stream or len(rest) < len(self.stream):
                self.stream = [(action.seq, value), *rest]
            return
        self.seq += 1
        if isinstance(action, Append):
            self.stream.append((self.seq, value))
            self.stream = self.stream[-(action.max_length or len(self.stream)) :]
        elif isinstance(action, Delete):
            self.stream = []
        elif isinstance(action, Replace):
            self.stream = [(self.seq, value)]


@given(st.lists(actions, max_size=40))
def test_any_pushes_leave_what_the_model_says(pushes: list[Action]) -> None:
    room, model = Room(epoch="e"), Model()
    for number, action in enumerate(pushes):
        before = kept(room)
        try:
            applied = push(room, action, str(number))
        except BadSequence:
            assert kept(room) == before
        else:
            assert applied.changed == (kept(room) != before)
            assert room.byte_count == sum(len(text) for _, text in kept(room))
            assert not applied.changed or applied.value_count == len(kept(room))
        model.push(action, str(number))
        assert (room.seq, kept(room)) == (model.seq, model.stream)
        assert [seq for seq, _ in kept(room)] == sorted({seq for seq, _ in kept(room)})


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 6), actions), max_size=40),
)
def test_resent_pushes_change_nothing(pushes: list[tuple[str, int, Action]]) -> None:
    room = Room(epoch="e")
    acknowledged: dict[tuple[str, int], int | None] = {}
    for client, push_id, action in pushes:
        before = (room.seq, kept(room))
        try:
            applied = push(room, action, push_id=push_id, client=client * 16)
        except BadSequence:
            continue
        if (client, push_id) in acknowledged:
            assert applied.seq == acknowledged[client, push_id]
            assert (room.seq, kept(room)) == before
        acknowledged[client, push_id] = applied.seq


def test_a_copy_goes_its_own_way_but_for_the_producers() -> None:
    room = Room(epoch="e")
    push(room, Append(), "a", push_id=1, client=CLIENT)
    copy = room.copy()
    assert (copy.seq, copy.byte_count, kept(copy), copy.epoch) == (1, 1, [(1, "a")], "e")
    push(copy, Append(), "b", push_id=2, client=CLIENT)
    assert kept(room) == [(1, "a")]
    assert (room.key_count, copy.key_count) == (1, 1)
    assert room.producers.get(CLIENT).knows(2)


def test_what_is_held_again_is_held_whatever_the_quota() -> None:
    source, room = Room(epoch="e"), Room(epoch="e", quota=Quota(stream_length=1))
    push(source, Append(), "a")
    push(source, Append(), "b")
    with pytest.raises(QuotaExceeded):
        room.restore("k", source.read("k"))
    room.hold("k", source.read("k"))
    assert (kept(room), room.byte_count) == ([(1, "a"), (2, "b")], 2)
