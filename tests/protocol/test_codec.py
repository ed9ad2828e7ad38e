"""The contract that every codec passes."""

from __future__ import annotations

import json
from typing import Any

import cbor2
import pytest
from hypothesis import given

from driftdb_jupyter.protocol.cbor_codec import CBOR
from driftdb_jupyter.protocol.codec import Codec
from driftdb_jupyter.protocol.entry import Entry
from driftdb_jupyter.protocol.errors import BadMessage, Conflict, TooLarge
from driftdb_jupyter.protocol.frame import payload
from driftdb_jupyter.protocol.json_codec import JSON
from driftdb_jupyter.protocol.limits import Limits
from driftdb_jupyter.protocol.messages import Append, Compact, Get, Ping, Push, Relay, Replace
from driftdb_jupyter.protocol.value import Value

from .values import json_values

LIMITS = Limits(message_bytes=2000, key_bytes=8, nesting=4)


class Speech:
    """A codec, with the ordinary library that speaks the same encoding."""

    def __init__(self, codec: Codec) -> None:
        self.codec = codec

    def dumps(self, message: Any) -> bytes:
        return json.dumps(message).encode() if self.codec is JSON else cbor2.dumps(message)

    def loads(self, message: bytes) -> Any:
        return json.loads(message) if self.codec is JSON else cbor2.loads(message)

    def decode(self, message: Any) -> Any:
        return self.codec.decode(self.dumps(message), LIMITS)

    def push(self, **fields: Any) -> Any:
        return self.decode(
            {"type": "push", "key": "k", "action": {"type": "relay"}, "value": 1, **fields}
        )

    def value(self, value: Any) -> Value:
        return self.codec.values(self.push(value=value), LIMITS)[0]


@pytest.fixture(params=[JSON, CBOR], ids=["json", "cbor"])
def speech(request: pytest.FixtureRequest) -> Speech:
    return Speech(request.param)


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ({"type": "relay"}, Relay()),
        ({"type": "append"}, Append()),
        ({"type": "replace"}, Replace()),
        ({"type": "compact", "seq": 3}, Compact(3)),
    ],
)
def test_every_action_is_understood(speech: Speech, action: Any, expected: Any) -> None:
    push = speech.push(action=action, id=7, if_seq=0)
    assert isinstance(push, Push)
    assert (push.key, push.action, push.id, push.if_seq) == ("k", expected, 7, 0)


def test_get_begins_at_zero_by_default(speech: Speech) -> None:
    assert speech.decode({"type": "get", "key": ""}) == Get("", 0)
    assert speech.decode({"type": "get", "key": "", "seq": 5}) == Get("", 5)
    assert speech.decode({"type": "get", "key": "", "seq": None}) == Get("", None)


def test_a_nonce_is_optional(speech: Speech) -> None:
    assert speech.decode({"type": "ping"}) == Ping(None)
    assert speech.decode({"type": "ping", "nonce": 2**53 - 1}) == Ping(2**53 - 1)


def test_fields_that_nobody_knows_are_ignored(speech: Speech) -> None:
    assert speech.decode({"type": "ping", "value": [1], "seq": "x"}) == Ping(None)


@pytest.mark.parametrize(
    "message",
    [
        None,
        [],
        {},
        {"type": "pull"},
        {"type": 1},
        {"type": "get"},
        {"type": "get", "key": 1},
        {"type": "get", "key": "k", "seq": -1},
        {"type": "get", "key": "k", "seq": 1.5},
        {"type": "get", "key": "k", "seq": True},
        {"type": "ping", "nonce": -1},
        {"type": "ping", "nonce": 2**53},
        {"type": "ping", "nonce": "1"},
    ],
)
def test_what_is_no_message_is_a_bad_message(speech: Speech, message: Any) -> None:
    with pytest.raises(BadMessage, match="expected a"):
        speech.decode(message)


@pytest.mark.parametrize(
    "fields",
    [
        {"key": None},
        {"action": None},
        {"action": "relay"},
        {"action": {}},
        {"action": {"type": "explode"}},
        {"action": {"type": "compact"}},
        {"action": {"type": "compact", "seq": 0}},
        {"value": [[[[[1]]]]]},
        {"if_seq": -1},
    ],
)
def test_a_push_that_is_malformed_is_refused_with_its_id(speech: Speech, fields: Any) -> None:
    with pytest.raises(BadMessage) as refused:
        speech.push(id=5, **fields)
    assert refused.value.push_id == 5


@pytest.mark.parametrize("push_id", [0, -1, 1.5, "1", True])
def test_an_id_counts_from_one(speech: Speech, push_id: Any) -> None:
    with pytest.raises(BadMessage):
        speech.push(id=push_id)


def test_a_push_without_a_value_is_refused(speech: Speech) -> None:
    push = speech.decode({"type": "push", "key": "k", "action": {"type": "relay"}, "id": 1})
    with pytest.raises(BadMessage, match="expected a push with a value, got none") as refused:
        speech.codec.values(push, LIMITS)
    assert refused.value.push_id == 1


def test_null_is_a_value(speech: Speech) -> None:
    assert bytes(speech.value(None).as_json()) == b"null"


def test_a_message_over_the_limit_is_too_large(speech: Speech) -> None:
    with pytest.raises(TooLarge, match=r"at most 2000 bytes, got 2\d{3}") as refused:
        speech.push(value="x" * 2050, id=9)
    assert refused.value.push_id == 9


def test_a_key_over_the_limit_is_too_large(speech: Speech) -> None:
    speech.push(key="äöüß")
    with pytest.raises(TooLarge, match="a key of at most 8 bytes, got 9") as refused:
        speech.push(key="äöüßx", id=2)
    assert refused.value.push_id == 2


def test_the_id_is_found_behind_a_value_that_cannot_be_taken() -> None:
    for value in (
        float("nan"),
        {1: [b"", "x"]},
        cbor2.CBORSimpleValue(99),
        cbor2.CBORTag(9, 1e400),
    ):
        push = {"type": "push", "key": "k", "action": {"type": "relay"}, "value": value, "id": 3}
        with pytest.raises(BadMessage) as refused:
            CBOR.decode(cbor2.dumps(push), LIMITS)
        assert refused.value.push_id == 3


def test_brackets_inside_strings_are_no_nesting(speech: Speech) -> None:
    value = [[['[[[[{{{\\"[[[']]]
    assert json.loads(bytes(speech.value(value).as_json())) == value


@given(value=json_values())
@pytest.mark.parametrize("codec", [JSON, CBOR], ids=["json", "cbor"])
def test_a_value_means_the_same_in_both_encodings(codec: Codec, value: Any) -> None:
    speech = Speech(codec)
    message = {"type": "push", "key": "k", "action": {"type": "relay"}, "value": value}
    push = codec.decode(speech.dumps(message), Limits())
    assert isinstance(push, Push)
    taken = codec.value(push.value)
    assert json.loads(bytes(taken.as_json())) == value
    assert cbor2.loads(taken.as_cbor()) == value


def test_a_push_frame_is_one_message(speech: Speech) -> None:
    codec = speech.codec
    entry = Entry(2**40, speech.value({"a": [1, "ä" * 200]}))
    opcode, message = payload(codec.push_frame(codec.push_start('k"ä'), entry))
    assert opcode == codec.opcode
    assert speech.loads(message) == {
        "type": "push",
        "key": 'k"ä',
        "value": {"a": [1, "ä" * 200]},
        "seq": 2**40,
    }


def test_answers_are_those_of_the_protocol(speech: Speech) -> None:
    codec = speech.codec
    entries = [Entry(1, speech.value("a")), Entry(4, speech.value(None))]
    data = [{"value": "a", "seq": 1}, {"value": None, "seq": 4}]
    assert speech.loads(codec.init("ü", entries)) == {"type": "init", "key": "ü", "data": data}
    assert speech.loads(codec.init("", [])) == {"type": "init", "key": "", "data": []}
    assert speech.loads(codec.stream_size("k", 2)) == {
        "type": "stream_size",
        "key": "k",
        "size": 2,
    }
    assert speech.loads(codec.pong(None)) == {"type": "pong", "nonce": None}
    assert speech.loads(codec.pong(3)) == {"type": "pong", "nonce": 3}
    assert speech.loads(codec.ack(1, None)) == {"type": "ack", "id": 1, "seq": None}


def test_an_error_says_what_it_answers(speech: Speech) -> None:
    conflict = Conflict("expected …, got …", key="k", seq=3)
    conflict.push_id = 8
    assert speech.loads(speech.codec.error(conflict)) == {
        "type": "error",
        "code": "conflict",
        "message": "expected …, got …",
        "id": 8,
        "key": "k",
        "seq": 3,
    }
