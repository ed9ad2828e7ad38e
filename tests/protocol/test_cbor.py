"""The scanner and decoder of CBOR items, held to cbor2."""

from __future__ import annotations

import math
import struct
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftdb_jupyter.protocol import cbor
from driftdb_jupyter.protocol.errors import BadMessage

from .values import cbor_values

NESTING = 128


def plain(value: Any) -> Any:
    """A value as a JSON client gets it."""
    if isinstance(value, bytes):
        return list(value)
    if isinstance(value, list):
        return [plain(member) for member in value]
    if isinstance(value, dict):
        return {key: plain(member) for key, member in value.items()}
    return value


def indefinite(value: Any) -> bytes:
    """The value encoded with indefinite lengths wherever CBOR has them."""
    if isinstance(value, str):
        middle = len(value) // 2
        return b"\x7f" + cbor2.dumps(value[:middle]) + cbor2.dumps(value[middle:]) + b"\xff"
    if isinstance(value, bytes):
        return b"\x5f" + cbor2.dumps(value[:1]) + cbor2.dumps(value[1:]) + b"\xff"
    if isinstance(value, list):
        return b"\x9f" + b"".join(indefinite(member) for member in value) + b"\xff"
    if isinstance(value, dict):
        members = (indefinite(key) + indefinite(member) for key, member in value.items())
        return b"\xbf" + b"".join(members) + b"\xff"
    return cbor2.dumps(value)


@given(cbor_values(), st.binary(max_size=9))
def test_scan_ends_where_the_item_ends(value: Any, after: bytes) -> None:
    item = cbor2.dumps(value)
    assert cbor.scan(b"\x00" + item + after, 1, NESTING) == 1 + len(item)


@given(cbor_values())
def test_decode_gives_what_cbor2_gives(value: Any) -> None:
    assert cbor.decode(cbor2.dumps(value)) == plain(value)


@given(cbor_values())
def test_indefinite_lengths_mean_the_same(value: Any) -> None:
    item = indefinite(value)
    assert cbor2.loads(item) == value
    assert cbor.scan(item, 0, NESTING) == len(item)
    assert cbor.decode(item) == plain(value)


@given(cbor_values(), st.data())
def test_an_item_that_is_cut_off_is_refused(value: Any, data: st.DataObject) -> None:
    item = cbor2.dumps(value)
    cut = data.draw(st.integers(0, len(item) - 1))
    with pytest.raises(BadMessage):
        cbor.scan(item[:cut], 0, NESTING)


@given(st.binary(max_size=40))
def test_rubbish_is_refused_or_read_by_cbor2_too(data: bytes) -> None:
    try:
        end = cbor.scan(data, 0, NESTING)
    except BadMessage:
        return
    cbor.decode(data[:end])
    if not any(0xC0 <= byte < 0xE0 for byte in data):  # cbor2 wants to understand each tag
        cbor2.loads(data[:end])


@pytest.mark.parametrize("width", [">e", ">f", ">d"])
@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_numbers_that_json_does_not_have_are_refused(width: str, number: float) -> None:
    first = {">e": b"\xf9", ">f": b"\xfa", ">d": b"\xfb"}[width]
    with pytest.raises(BadMessage, match="expected a finite number, got NaN or an infinity"):
        cbor.scan(first + struct.pack(width, number), 0, NESTING)


@pytest.mark.parametrize(
    ("item", "text"),
    [
        (b"\xa1\x01\x02", "expected a string as map key"),
        (b"\x62\xc3\x28", "expected text in UTF-8"),
        (b"\x63\xed\xa0\x80", "expected text in UTF-8"),
        (b"\xf0", "expected a value with a JSON meaning"),
        (b"\xf8\xff", "expected a value with a JSON meaning"),
        (b"\xff", "expected a value with a JSON meaning"),
        (b"\x1c", "reserved initial byte 0x1c"),
        (b"\x1f", "reserved initial byte 0x1f"),
        (b"\x7f\x41a\xff", "chunks of the string's own kind"),
        (b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff", "cut off"),
        (b"\x5b\xff\xff\xff\xff\xff\xff\xff\xff", "cut off"),
        (b"", "cut off"),
    ],
)
def test_what_a_room_cannot_hold_is_refused(item: bytes, text: str) -> None:
    with pytest.raises(BadMessage, match=text):
        cbor.scan(item, 0, NESTING)


@pytest.mark.parametrize("around", [b"\x81", b"\x9f", b"\xc1", b"\xa1\x60"])
def test_nesting_is_bounded(around: bytes) -> None:
    end = b"\xff" if around == b"\x9f" else b""
    cbor.scan(around * NESTING + b"\x00" + end * NESTING, 0, NESTING)
    with pytest.raises(BadMessage, match="nested less deep"):
        cbor.scan(around * (NESTING + 1) + b"\x00" + end * (NESTING + 1), 0, NESTING)


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
    ],
    ids=["typed array", "date", "bignum", "negative", "no bignum", "undefined", "names", "huge"],
)
def test_what_json_lacks_gets_a_json_meaning(item: bytes, meaning: Any) -> None:
    assert cbor.scan(item, 0, NESTING) == len(item)
    assert cbor.decode(item) == meaning


@given(st.integers(0, 2**64 - 1))
def test_heads_are_those_of_cbor2(number: int) -> None:
    assert cbor.head(cbor.UNSIGNED, number) == cbor2.dumps(number)
