"""Rooms to JSON Lines and back."""

from __future__ import annotations

import json

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from driftdb_jupyter.protocol.entry import Author
from driftdb_jupyter.protocol.errors import BadMessage
from driftdb_jupyter.protocol.limits import Limits
from driftdb_jupyter.protocol.messages import Append, Push
from driftdb_jupyter.protocol.value import Value
from driftdb_jupyter.rooms.dump import dump, load
from driftdb_jupyter.rooms.room import Room

from ..protocol.values import cbor_values, json_values

ANN = Author("ann", Value.from_json(b'{"name":"Ann"}'))


def filled(*pushes: tuple[str, Value], author: Author | None = None) -> Room:
    room = Room(epoch="before")
    for key, value in pushes:
        room.apply(Push(key, Append(), Raw(b"-")), [value], author=author, now=1.5)
    return room


def loaded(*lines: bytes) -> Room:
    room = Room(epoch="after")
    load(room, lines, limits=Limits())
    return room


HEAD = b'{"driftdb":1,"room":"r","seq":9}'

values = json_values().map(
    lambda value: Value.from_json(json.dumps(value).encode())
) | cbor_values().map(lambda value: Value.from_cbor(cbor2.dumps(value)))


@given(st.lists(st.tuples(st.sampled_from("ab"), values), max_size=8))
def test_a_room_comes_back_as_it_was(pushes: list[tuple[str, Value]]) -> None:
    room = filled(*pushes, author=ANN)
    lines = list(dump("r", room))
    again = loaded(*lines)
    assert list(dump("r", again)) == lines
    assert (again.seq, again.epoch, sorted(again.keys)) == (room.seq, "after", sorted(room.keys))
    for key in room.keys:
        for one, other in zip(room.read(key), again.read(key), strict=True):
            assert (one.seq, one.time, one.value.as_cbor()) == (
                other.seq,
                other.time,
                other.value.as_cbor(),
            )
            assert other.author is not None
            assert other.author.client == "ann"


def test_a_line_tells_all_that_is_known() -> None:
    head, line = dump("größe", filled(("k", Value.from_json(b'{"a": 1.0}')), author=ANN))
    assert head == '{"driftdb":1,"room":"größe","seq":1}\n'.encode()
    user = {"client": "ann", "user": {"name": "Ann"}}
    assert json.loads(line) == {"key": "k", "seq": 1, "value": {"a": 1.0}, "time": 1500, **user}
    assert b'"value":{"a": 1.0}' in line


def test_a_dump_shows_one_moment() -> None:
    room = filled(("a", Value.from_json(b"1")), ("b", Value.from_json(b"2")))
    lines = dump("r", room)
    next(lines)
    room.apply(Push("b", Append(), Raw(b"-")), [Value.from_json(b"3")])
    assert len(list(lines)) == 2


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], "line 1: expected the first line of an exported room"),
        ([b'{"driftdb":2,"room":"r","seq":1}'], "line 1: expected version 1 of the form, got 2"),
        ([HEAD, b'{"key":"k","seq":1}'], "line 2: expected a value, got none"),
        ([HEAD, b'{"key":"k","seq":10,"value":1}'], "line 2: expected ascending seqs up to 9"),
        ([HEAD, b'{"key":"k","seq":2,"value":1}', b'{"key":"k","seq":2,"value":1}'], "line 3: "),
        ([HEAD, b'{"key":"k","seq":1,"cbor":"//"}'], "line 2: "),
        ([HEAD, b'{"key":"k","seq":1,"value":NaN}'], "line 2: "),
        ([HEAD, b'{"key":"k","seq":1,"value":"\\ud800"'], "line 2: "),
    ],
)
def test_a_line_that_is_none_is_named(lines: list[bytes], said: str) -> None:
    with pytest.raises(BadMessage, match=said):
        loaded(*lines)
