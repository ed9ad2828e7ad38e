"""A value holds its own bytes, in one encoding, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from driftdb_jupyter.protocol import cbor
from driftdb_jupyter.protocol import value as value_module
from driftdb_jupyter.protocol.json_codec import JSON
from driftdb_jupyter.protocol.limits import Limits
from driftdb_jupyter.protocol.messages import Push, SetPresence
from driftdb_jupyter.protocol.steps import at_once
from driftdb_jupyter.protocol.value import LONG_BYTES, Value, prepare

LIMITS = Limits()


def pushed(message: bytes) -> Sequence[Value]:
    decoded = JSON.decode(message, LIMITS)
    assert isinstance(decoded, Push)
    return JSON.values(decoded, LIMITS)


@pytest.mark.parametrize("field", [b'"value":123', b'"values":[123,456]'])
def test_a_value_is_no_view_of_the_message_that_it_came_in(field: bytes) -> None:
    start = b'{"type":"push","key":"k","action":{"type":"append"},'
    for value in pushed(start + field + b',"ignored":"' + b"x" * 100_000 + b'"}'):
        assert type(value.text) is bytes
        assert (len(value.text), value.item) == (3, None)


def test_a_presence_is_none_either() -> None:
    decoded = JSON.decode(b'{"type":"presence","key":"k","value":[1, 2]}', LIMITS)
    assert isinstance(decoded, SetPresence)
    assert type(JSON.value(decoded.value).text) is bytes


def test_the_other_encoding_is_not_kept_with_a_value() -> None:
    from_json, from_cbor = Value.from_json(b"[1,2]"), Value.from_cbor(b"\x82\x01\x02")
    assert (from_json.as_cbor(), from_cbor.as_json()) == (b"\x82\x01\x02", b"[1,2]")
    assert (from_json.item, from_cbor.text) == (None, None)
    assert (from_json.came_as_cbor, from_cbor.came_as_cbor) == (False, True)


def counted_conversions(monkeypatch: pytest.MonkeyPatch) -> list[bytes | None]:
    """What is converted to JSON at once from now on."""
    converted: list[bytes | None] = []
    convert = cbor.to_json

    def counted(item: bytes) -> bytes:
        converted.append(item)
        return convert(item)

    monkeypatch.setattr(cbor, "to_json", counted)
    return converted


def test_a_value_is_converted_once_for_all_audiences_of_a_broadcast(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    converted = counted_conversions(monkeypatch)
    value = Value.from_cbor(b"\x82\x01\x02")
    assert [value.as_json() for _ in range(3)] == [b"[1,2]"] * 3
    assert converted == [value.item]


def test_what_was_converted_is_forgotten_before_it_is_much() -> None:
    values = [Value.from_cbor(b"\x59\xff\xff" + b"\xff" * 65535) for _ in range(50)]
    assert {len(value.as_json()) for value in values} == {4 * 65535 + 1}
    assert value_module._converted._byte_count <= value_module._CONVERTED_LIMIT_BYTES
    held = sum(len(text) for _, text in value_module._converted._encoded.values())
    assert held <= value_module._CONVERTED_LIMIT_BYTES


LONG = Value.from_cbor(cbor.head(2, LONG_BYTES) + bytes(LONG_BYTES))


def test_a_long_value_is_converted_in_steps_and_found_then(monkeypatch: pytest.MonkeyPatch) -> None:
    converted = counted_conversions(monkeypatch)
    short = [Value.from_cbor(b"\x01") for _ in range(3)]
    assert len(list(prepare([LONG, *short]))) > 1
    assert LONG.as_json() == b"[" + b"0," * (LONG_BYTES - 1) + b"0]"
    assert [value.as_json() for value in short] == [b"1"] * 3
    assert converted == [value.item for value in short]  # and not the long one


@pytest.mark.parametrize(
    "value",
    [
        Value.from_json(b"[%b]" % b",".join([b"0"] * 80_000)),
        Value.from_json(b"{%b}" % b",".join(b'"%d":0' % number for number in range(80_000))),
        Value.from_cbor(cbor.head(cbor.ARRAY, 40_000) + b"\x41a" * 40_000),
        Value.from_cbor(cbor.head(cbor.ARRAY, 20_000) + b"\xd8\x40\x41a" * 20_000),
        Value.from_cbor(cbor.head(cbor.ARRAY, 320) + (b"\x81" * 125 + b"\x00") * 320),
        Value.from_cbor(
            cbor.head(cbor.MAP, 40_000)
            + b"".join(cbor.text(f"{number}") + b"\x41a" for number in range(40_000))
        ),
    ],
    ids=["list", "object", "bytes", "tagged bytes", "nested", "map of bytes"],
)
def test_the_more_members_a_value_has_the_more_steps_it_takes(value: Value) -> None:
    expected = (value.text and cbor.from_json(value.text)) or cbor.to_json(value.item or b"")
    assert len(list(prepare([value]))) >= 4
    assert value.as_other() == expected


def test_one_long_value_is_converted_at_a_time_also_where_one_is_given_up() -> None:
    first, second = Value.from_cbor(LONG.item or b""), Value.from_cbor(LONG.item or b"")
    one, other = prepare([first]), prepare([second])
    next(one)
    for _ in range(5):
        next(other)  # waits
    assert value_module._converted.get(second) is None
    one.close()
    at_once(other)
    assert value_module._converted.get(first) is None
    assert value_module._converted.get(second) is not None


@pytest.mark.parametrize("in_steps", [False, True])
def test_null_stands_for_a_value_that_cannot_be_converted(
    in_steps: bool, caplog: pytest.LogCaptureFixture
) -> None:
    bad = b'"\\' + b"x" * LONG_BYTES + b'"'  # which no codec lets in
    from_json, from_cbor = Value.from_json(bad), Value.from_cbor(b"\xff" * (LONG_BYTES + 1))
    if in_steps:
        at_once(prepare([from_json, from_cbor]))
    assert (from_json.as_cbor(), from_cbor.as_json()) == (b"\xf6", b"null")
    assert (from_json.as_json(), from_cbor.as_cbor()) == (bad, from_cbor.item)
    assert len(caplog.records) == 2
    assert "A value in JSON has no CBOR, and null stands for it" in caplog.text


@pytest.mark.parametrize(
    ("value", "is_null"),
    [
        *((Value.from_json(b"null"), True), (Value.from_json(b"0"), False)),
        *((Value.from_cbor(b"\xf6"), True), (Value.from_cbor(b"\xc1\xf7"), True)),
        *((Value.from_cbor(b"\x64null"), False), (LONG, False)),
    ],
)
def test_what_means_null(value: Value, is_null: bool) -> None:
    assert value.is_null is is_null
