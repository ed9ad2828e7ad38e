"""CBOR items: what is refused, where one ends and what it means, held to a plain walk over them."""

from __future__ import annotations

import gc
import json
import struct
import sys
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftdb_jupyter.protocol import cbor, cbor_heads
from driftdb_jupyter.protocol.errors import BadMessage, Refusal, TooLarge
from driftdb_jupyter.protocol.limits import Limits
from driftdb_jupyter.protocol.steps import at_once

from . import scanner
from .values import cbor_values, wire_items

LIMITS = Limits()


def outcome(function: Callable[[], Any]) -> Any:
    """What a call returns; ``None`` where it refuses."""
    try:
        return function()
    except Refusal:
        return None


def both_agree(data: bytes, nesting: int) -> None:
    """Hold the native reading to the walk: taken or refused, the end, and the JSON meaning."""
    limits = Limits(nesting=nesting)
    end = outcome(lambda: scanner.scan(data, 0, nesting))
    if end is None:
        with pytest.raises(BadMessage):
            cbor.check(data, limits)
        return
    item = data[:end]
    cbor.check(item, limits)
    assert repr(cbor.decode(item)) == repr(scanner.decode(item))
    assert repr(read_json(item)) == repr(scanner.decode(item))
    if end < len(data):
        with pytest.raises(BadMessage):
            cbor.check(data, limits)
    fields = b"\xa2\x61a\x01\x61v" + item
    assert at_once(cbor.read_map(fields, limits, raw="v", raw_items=""))[1] == (6, 6 + end)


def read_json(item: bytes) -> Any:
    """The JSON of an item, read."""
    return json.loads(cbor.to_json(item))


@given(wire_items(), st.integers(1, 5))
def test_any_item_is_read_as_by_a_walk(item: bytes, nesting: int) -> None:
    both_agree(item, nesting)


@given(wire_items(), st.data(), st.integers(1, 5))
def test_mutated_items_are_read_as_by_a_walk(
    item: bytes, data: st.DataObject, nesting: int
) -> None:
    changed = bytearray(item)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(changed)))
        changed[place : place + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
    both_agree(bytes(changed), nesting)


@given(wire_items())
def test_items_cut_anywhere_are_read_as_by_a_walk(item: bytes) -> None:
    for end in range(len(item)):
        both_agree(item[:end], 5)


@given(st.binary(max_size=24), st.integers(1, 4))
def test_rubbish_is_read_as_by_a_walk(data: bytes, nesting: int) -> None:
    both_agree(data, nesting)


@pytest.mark.parametrize("first", range(256))
def test_every_initial_byte_is_read_as_by_a_walk(first: int) -> None:
    for length in range(12):
        for fill in (b"\x00", b"\x01", b"\x61", b"\x80", b"\xff", b"\x7c", b"\xf6"):
            for around in (b"", b"\x81", b"\xa1\x60", b"\xc2", b"\x9f", b"\xa1"):
                both_agree(around + bytes((first,)) + fill * length, 3)


@pytest.mark.parametrize(
    "length", [0, 1, 7, 8, 22, 23, 24, 63, 64, 255, 256, 300, 65535, 65536, 70000]
)
def test_strings_of_any_length_are_read_as_by_a_walk(length: int) -> None:
    for major in (scanner.TEXT, scanner.BYTES):
        for width, layout in enumerate((">B", ">H", ">I", ">Q")):
            if length < 1 << (8 << width):
                item = (
                    bytes((major << 5 | 24 + width,)) + struct.pack(layout, length) + b"a" * length
                )
                both_agree(item, 3)
                both_agree(item[:-1], 3)
                both_agree(b"\x82" + item + b"\x01", 3)


@given(
    st.lists(st.binary(max_size=300), max_size=5),
    st.sampled_from([b"", b"\xfb\x7f\xf0", b"\xf9\x7e"]),
)
def test_what_stands_in_strings_is_not_read(strings: list[bytes], within: bytes) -> None:
    both_agree(cbor2.dumps([string + within for string in strings]), 3)


@given(cbor_values())
def test_decode_gives_what_cbor2_gives(value: Any) -> None:
    assert cbor.decode(cbor2.dumps(value)) == scanner.decode(cbor2.dumps(value))


@pytest.mark.parametrize(
    ("item", "text"),
    [
        (b"\xa1\x01\x02", "expected a string as map key"),
        (b"\xa1\x41a\x02", "expected a string as map key"),
        (b"\xa1\xc1\x61a\x02", "expected a string as map key"),
        (b"\xa1\x80\x02", "expected a string as map key"),
        (b"\x62\xc3\x28", "expected text in UTF-8"),
        (b"\x63\xed\xa0\x80", "expected text in UTF-8"),
        (b"\xa1\x61\xff\x01", "expected text in UTF-8"),
        (b"\xf9\x7e\x00", "expected a finite number, got NaN or an infinity"),
        (b"\xfa\xff\x80\x00\x00", "expected a finite number, got NaN or an infinity"),
        (b"\xfb\x7f\xf0" + bytes(6), "expected a finite number, got NaN or an infinity"),
        (b"\xf0", "expected a value with a JSON meaning"),
        (b"\xf8\xff", "expected a value with a JSON meaning"),
        (b"\xff", "expected a well-formed CBOR item"),
        (b"\x82\x01\xff", "expected a well-formed CBOR item"),
        (b"\xbf\x61a\xff", "expected a well-formed CBOR item"),
        (b"\x1c", "reserved initial byte 0x1c"),
        (b"\x1f", "reserved initial byte 0x1f"),
        (b"\x7f\x41a\xff", "expected a well-formed CBOR item"),
        (b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff", "cut off"),
        (b"\x5b\xff\xff\xff\xff\xff\xff\xff\xff", "cut off"),
        (b"", "cut off"),
        (b"\x01\x02", "expected one CBOR item, got 1 bytes after it"),
        (b"\x82" * 200, "nested at most 128 deep"),
    ],
)
def test_what_a_room_cannot_hold_is_refused(item: bytes, text: str) -> None:
    with pytest.raises(BadMessage, match=text):
        cbor.check(item, LIMITS)


@pytest.mark.parametrize("around", [b"\x81", b"\x9f", b"\xc1", b"\xa1\x60", b"\xbf\x60"])
@pytest.mark.parametrize("inner", [b"\x00", b"\x80", b"\xa0", b"\x9f\xff", b"\xc2\x41\x01"])
def test_nesting_is_counted_exactly(around: bytes, inner: bytes) -> None:
    end = b"\xff" if around[0] in (0x9F, 0xBF) else b""
    if around == b"\xa1\x60":  # of repeated names the last, but each of them is nested
        both_agree(around * 127 + b"\xa2\x60\x80\x60\x00", 128)
        both_agree(around * 127 + b"\xa2\x60\x98\x00\x60\x00", 129)
    for depth in (126, 127, 128, 129):
        both_agree(around * depth + inner + end * depth, 128)


def test_in_a_long_message_what_is_empty_may_be_one_level_deeper() -> None:
    long = b"\x82\x5a\x00\x01\x00\x00" + bytes(0x10000)
    for inner in (b"\x80", b"\x81\x00"):
        cbor.check(long + b"\x81" * 126 + inner, LIMITS)
    cbor.check(long + b"\x81" * 127 + b"\x80", LIMITS)
    for inner in (b"\x81\x00", b"\x81\x80"):
        with pytest.raises(BadMessage, match="nested at most 128 deep"):
            cbor.check(long + b"\x81" * 127 + inner, LIMITS)


@pytest.mark.parametrize(
    "tagged",
    [
        b"\xc0\x63abc",  # no date
        b"\xc1\x61x",
        b"\xc4\x82\x1b" + b"\x7f" * 8 + b"\x01",  # a decimal of very many digits
        b"\xc5\x82\x1a\x7f\xff\xff\xff\x01",
        b"\xd8\x19\x00",  # a reference to a string
        b"\xd8\x1c\x81\xd8\x1d\x00",  # an array in itself
        b"\xd8\x1e\x82\x01\x00",
        b"\xd8\x23\x62((",  # no regular expression
        b"\xd8\x25\x41a",
        b"\xd9\x01\x00\x82\x63aaa\xd8\x19\x00",
        b"\xd9\x01\x02\x82\x80\x80",  # a set of lists
        b"\xd9\x01\x04\x41a",
        b"\xd9\xd9\xf7\x01",
        b"\xdb" + b"\xff" * 8 + b"\x01",
        b"\xc2\xc2\x41\x05",
        b"\xc2\xd8\x40\x41\x05",
    ],
)
def test_a_tag_is_never_more_than_its_content(tagged: bytes) -> None:
    both_agree(tagged, 5)
    both_agree(b"\xa1\x60\x82" + tagged * 2, 7)


@pytest.mark.parametrize(
    ("item", "meaning"),
    [
        (cbor2.dumps(cbor2.CBORTag(64, b"\x01\xff")), [1, 255]),
        (cbor2.dumps(cbor2.CBORTag(0, "2026-11-23T00:00:00Z")), "2026-11-23T00:00:00Z"),
        (cbor2.dumps(2**64), 2**64),
        (cbor2.dumps(-(2**64) - 1), -(2**64) - 1),
        (b"\xc2\x01", 1),
        (b"\xf7", None),
        (b"\xa2\x61a\x01\x61a\x02", {"a": 2}),
        (b"\xc2\x59\x08\x00" + b"\xff" * 0x800, 1.7976931348623157e308),
        (b"\x82\x41\x01\xa1\x60\x82\xf7\x42\x01\x02", [[1], {"": [None, [1, 2]]}]),
    ],
    ids=["typed", "date", "bignum", "negative", "no bignum", "undefined", "names", "huge", "deep"],
)
def test_what_json_lacks_gets_a_json_meaning(item: bytes, meaning: Any) -> None:
    cbor.check(item, LIMITS)
    assert cbor.decode(item) == meaning
    both_agree(item, 128)


@given(st.integers(0, 2**64 - 1))
def test_heads_are_those_of_cbor2(number: int) -> None:
    assert cbor.head(cbor.UNSIGNED, number) == cbor2.dumps(number)


@given(wire_items())
def test_items_are_counted_exactly(item: bytes) -> None:
    end = outcome(lambda: scanner.scan(item, 0, 128))
    if end is not None:
        is_bounded(item[:end], "items", scanner.count_items(item[:end]))


@given(cbor_values(), st.lists(st.sampled_from([2, 64, 2**40]), max_size=3))
def test_containers_are_counted_exactly(value: Any, tags: list[int]) -> None:
    item = b"".join(map(partial(cbor.head, 6), tags)) + cbor2.dumps([value, 1])
    is_bounded(item, "containers", scanner.count_containers(item))


def is_bounded(item: bytes, bound: str, count: int) -> None:
    """Whether an item is taken with that very limit, and not with one less."""
    cbor.check(item, Limits(**{bound: count}))
    with pytest.raises(TooLarge, match=f"at most {count - 1} "):
        cbor.check(item, Limits(**{bound: count - 1}))


def calls(function: Callable[[], object]) -> int:
    """How many functions of ours a call takes."""
    count = 0

    def profile(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        count += event == "call" and "driftdb_jupyter" in frame.f_code.co_filename

    sys.setprofile(profile)
    try:
        outcome(function)
    finally:
        sys.setprofile(None)
    return count


MEMBERS = [
    *(b"\x01", b"\x61a", b"\x79\x00\x01a", b"\x41a", b"\x80", b"\x81\xfb" + bytes(8), b"\xf7"),
    *(b"\x9f\xff", b"\x7f\x61a\xff", b"\xf9\x3c\x00"),
]
REFUSED = [b"\xf9\x7e\x00", b"\xf0", b"\x62\xff\xff", b"\xff", b"\xa1\x41a\x00", b"\x82\x81"]


@pytest.mark.parametrize("member", MEMBERS + REFUSED)
def test_no_item_costs_a_step_of_python(member: bytes) -> None:
    few, many = (b"\x99" + struct.pack(">H", n) + member * n for n in (512, 5120))
    functions: list[Callable[[bytes], Any]] = [partial(cbor.check, limits=LIMITS)]
    if member in MEMBERS and member[0] >> 5 not in (cbor_heads.BYTES, cbor.ARRAY):
        functions += [cbor.decode, cbor.to_json]  # which looks at containers one by one
    for function in functions:
        # A few for each block of items; nothing for each item.
        assert calls(partial(function, many)) <= calls(partial(function, few)) + 5


@pytest.mark.parametrize(
    "item",
    [b"\x82\xc1\x01\xa1\x60\x80", b"\x82\xc1\x01", b"\xc1\xa1\x41a\x00", b"\x81" * 128 + b"\x01"],
)
def test_nothing_holds_a_message_that_was_read(item: bytes) -> None:
    # cbor2's decoder is never collected where it is part of a cycle.
    item = bytes(bytearray(item))
    gc.disable()
    try:
        before = sys.getrefcount(item)
        outcome(lambda: cbor.check(item, LIMITS))
        assert sys.getrefcount(item) == before
    finally:
        gc.enable()


@pytest.mark.parametrize("bignum", [b"\xc2", b"\xc3"])
def test_bytes_under_another_tag_are_no_bignums(bignum: bytes) -> None:
    tagged = bignum + b"\xd8\x40\x41a"
    assert cbor.decode(tagged) == [97]
    assert cbor.to_json(b"\x82" + tagged + b"\xd8\x40\x58\x14" + b"a" * 20) == (
        b"[[97],[" + b",".join([b"97"] * 20) + b"]]"
    )
