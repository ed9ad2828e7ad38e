"""Rooms to JSON Lines and back."""

from __future__ import annotations

import asyncio
import base64
import json
import tempfile
from collections.abc import Iterator

import cbor2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Raw

from driftdb_jupyter.access.room_access import POLICY
from driftdb_jupyter.broker.journaled.broker import JournalBroker
from driftdb_jupyter.protocol.entry import Author
from driftdb_jupyter.protocol.errors import BadMessage, TooLarge
from driftdb_jupyter.protocol.limits import Limits
from driftdb_jupyter.protocol.messages import Append, Compact, Push
from driftdb_jupyter.protocol.value import Value
from driftdb_jupyter.rooms.dump import dump, load
from driftdb_jupyter.rooms.room import Room

from ..broker.brokers import Record
from ..protocol.values import cbor_values, json_values

ANN = Author("ann", Value.from_json(b'{"name":"Ann"}'))


def filled(*pushes: tuple[str, Value], author: Author | None = None, now: float = 1.5) -> Room:
    room = Room(epoch="before")
    for key, value in pushes:
        room.apply(Push(key, Append(), Raw(b"-")), [value], author=author, now=now)
    return room


def dumped(room: Room, *, limits: Limits | None = None) -> list[bytes]:
    return list(dump("r", room, limits=limits or Limits()))


def loaded(*lines: bytes, limits: Limits | None = None) -> Room:
    room = Room(epoch="after")
    text = b"\n".join(line.rstrip(b"\n") for line in lines)
    load(room, [text], limits=limits or Limits())
    return room


HEAD = b'{"driftdb":1,"room":"r","seq":9}'

values = json_values().map(
    lambda value: Value.from_json(json.dumps(value).encode())
) | cbor_values().map(lambda value: Value.from_cbor(cbor2.dumps(value)))


@given(st.lists(st.tuples(st.sampled_from("ab"), values), max_size=8))
def test_a_room_comes_back_as_it_was(pushes: list[tuple[str, Value]]) -> None:
    room = filled(*pushes, author=ANN)
    lines = dumped(room)
    again = loaded(*lines)
    assert dumped(again) == lines
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
    head, line = dump(
        "größe", filled(("k", Value.from_json(b'{"a": 1.0}')), author=ANN), limits=Limits()
    )
    assert head == '{"driftdb":1,"room":"größe","seq":1,"lines":1}\n'.encode()
    user = {"client": "ann", "user": {"name": "Ann"}}
    assert json.loads(line) == {"key": "k", "seq": 1, "value": {"a": 1.0}, "time": 1500, **user}
    assert b'"value":{"a": 1.0}' in line


@pytest.mark.parametrize("left", [1, 2, 3])
def test_a_dump_that_was_cut_is_refused(left: int) -> None:
    room = filled(("a", Value.from_json(b"1")), ("b", Value.from_json(b"2")))
    room.change_access({POLICY: b'{"anyone":"read"}'})
    lines = dumped(room)
    with pytest.raises(BadMessage, match=rf"expected 3 lines behind the first, got {left - 1}: "):
        loaded(*lines[:left])
    assert loaded(*lines).seq == room.seq


def test_a_dump_that_says_no_number_of_lines_is_loaded() -> None:
    assert loaded(HEAD, b'{"key":"k","seq":1,"value":1}').key_count == 1


def test_a_dump_shows_one_moment() -> None:
    room = filled(("a", Value.from_json(b"1")), ("b", Value.from_json(b"2")))
    lines = dump("r", room, limits=Limits())
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
        ([b'{"driftdb":1,"room":"r","seq":9007199254740992}'], "line 1: "),
        ([HEAD, b'{"key":"k","seq":9223372036854775808,"value":1}'], "line 2: "),
        ([HEAD, b'{"key":"k","seq":0,"value":1}'], "line 2: "),
        ([HEAD, b'{"key":"k","seq":1,"value":1,"time":-1}'], "line 2: "),
        ([HEAD, b'{"key":"k","seq":1,"value":1,"time":1e400}'], "line 2: "),
        ([HEAD, b'{"key":"k","seq":1,"value":1,"time":99999999999999999}'], "line 2: "),
        ([HEAD, b'{"key":"k","seq":1,"value":1,"client":"a,b"}'], "line 2: "),
        ([HEAD, b'{"key":"k","seq":1,"value":1,"client":""}'], "line 2: "),
        ([HEAD, b'{"key":"k","seq":1,"value":1,"client":"a\\n"}'], "line 2: "),
        ([HEAD, b'{"key":"k","seq":1,"value":1,"client":"a","user":1}'], "line 2: expected an obj"),
        ([HEAD, b'{"key":"k","seq":1,"value":1,"client":"a","user":{"\xff":1}}'], "line 2: "),
        ([HEAD, b'{"key":"k","seq":1,"value":"\xff"}'], "line 2: "),
        (
            [HEAD, b'{"key":"k","seq":1,"value":' + b"[" * 129 + b"]" * 129 + b"}"],
            "line 2: .* deep",
        ),
        ([HEAD, b'{"key":"k","seq":1,"value":' + b"[" * 99999 + b"]" * 99999 + b"}"], "line 2: "),
        ([HEAD, b'{"key":"k","seq":1,"cbor":"' + b"gYGB" * 50 + b'AA=="}'], "line 2: .* deep"),
        (
            [HEAD, b'{"key":"k","seq":2,"value":1}', b'{"key":"l","seq":2,"value":1}'],
            "line 3: expected a seq that no other key has, got 2",
        ),
    ],
)
def test_a_line_that_is_none_is_named(lines: list[bytes], said: str) -> None:
    with pytest.raises(BadMessage, match=said):
        loaded(*lines)


def test_a_room_comes_back_in_which_a_compact_took_the_number_of_another_key() -> None:
    one = Value.from_json(b"1")
    room = filled(("a", one), ("b", one), ("b", one), ("c", one))
    for key, seq in (("d", 3), ("a", 2), ("c", 4)):
        room.apply(Push(key, Compact(seq), Raw(b"-")), [one])
    lines = dumped(room)
    assert [
        (line["key"], line["seq"], "shared" in line) for line in map(json.loads, lines[1:])
    ] == [
        ("a", 2, False),
        ("b", 2, True),
        ("b", 3, False),
        ("c", 4, False),
        ("d", 3, True),
    ]
    assert dumped(loaded(*lines)) == lines


lines_of_anything = st.builds(
    lambda **fields: json.dumps({k: v for k, v in fields.items() if v is not None}).encode(),
    key=st.text(max_size=3),
    seq=st.integers(-1, 12) | st.sampled_from([2**53 - 1, 2**53, 2**63]),
    value=json_values(),
    cbor=st.none() | st.binary(max_size=4).map(lambda item: base64.b64encode(item).decode()),
    time=st.none() | st.integers() | st.floats() | st.integers(0, 2**48),
    client=st.none() | st.text(max_size=3) | st.sampled_from(["ann", "a" * 24]),
    user=st.none() | json_values(),
    shared=st.none() | st.booleans(),
)


@settings(suppress_health_check=list(HealthCheck))
@given(st.lists(lines_of_anything, max_size=4), st.sampled_from([9, 12, 2**53 - 1]))
def test_whatever_can_be_read_can_be_kept_and_is_the_same_again(
    lines: list[bytes], seq: int
) -> None:
    try:
        room = loaded(json.dumps({"driftdb": 1, "room": "r", "seq": seq}).encode(), *lines)
    except BadMessage:
        return
    assert_kept(room)


@given(
    st.lists(st.tuples(st.sampled_from("ab"), values), max_size=8),
    st.floats(0, 4e9) | st.integers(0, 2**41).map(lambda time: time / 1000),
)
def test_whatever_is_written_can_be_kept_and_is_the_same_again(
    pushes: list[tuple[str, Value]], now: float
) -> None:
    room = filled(*pushes, author=ANN, now=now)
    assert_kept(loaded(*dumped(room)))


ITEM = b"\x78\x64" + b"x" * 100


@pytest.mark.parametrize(
    "field", [f'"value":"{"x" * 100}"', f'"cbor":"{base64.b64encode(ITEM).decode()}"']
)
def test_a_value_that_no_message_could_bring_is_refused(field: str) -> None:
    head, line = b'{"driftdb":1,"room":"r","seq":1}', f'{{"key":"k","seq":1,{field}}}'.encode()
    loaded(head, line, limits=Limits(message_bytes=102))
    with pytest.raises(TooLarge, match="line 2: expected a message of at most 101 bytes, got 102"):
        loaded(head, line, limits=Limits(message_bytes=101))


def test_a_line_that_has_no_end_is_read_no_further_than_a_line_may_be_long() -> None:
    limits = Limits(message_bytes=100_000, key_bytes=10)
    read = 0

    def pieces() -> Iterator[bytes]:
        nonlocal read
        yield HEAD + b'\n{"key":"k","seq":1,"value":1}\n{"key":"k","seq":2,"value":"'
        while True:
            read += 1000
            yield b"x" * 1000

    most = 2 * 100_000 + 6 * 10 + 64 * 1024
    with pytest.raises(TooLarge, match=f"^line 3: expected at most {most} bytes, got more$"):
        load(Room(epoch="e"), pieces(), limits=limits)
    assert read < most + 1000


@pytest.mark.parametrize("length", [64 * 1024 + 1, 10**7])
def test_a_first_line_that_is_too_long_is_said_to_be(length: int) -> None:
    with pytest.raises(TooLarge, match=r"^line 1: expected at most \d+ bytes, got more$"):
        loaded(HEAD[:-1] + b" " * length + b"}")


@pytest.mark.parametrize("size", [1, 7, 30, 10**6])
def test_lines_may_come_in_pieces_of_any_length(size: int) -> None:
    room = filled(*[("k", Value.from_json(b'"%d"' % number)) for number in range(50)])
    text = b"".join(dumped(room))
    again = Room(epoch="after")
    pieces = (text[start : start + size] for start in range(0, len(text), size))
    load(again, pieces, limits=Limits())
    assert b"".join(dumped(again)) == text


@pytest.mark.parametrize("text", ["\0" * 990, "€" * 300, "a" * 990, '"' * 990])
def test_whatever_a_room_may_hold_comes_back(text: str) -> None:
    limits = Limits(message_bytes=1000, key_bytes=60)
    item = cbor2.dumps(text)
    room = filled(("\1" * 60, Value.from_cbor(item)), author=ANN)
    again = loaded(*dumped(room, limits=limits), limits=limits)
    assert cbor2.loads(again.read("\1" * 60)[0].value.as_cbor()) == text


def assert_kept(room: Room) -> None:
    """A journal takes the room, gives it back, and its lines are those of before."""
    before = dumped(room)
    assert dumped(loaded(*before)) == before

    async def keep(path: str) -> list[bytes]:
        broker = JournalBroker(path)
        await broker.restore("r", room)
        await broker.close()
        broker = JournalBroker(path)
        sequencer = await broker.open("r", Record())
        assert sequencer is not None
        lines = dumped(sequencer.room)
        await broker.close()
        return lines

    with tempfile.TemporaryDirectory() as folder:
        assert asyncio.run(keep(f"{folder}/rooms.db")) == before


def test_who_may_do_what_comes_back() -> None:
    room = filled(("k", Value.from_json(b"1")))
    room.change_access({POLICY: b'{"anyone":["read"]}', ("link", "\n"): b'{"name":"a"}'})
    lines = dumped(room)
    assert lines[1].startswith(b'{"access":"policy","name":"","record":{"anyone":["read"]}}')
    again = Room(epoch="e")
    assert load(again, [b"".join(lines)], limits=Limits(), owners=True) == 0
    assert again.access.policy == room.access.policy
    assert again.access.items() == room.access.items()


def test_of_a_file_only_the_policy_is_taken_unless_its_owners_are_asked_for() -> None:
    room = filled(("k", Value.from_json(b"1")))
    room.change_access({POLICY: b'{"anyone":["read"]}', ("owner", "a"): b"{}", ("link", "a"): b"1"})
    again = Room(epoch="e")
    assert load(again, dumped(room), limits=Limits()) == 2
    assert list(again.access) == [POLICY]
    assert again.keys == ["k"]


def test_tokens_that_were_taken_back_stay_so() -> None:
    room = filled(("k", Value.from_json(b"1")))
    good = {("revoked", "7"): b'{"at":200.5,"until":null}', ("revoked", ""): b'{"at":200}'}
    bad = {("revoked", "8"): b'{"at":"now"}', ("revoked", "9"): b"1"}
    room.change_access({**good, **bad})
    again = Room(epoch="e")
    assert load(again, dumped(room), limits=Limits()) == len(bad)
    assert again.access.items() == good


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b'{"access":"policy","name":"","record":{"anyone":"look"}}', "line 2: expected anyone"),
        (b'{"access":"policy","name":""}', "line 2: "),
        (b'{"access":1,"name":"","record":1}', "line 2: "),
        (b'{"access":"","name":"a","record":1}', "line 2: "),
    ],
)
def test_a_record_that_is_none_is_named(line: bytes, said: str) -> None:
    with pytest.raises(BadMessage, match=said):
        loaded(b'{"driftdb":1,"room":"r","seq":0}', line)
