"""A value holds its own bytes, in one encoding, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from driftdb_jupyter.protocol import value as value_module
from driftdb_jupyter.protocol.json_codec import JSON
from driftdb_jupyter.protocol.limits import Limits
from driftdb_jupyter.protocol.messages import Push, SetPresence
from driftdb_jupyter.protocol.value import Value

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


def test_a_value_is_converted_once_for_all_audiences_of_a_broadcast(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    converted = 0
    convert = value_module._json_of

    def counted(value: Value) -> bytes:
        nonlocal converted
        converted += 1
        return convert(value)

    monkeypatch.setattr(value_module, "_json_of", counted)
    value = Value.from_cbor(b"\x82\x01\x02")
    assert [value.as_json() for _ in range(3)] == [b"[1,2]"] * 3
    assert converted == 1


def test_what_was_converted_is_forgotten_before_it_is_much() -> None:
    values = [Value.from_cbor(b"\x59\xff\xff" + b"\xff" * 65535) for _ in range(50)]
    assert {len(value.as_json()) for value in values} == {4 * 65535 + 1}
    assert value_module._converted._byte_count <= value_module._CONVERTED_LIMIT_BYTES
    held = sum(len(text) for _, text in value_module._converted._encoded.values())
    assert held <= value_module._CONVERTED_LIMIT_BYTES
