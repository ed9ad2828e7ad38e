"""A long answer is the message that it was when it was asked for, to the byte."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest

from driftdb_jupyter.protocol.cbor_codec import CBOR
from driftdb_jupyter.protocol.codec import Codec, KeyInfo
from driftdb_jupyter.protocol.entry import Author, Entry
from driftdb_jupyter.protocol.frame import frame
from driftdb_jupyter.protocol.json_codec import JSON
from driftdb_jupyter.protocol.value import Value
from driftdb_jupyter.rooms.stream import Stream
from driftdb_jupyter.server.sending.answer import Answer, fragments, one_frame
from driftdb_jupyter.server.sending.backlog import Backlog
from driftdb_jupyter.server.sending.snapshot import Listed, Snapshot, Snapshots

AUTHOR = Author("anna", Value.from_json(b'{"name":"Anna"}'))
VALUES = {
    "short": [Value.from_json(b"%d" % n) for n in range(5000)],
    "long": [Value.from_json(b'"' + b"x" * 100_000 + b'"') for _ in range(30)],
    "mixed": [Value.from_json(b'"' + b"x" * (n % 7 * 20_000) + b'"') for n in range(100)],
    "other encoding": [Value.from_cbor(b"\x59\x10\x00" + b"\x80" * 4096) for _ in range(50)],
    "one": [Value.from_json(b"1")],
    "none": [],
}


def entries(kind: str) -> list[Entry]:
    return [Entry(n * n + 1, value, n / 7, AUTHOR) for n, value in enumerate(VALUES[kind])]


@pytest.mark.parametrize("kind", VALUES)
@pytest.mark.parametrize("codec", [JSON, CBOR], ids=["json", "cbor"])
@pytest.mark.parametrize("fields", [{}, {"stamps": True, "epoch": "e", "seq": 9}])
def test_an_answer_in_pieces_is_the_message_that_it_is_as_a_whole(
    kind: str, codec: Codec, fields: dict[str, Any]
) -> None:
    backlog = Backlog()
    listed = entries(kind)
    listing = codec.init("k", len(listed), **fields)
    whole = frame(codec.opcode, listing.whole(listed))
    lists = [listed[start : start + 1024] for start in range(0, len(listed), 1024)]
    answer = Answer(codec.opcode, listing, Snapshot(lists, backlog))
    pieces = list(one_frame(answer))
    answer.close()
    assert b"".join(pieces) == whole
    assert max(map(len, pieces)) < 0x40000
    assert backlog.byte_count == 0


def test_an_answer_in_fragments_is_one_message() -> None:
    listed = entries("mixed")
    listing = JSON.init("k", len(listed))
    answer = Answer(JSON.opcode, listing, Snapshot([listed], Backlog()))
    opcodes, contents = [], []
    for piece in fragments(answer):
        head = 2 if piece[1] < 126 else 4 if piece[1] == 126 else 10
        opcodes.append(piece[0])
        contents.append(piece[head:])
    assert opcodes == [0x01, *[0x00] * (len(opcodes) - 2), 0x80]
    assert b"".join(contents) == listing.whole(listed)


def test_what_happens_to_the_stream_meanwhile_changes_nothing() -> None:
    stream = Stream()
    listed = entries("short")
    stream.append(listed)
    listing = JSON.init("k", len(listed))
    answer = Answer(JSON.opcode, listing, Snapshot(stream.lend(0), Backlog()))
    pieces = one_frame(answer)
    begun = [next(pieces) for _ in range(3)]
    stream.drop(stream.front(1500))
    stream.append(entries("one"))
    stream.drop(stream.front(stream.value_count - 1))
    stream.drop(stream.front(1))
    assert b"".join([*begun, *pieces]) == frame(JSON.opcode, listing.whole(listed))


def test_counting_gives_the_others_a_turn() -> None:
    listed = [Entry(n + 1, Value.from_json(b"1")) for n in range(50_000)]
    lists = [listed[start : start + 1024] for start in range(0, len(listed), 1024)]
    answer = Answer(JSON.opcode, JSON.init("k", len(listed)), Snapshot(lists, Backlog()))
    assert list(one_frame(answer)).count(b"") > 5


def test_presences_and_keys_are_listed_in_pieces_too() -> None:
    there = [(Author(f"c{n}"), Value.from_json(b'"' + b"x" * 5000 + b'"')) for n in range(50)]
    backlog = Backlog()
    listing = JSON.presence_state("k", "c1", len(there))
    answer = Answer(JSON.opcode, listing, Listed(there, backlog, lambda pair: pair[1].byte_count))
    assert backlog.byte_count > 250_000
    other = Answer(JSON.opcode, listing, Listed(there, backlog, lambda pair: pair[1].byte_count))
    assert backlog.byte_count < 500_000
    pieces = list(one_frame(answer))
    assert len(pieces) > 4
    assert b"".join(pieces) == frame(JSON.opcode, listing.whole(there))
    other.close()
    assert backlog.byte_count == 0
    keys = [("k" * 1000 + str(n), KeyInfo(1, 2, n)) for n in range(1000)]
    listing = CBOR.keys("k", len(keys))
    answer = Answer(CBOR.opcode, listing, Listed(keys, backlog, lambda key: 1000))
    assert b"".join(one_frame(answer)) == frame(CBOR.opcode, listing.whole(keys))


class TestSnapshot:
    """What a room lets go of is charged as long as an answer has yet to give it."""

    def test_what_was_removed_is_charged_once_until_it_was_given(self) -> None:
        backlog = Backlog()
        listed = entries("mixed")
        snapshots = Snapshots(backlog)
        one, other = (snapshots.open([listed]) for _ in range(2))
        references = backlog.byte_count
        assert references < 100_000
        for _ in range(2):
            snapshots.removed(listed[49].seq)
        half = backlog.byte_count
        size = sum(entry.value.byte_count for entry in listed[:50])
        assert size < half - references < size + 50 * 1000
        snapshots.removed(listed[-1].seq)
        assert backlog.byte_count > 1.8 * half
        charged = [backlog.byte_count]
        while one.next() is not None:
            assert other.next() is not None
            charged.append(backlog.byte_count)
        assert all(before > after for before, after in pairwise(charged))
        one.close()
        other.close()
        assert backlog.byte_count == 0

    def test_many_snapshots_of_a_long_stream_cost_a_removal_no_more_than_one(self) -> None:
        stream = Stream()
        stream.append([Entry(n + 1, Value.from_json(b"1")) for n in range(50_000)])
        looked = 0

        class Counted(Snapshots):
            def _charge_part(self, part: Sequence[Entry]) -> None:
                nonlocal looked
                looked += len(part)
                super()._charge_part(part)

        async def remove_all() -> int:
            snapshots = Counted(backlog := Backlog())
            opened = [snapshots.open(stream.lend(0)) for _ in range(200)]
            snapshots.removed(1)
            snapshots.removed(stream.newest)
            assert 0 < looked < 20_000
            while looked < 50_000:
                await asyncio.sleep(0)
            charged = backlog.byte_count
            for snapshot in opened:
                snapshot.close()
            assert backlog.byte_count == 0
            return charged

        charged = asyncio.run(remove_all())
        assert looked <= 50_000 + 2 * 1024
        assert 50_000 * 256 < charged < 2 * 50_000 * 256

    def test_what_was_missed_is_charged_from_the_beginning(self) -> None:
        backlog = Backlog()
        missed = entries("long")
        snapshot = Snapshots(backlog).open([missed], missed)
        other = Snapshots(backlog).open([missed], missed)
        assert 3_000_000 < backlog.byte_count < 3_500_000
        while snapshot.next() is not None:
            pass
        other.close()
        snapshot.close()
        assert backlog.byte_count == 0


@pytest.mark.parametrize("in_one_frame", [True, False])
def test_while_a_long_value_is_converted_the_others_have_a_turn(in_one_frame: bool) -> None:
    kept = Value.from_cbor(b"\x5a\x00\x02\x00\x00" + bytes(0x20000))
    listing = JSON.init("k", 1)
    answer = Answer(JSON.opcode, listing, Snapshot([[Entry(1, kept)]], Backlog()))
    made = one_frame(answer) if in_one_frame else fragments(answer)
    pieces = []
    for piece in made:
        pieces.append(bool(piece))
        if piece and b"0,0" in piece:
            break
    assert pieces[-1]
    assert not all(pieces)
