"""What only CBOR has: pushes that are taken as before, and the id of one that can't be read."""

from __future__ import annotations

from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftdb_jupyter.protocol import cbor, cbor_codec
from driftdb_jupyter.protocol.cbor_codec import CBOR
from driftdb_jupyter.protocol.errors import BadMessage, Refusal
from driftdb_jupyter.protocol.limits import Limits
from driftdb_jupyter.protocol.messages import Push

from .values import wire_items

LIMITS = Limits()
# As npm's client, our generator of load and a client with an id write it.
AROUND = [
    (b"\xa4dtypedpushfaction\xa1dtypeerelayevalue", b"ckeyak"),
    (b"\xa4dtypedpushckeyakfaction\xa1dtypefappendevalue", b""),
    (b"\xa5dtypedpushevalue", b"ckeyakfaction\xa2dtypefappendjmax_length\x05bid\x05"),
    (b"\xa5dtypedpushckeyakfvalues\x81\x01evalue", b"faction\xa1dtypeerelay"),
    (b"\xa5dtypedpushckeyakfif_seq\x00evalue", b"faction\xa1dtypeerelay"),
    (b"\xa5dtypedpushckeyakevalue", b"eepochaefaction\xa1dtypeerelay"),
    (b"\xbfdtypedpushevalue", b"ckeyakfaction\xa1dtypegreplace\xff"),
]


def decoded(message: bytes) -> Any:
    """A message as it is read, or the refusal."""
    try:
        push = CBOR.decode(message, LIMITS)
        values = CBOR.values(push, LIMITS) if isinstance(push, Push) else []
    except Refusal as refusal:
        return str(refusal), refusal.push_id
    fields = [] if not isinstance(push, Push) else [push.id, push.if_seq, push.epoch, push.values]
    return repr(push).split("<")[0], fields, [value.item for value in values]


@given(wire_items() | st.binary(max_size=4), st.sampled_from(AROUND), st.data())
def test_a_push_is_read_the_same_whatever_came_before(
    value: bytes, around: tuple[bytes, bytes], data: st.DataObject
) -> None:
    before, after = around
    message = bytearray(before + value + after)
    if data.draw(st.booleans()):
        place = data.draw(st.integers(0, len(message)))
        message[place : place + data.draw(st.integers(0, 1))] = data.draw(st.binary(max_size=1))
    cbor_codec._known.clear()
    fresh = decoded(bytes(message))
    for earlier in (b"\x01", b"\x80", b"\x63abc"):
        decoded(before + earlier + after)
    assert decoded(bytes(message)) == fresh


def test_a_push_as_before_is_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    before, after = AROUND[0]
    decoded(before + b"\x01" + after)
    monkeypatch.delattr(cbor, "read_map")
    for value in (b"\x02", b"\x39\x01\x00", b"\x78\x20" + b"x" * 32, b"\x63\xe2\x82\xac", b"\xf6"):
        assert decoded(before + value + after)[2] == [value]


def test_what_is_remembered_of_pushes_is_bounded() -> None:
    push = {"type": "push", "action": {"type": "relay"}, "value": 1}
    for number in range(3000):
        decoded(cbor2.dumps(push | {"key": str(number)}))
        decoded(cbor2.dumps(push | {"key": "k", "id": number + 1}))
    assert 0 < len(cbor_codec._known) <= 1024


def refused_id(message: bytes) -> int | None:
    with pytest.raises(Refusal) as refused:
        CBOR.decode(message, LIMITS)
    return refused.value.push_id


FIELDS = b"dtypedpushckeyakfaction\xa1dtypeerelay"
BAD_VALUES = [b"\xf9\x7e\x00", b"\x61\xff", b"\x81" * 200 + b"\x00", b"\x82\x01\xff"]
LATE = b"\x79\x40\x00" + b"x" * 0x4000 + b"\xe0"


@pytest.mark.parametrize("value", [*BAD_VALUES, LATE])
def test_the_id_is_found_on_both_sides_of_what_cannot_be_taken(value: bytes) -> None:
    assert refused_id(b"\xa5" + FIELDS + b"bid\x07evalue" + value) == 7
    assert refused_id(b"\xa5" + FIELDS + b"evalue" + value + b"bid\x07") == 7
    assert refused_id(b"\xa5bid\x07evalue" + value + FIELDS) == 7
    assert refused_id(b"\xa5dtypedpushckeyakevalue" + value + b"faction\xa1dtypeerelaybid\x07") == 7
    assert refused_id(b"\xa5evalue" + value + b"bid\x07" + FIELDS) == 7


@pytest.mark.parametrize(
    "inner",
    [b"\xa1bid\x07", b"\x82bid\x07", b"\x45xbid\x07", b"\xa2aa\xf9\x7e\x00bid\x07", b"bid"],
)
def test_an_id_inside_the_value_is_never_taken_for_that_of_the_push(inner: bytes) -> None:
    value = b"\x82\xf9\x7e\x00" + inner
    assert refused_id(b"\xa4" + FIELDS + b"evalue" + value) is None
    assert refused_id(b"\xa4evalue" + value + FIELDS) is None
    assert refused_id(b"\xa5" + FIELDS + b"evalue" + value + b"bid\x03") == 3
    assert refused_id(b"\xa5evalue" + value + FIELDS + b"bid\x03") == 3


def test_a_message_with_very_many_fields_is_too_large() -> None:
    message = {f"x{number}": 0 for number in range(999)} | {"type": "ping"}
    CBOR.decode(cbor2.dumps(message), LIMITS)
    with pytest.raises(Refusal, match="at most 1000 fields"):
        CBOR.decode(cbor2.dumps({"more": 0, **message}), LIMITS)


def test_what_is_no_map_is_a_bad_message() -> None:
    sound = b"\xa1dtypedping"
    CBOR.decode(sound, LIMITS)
    for message in (b"", b"\x01", b"\x81\x01", b"\xc1" + sound, sound[:-1], sound + b"\x00"):
        with pytest.raises(BadMessage):
            CBOR.decode(message, LIMITS)
