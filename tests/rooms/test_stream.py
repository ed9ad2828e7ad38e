"""A stream, however long: what a push, a page and a deletion look at."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from driftdb_jupyter.protocol.entry import Entry
from driftdb_jupyter.protocol.value import Value
from driftdb_jupyter.rooms import stream as stream_module
from driftdb_jupyter.rooms.memory_budget import MemoryBudget
from driftdb_jupyter.rooms.memory_cost import cost_of_entries
from driftdb_jupyter.rooms.room import Room
from driftdb_jupyter.rooms.stream import CHUNK_LENGTH, Stream

from .found import told

COUNT = 100_000


def entries(first: int, count: int) -> list[Entry]:
    return [Entry(seq, Value.from_json(b"1")) for seq in range(first, first + count)]


def seqs(found: Sequence[Entry]) -> list[int]:
    return [entry.seq for entry in found]


def long_stream() -> Stream:
    stream = Stream()
    stream.append(entries(1, COUNT))
    return stream


class Looked:
    """Counts the entries whose values somebody adds up."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        add_up = cost_of_entries

        def counted(some: Sequence[Entry]) -> int:
            self.count += len(some)
            return add_up(some)

        monkeypatch.setattr(stream_module, "cost_of_entries", counted)


def test_no_list_is_long() -> None:
    stream = long_stream()
    stream.drop(stream.front(CHUNK_LENGTH // 2))
    stream.put_front(Entry(CHUNK_LENGTH // 2, Value.from_json(b"1")))
    stream.append(entries(COUNT + 1, 3 * CHUNK_LENGTH))
    assert max(len(each) for each in stream.lend(0)) <= CHUNK_LENGTH


def test_a_push_to_a_full_stream_looks_at_the_value_that_it_drops_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stream, looked = long_stream(), Looked(monkeypatch)
    for seq in range(COUNT + 1, COUNT + 1001):
        assert stream.front(1).newest == seq - COUNT
        stream.drop(stream.front(1))
        stream.append(entries(seq, 1))
    assert stream.value_count == COUNT
    assert looked.count <= 1000


def test_dropping_most_of_a_stream_looks_at_one_chunk_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stream, looked = long_stream(), Looked(monkeypatch)
    assert stream.front(COUNT - 10).byte_count == COUNT - 10
    stream.drop(stream.front(COUNT - 10))
    assert looked.count <= 2 * CHUNK_LENGTH
    assert seqs(stream.above(0)) == list(range(COUNT - 9, COUNT + 1))
    assert stream.byte_count == 10


@pytest.mark.parametrize("above", [0, 1, CHUNK_LENGTH - 1, CHUNK_LENGTH, COUNT - 3, COUNT])
def test_a_page_is_what_follows(above: int) -> None:
    page = long_stream().above(above, limit=5)
    assert seqs(page) == list(range(above + 1, min(above + 6, COUNT + 1)))


def test_a_page_of_a_long_stream_with_relays_is_merged_without_the_rest() -> None:
    room = Room(epoch="e")
    room.recover("k", epoch=None, above=0)
    room.hold("k", entries(1, COUNT))
    window = room.window
    assert window is not None
    relays = [Entry(seq, Value.from_json(b"2")) for seq in range(COUNT + 1, COUNT + 4)]
    window._forgotten.update({"k": COUNT})  # so that the window alone is not enough
    window.add("k", relays, kept=False)
    room.seq = COUNT + 3
    found, recovered = told(room.recover("k", epoch="e", above=COUNT - 2, limit=4))
    assert (seqs(found), recovered) == (list(range(COUNT - 1, COUNT + 3)), True)


def test_what_a_deletion_removes_is_freed_in_pieces_where_it_is_much() -> None:
    memory, asked = MemoryBudget(), list[bool]()
    memory.discarding = lambda: asked.append(True)
    room = Room(epoch="e", memory=memory)
    room.hold("k", entries(1, COUNT))
    used_bytes = memory.used_bytes
    room.release()
    assert asked == [True]
    pieces = 1
    while memory.free_some():
        pieces += 1
        assert 0 < memory.used_bytes < used_bytes
    assert (pieces > 2, memory.used_bytes) == (True, 0)


def test_many_short_streams_of_a_room_are_freed_in_pieces() -> None:
    memory, asked = MemoryBudget(), list[bool]()
    memory.discarding = lambda: asked.append(True)
    room = Room(epoch="e", memory=memory)
    for number in range(COUNT // 10):
        room.hold(f"{number}", entries(1, 10))
    room.release()
    pieces = 1
    while memory.free_some():
        pieces += 1
    assert (asked, pieces > 2, memory.used_bytes) == ([True], True, 0)


def test_what_was_missed_of_a_long_stream_is_lent_and_not_copied() -> None:
    room = Room(epoch="e")
    room.recover("k", epoch=None, above=0)
    room.hold("k", entries(1, COUNT))
    assert room.window is not None
    room.window._forgotten.update({"k": COUNT})
    room.seq = COUNT
    own = {id(each) for each in room.stream("k").lend(0)}
    found = room.recover("k", epoch="e", above=1)
    assert found.recovered
    assert sum(id(each) not in own for each in found.lists) <= 2


@pytest.mark.parametrize("limit", [1, CHUNK_LENGTH, CHUNK_LENGTH + 1, COUNT, COUNT + 1])
def test_a_page_is_lent_and_not_copied(limit: int) -> None:
    stream = long_stream()
    own = {id(each) for each in stream.lend(0)}
    lists = stream.lend(0, limit=limit)
    assert seqs([entry for each in lists for entry in each]) == list(
        range(1, min(limit, COUNT) + 1)
    )
    assert all(lists)
    assert sum(id(each) not in own for each in lists) <= 2
