"""The contract that every codec passes."""

from __future__ import annotations

import json
from typing import Any

import cbor2
import pytest
from hypothesis import given
from msgspec import UNSET

from driftdb_jupyter.protocol.cbor_codec import CBOR
from driftdb_jupyter.protocol.codec import Codec, KeyInfo
from driftdb_jupyter.protocol.entry import Author, Entry
from driftdb_jupyter.protocol.errors import BadMessage, Conflict, Refusal, TooLarge
from driftdb_jupyter.protocol.frame import payload
from driftdb_jupyter.protocol.json_codec import JSON
from driftdb_jupyter.protocol.limits import Limits
from driftdb_jupyter.protocol.messages import (
    Append,
    Compact,
    Delete,
    Get,
    Keys,
    Ping,
    Push,
    Relay,
    Replace,
    SetPresence,
    Unsubscribe,
)
from driftdb_jupyter.protocol.value import Value

from .values import json_values

LIMITS = Limits(message_bytes=2000, key_bytes=8, nesting=4, values=3)


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
        ({"type": "append", "max_length": 3}, Append(3)),
        ({"type": "replace"}, Replace()),
        ({"type": "compact", "seq": 3}, Compact(3)),
        ({"type": "delete"}, Delete()),
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


def test_a_get_may_ask_for_more(speech: Speech) -> None:
    fields: Any = {"epoch": "e", "limit": 5, "stamps": True, "presence": True}
    assert speech.decode({"type": "get", "key": "", "seq": 3, **fields}) == Get("", 3, **fields)
    assert speech.decode({"type": "get", "key": "", "epoch": None}).epoch is None
    assert speech.decode({"type": "get", "key": ""}).epoch is UNSET


def test_the_other_messages(speech: Speech) -> None:
    assert speech.decode({"type": "unsubscribe", "key": "k"}) == Unsubscribe("k")
    assert speech.decode({"type": "keys"}) == Keys("")
    assert speech.decode({"type": "keys", "prefix": "a"}) == Keys("a")
    presence = speech.decode({"type": "presence", "key": "k", "value": [1]})
    assert isinstance(presence, SetPresence)
    assert bytes(speech.codec.value(presence.value).as_json()).replace(b" ", b"") == b"[1]"


@pytest.mark.parametrize(
    "message",
    [
        {"type": "get", "key": "k" * 9},
        {"type": "unsubscribe", "key": "k" * 9},
        {"type": "presence", "key": "k" * 9, "value": 1},
        {"type": "keys", "prefix": "k" * 9},
    ],
)
def test_a_key_is_bounded_wherever_it_is(speech: Speech, message: Any) -> None:
    with pytest.raises(TooLarge, match="a key of at most 8 bytes, got 9"):
        speech.decode(message)


@pytest.mark.parametrize(
    "fields", [{"values": [1, [[[[[1]]]]]]}, {"type": "presence", "value": [[[[[1]]]]]}]
)
def test_nesting_is_bounded_wherever_it_is(speech: Speech, fields: Any) -> None:
    message = {"type": "push", "key": "k", "action": {"type": "append"}, **fields}
    with pytest.raises(BadMessage, match="expected a value nested"):
        speech.decode(message)


def values_of(speech: Speech, **fields: Any) -> list[Any]:
    message = {"type": "push", "key": "k", "action": {"type": "append"}, "id": 4, **fields}
    values = speech.codec.values(speech.decode(message), LIMITS)
    return [json.loads(bytes(value.as_json())) for value in values]


def test_a_push_may_carry_several_values(speech: Speech) -> None:
    assert values_of(speech, values=[1, None, ["ä"]]) == [1, None, ["ä"]]
    assert values_of(speech, values=[2], action={"type": "relay"}) == [2]
    assert values_of(speech, value=[1, 2]) == [[1, 2]]


def test_a_delete_carries_none(speech: Speech) -> None:
    assert values_of(speech, action={"type": "delete"}) == []


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({}, "expected a push with a value, got none"),
        ({"value": 1, "values": [1]}, "expected a push with value or values, got both"),
        ({"value": None, "values": [1]}, "expected a push with value or values, got both"),
        (
            {"values": [1], "action": {"type": "replace"}},
            "expected values only with append and relay",
        ),
        (
            {"values": [1], "action": {"type": "compact", "seq": 1}},
            "expected values only with append and relay",
        ),
        ({"values": []}, "expected at least one value, got none"),
    ],
)
def test_a_push_has_just_what_its_action_needs(
    speech: Speech, fields: dict[str, Any], reason: str
) -> None:
    with pytest.raises(BadMessage, match=f"^{reason}$") as refused:
        values_of(speech, **fields)
    assert refused.value.push_id == 4


def test_more_values_than_a_push_may_carry_are_too_large(speech: Speech) -> None:
    with pytest.raises(TooLarge, match="expected at most 3 values, got 4") as refused:
        values_of(speech, values=[1, 2, 3, 4])
    assert refused.value.push_id == 4


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
        {"type": "get", "key": "k", "epoch": 1},
        {"type": "get", "key": "k", "limit": 0},
        {"type": "get", "key": "k", "stamps": 1},
        {"type": "get", "key": "k", "presence": None},
        {"type": "unsubscribe"},
        {"type": "presence", "key": "k"},
        {"type": "presence", "value": 1},
        {"type": "keys", "prefix": None},
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
        {"action": {"type": "append", "max_length": 0}},
        {"values": 1},
        {"epoch": 1},
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


ONE_OF_FOUR: dict[str, Any] = {
    "items": {"value": [[], {"a": 1, "b": 2}]},  # eight, with the list itself
    "containers": {"value": [[], {"a": {}}]},
}


@pytest.mark.parametrize("bound", ["items", "containers"])
def test_what_a_message_holds_is_bounded(speech: Speech, bound: str) -> None:
    message = {"type": "push", "key": "k", "action": {"type": "relay"}, "id": 6}
    message |= ONE_OF_FOUR[bound]
    raw = speech.dumps(message)
    taken = [
        limit
        for limit in range(1, 40)
        if not isinstance(refusal_of(speech.codec, raw, Limits(**{bound: limit})), TooLarge)
    ]
    assert taken == list(range(taken[0], 40))
    refusal = refusal_of(speech.codec, raw, Limits(**{bound: taken[0] - 1}))
    assert refusal is not None
    assert refusal.push_id == 6
    assert f"a message of at most {taken[0] - 1} " in str(refusal)


def refusal_of(codec: Codec, message: bytes, limits: Limits) -> Refusal | None:
    try:
        codec.decode(message, limits)
    except Refusal as refusal:
        return refusal
    return None


@pytest.mark.parametrize("value", ["[[[[", '{"a', [["x"] * 3], "a,:" * 100])
def test_what_stands_in_strings_counts_for_nothing(speech: Speech, value: Any) -> None:
    message = {"type": "push", "key": "k", "action": {"type": "relay"}, "value": value}
    limits = Limits(items=15, containers=4)
    assert refusal_of(speech.codec, speech.dumps(message), limits) is None


@pytest.mark.parametrize(
    "value",
    [
        [[number, number / 8, number % 100] for number in range(40_000)],
        [number % 200 for number in range(100_000)],
        "é" * 160_000,
        [[["a"]]] * 12_000,
    ],
    ids=["table", "numbers", "text", "nested"],
)
def test_ordinary_large_values_are_taken(speech: Speech, value: Any) -> None:
    message = {"type": "push", "key": "k", "action": {"type": "relay"}, "value": value}
    assert refusal_of(speech.codec, speech.dumps(message), Limits()) is None


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
    assert speech.loads(codec.init("ü", 2).whole(entries)) == {
        "type": "init",
        "key": "ü",
        "data": data,
    }
    assert speech.loads(codec.init("", 0).whole([])) == {"type": "init", "key": "", "data": []}
    assert speech.loads(codec.stream_size("k", 2)) == {
        "type": "stream_size",
        "key": "k",
        "size": 2,
    }
    assert speech.loads(codec.pong(None)) == {"type": "pong", "nonce": None}
    assert speech.loads(codec.pong(3)) == {"type": "pong", "nonce": 3}
    assert speech.loads(codec.ack(1, None)) == {"type": "ack", "id": 1, "seq": None}


def test_answers_with_an_epoch_say_so(speech: Speech) -> None:
    codec = speech.codec
    entries = [Entry(1, speech.value("a"))]
    plain = {"type": "init", "key": "k", "data": [{"value": "a", "seq": 1}]}
    assert speech.loads(codec.init("k", 1, epoch="e").whole(entries)) == {
        **plain,
        "epoch": "e",
        "recovered": False,
    }
    recovered = codec.init("k", 1, epoch="ä", recovered=True, more=True)
    assert speech.loads(recovered.whole(entries)) == {
        **plain,
        "epoch": "ä",
        "recovered": True,
        "more": True,
    }
    assert speech.loads(codec.init("k", 1, more=True).whole(entries)) == {**plain, "more": True}


ANNA = Author("anna", Value.from_json(b'{"name":"Anna"}'))
ANNA_STAMPS = {"client": "anna", "user": {"name": "Anna"}}


@pytest.mark.parametrize(
    ("author", "stamps"),
    [(None, {}), (Author("ben"), {"client": "ben"}), (ANNA, ANNA_STAMPS)],
)
def test_stamps_say_who_and_when_as_far_as_that_is_known(
    speech: Speech, author: Author | None, stamps: dict[str, Any]
) -> None:
    codec = speech.codec
    entry = Entry(7, speech.value([1]), 1234.5678, author)
    stamps = {"time": 1234567, **stamps}
    _, push = payload(codec.stamped_push_frame(codec.push_start("k"), entry))
    assert speech.loads(push) == {"type": "push", "key": "k", "value": [1], "seq": 7, **stamps}
    init = speech.loads(codec.init("k", 1, stamps=True).whole([entry]))
    assert init["data"] == [{"value": [1], "seq": 7, **stamps}]
    assert speech.loads(codec.init("k", 1).whole([entry]))["data"] == [{"value": [1], "seq": 7}]


def test_other_answers_of_part_2(speech: Speech) -> None:
    codec = speech.codec
    assert speech.loads(codec.ack(1, 5, count=3)) == {"type": "ack", "id": 1, "seq": 5, "count": 3}
    assert speech.loads(codec.delete("ä", 3)) == {"type": "delete", "key": "ä", "seq": 3}
    assert speech.loads(codec.keys("p", 1).whole([("pä", KeyInfo(2, 10, 7))])) == {
        "type": "keys",
        "prefix": "p",
        "keys": {"pä": {"size": 2, "bytes": 10, "seq": 7}},
    }
    there = [(ANNA, speech.value(1)), (Author("ben"), speech.value({"x": "ä"}))]
    assert speech.loads(codec.presence_state("k", "ben", 2).whole(there)) == {
        "type": "presence_state",
        "key": "k",
        "client": "ben",
        "clients": {
            "anna": {"value": 1, "user": {"name": "Anna"}},
            "ben": {"value": {"x": "ä"}},
        },
    }
    assert speech.loads(codec.presence_state("k", "c", 0).whole([])) == {
        "type": "presence_state",
        "key": "k",
        "client": "c",
        "clients": {},
    }
    assert speech.loads(codec.presence("k", ANNA, speech.value(1))) == {
        "type": "presence",
        "key": "k",
        "client": "anna",
        "user": {"name": "Anna"},
        "value": 1,
    }
    assert speech.loads(codec.presence("k", Author("ben"), None)) == {
        "type": "presence",
        "key": "k",
        "client": "ben",
        "value": None,
    }


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
