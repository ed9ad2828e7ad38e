from __future__ import annotations

import pytest
from msgspec import Raw

from driftdb_jupyter.broker.redis.record import Bounds
from driftdb_jupyter.broker.redis.snapshot import (
    PIECE_BYTES,
    Head,
    SnapshotReader,
    SnapshotTorn,
    write_snapshot,
)
from driftdb_jupyter.protocol.entry import Author
from driftdb_jupyter.protocol.messages import Append, Delete, Push, Relay
from driftdb_jupyter.protocol.value import Value
from driftdb_jupyter.rooms.quota import Quota
from driftdb_jupyter.rooms.room import Room

from ..brokers import kept

BOUNDS = Bounds.of(Quota(keys=7), 5)


def room() -> Room:
    made = Room(epoch="e")
    made.remember()
    author = Author("a", Value.from_json(b'{"name":"A"}'))
    for number in range(1, 3000):
        action = Relay() if number % 7 == 0 else Append(2000)
        value = Value.from_json(b'"%s"' % (b"x" * (number % 900)))
        if number % 5 == 0:
            value = Value.from_cbor(value.as_cbor())
        push = Push(f"k{number % 3}", action, Raw(b"-"), id=number)
        made.apply(push, [value], client="c", author=author, now=float(number))
    made.apply(Push("k1", Delete()), [], now=3000.0)
    return made


def head(of: Room, number: int = 9) -> Head:
    return Head(number, 77, of.epoch, of.seq, of.newest_relay, BOUNDS)


def test_a_room_is_the_same_when_it_is_read_again() -> None:
    before = room()
    pieces = list(write_snapshot(before, head(before), {"c": 5}))
    assert len(pieces) > 1
    assert all(len(piece) <= PIECE_BYTES + 8 for piece in pieces)
    reader = SnapshotReader(Room(epoch=""))
    for piece in pieces:
        assert not reader.is_whole
        reader.feed(piece)
    after = reader.room
    assert reader.is_whole
    assert reader.head == head(before)
    assert reader.seen == {"c": 5}
    assert kept(after) == kept(before)
    assert (after.seq, after.epoch, after.newest_relay) == (before.seq, "e", before.newest_relay)
    assert (after.byte_count, after.quota.keys) == (before.byte_count, 7)
    for key in ("k0", "k1", "k2", "other"):
        for above in (0, 1000, 2500, 2990, 3000):
            one, other = (each.recover(key, epoch="e", above=above) for each in (before, after))
            assert one.recovered == other.recovered
            assert [e.seq for list_ in one.lists for e in list_] == [
                e.seq for list_ in other.lists for e in list_
            ]
    producers = [each.producers.find("c") for each in (before, after)]
    assert [each.runs() for each in producers if each is not None] == [
        producers[0].runs() if producers[0] else []
    ] * 2


def test_a_room_may_change_while_it_is_written() -> None:
    changing, unchanged = room(), room()
    pieces = write_snapshot(changing, head(changing), {})
    reader = SnapshotReader(Room(epoch=""))
    reader.feed(next(pieces))
    for key in ("k0", "k1", "k2"):
        changing.apply(Push(key, Delete()), [])
        changing.apply(Push(key, Append(), Raw(b"-")), [Value.from_json(b"1")])
    for piece in pieces:
        reader.feed(piece)
    assert kept(reader.room) == kept(unchanged)


def test_pieces_of_two_snapshots_make_none() -> None:
    of = room()
    one, other = (list(write_snapshot(of, head(of, number), {})) for number in (9, 10))
    reader = SnapshotReader(Room(epoch=""))
    reader.feed(one[0])
    with pytest.raises(SnapshotTorn):
        reader.feed(other[1])
