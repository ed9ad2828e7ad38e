from __future__ import annotations

import json

import pytest

from driftdb_jupyter.client.session import messages
from driftdb_jupyter.protocol.errors import BadMessage, Conflict


def test_a_value_keeps_its_very_digits() -> None:
    message = messages.read('{"type":"push","key":"a","value":1.50E+3,"seq":1}')
    assert message is not None
    assert bytes(message.value) == b"1.50E+3"


@pytest.mark.parametrize("field", ["value", "key"])
def test_lone_surrogates_are_read(field: str) -> None:
    fields = {"type": "push", "key": "a", "value": [1e999], "seq": 1, field: "\ud800"}
    text = json.dumps(fields).replace("Infinity", "1e999")
    message = messages.read(text)
    assert message is not None
    assert message.key == fields["key"]
    assert json.loads(bytes(message.value)) == (
        "\ud800" if field == "value" else [1.7976931348623157e308]
    )


def test_values_of_an_init_are_read_next_to_a_lone_surrogate() -> None:
    message = messages.read('{"type":"init","key":"a","data":[{"value":"\\ud800","seq":3}]}')
    assert message is not None
    assert [(bytes(each.value), each.seq) for each in message.data] == [(b'"\\ud800"', 3)]


def test_an_encoded_value_stays_encoded_next_to_a_lone_surrogate() -> None:
    value = [{"$bytes": ""}, "\ud800"]
    message = messages.read(json.dumps({"type": "push", "key": "a", "seq": 1, "value": value}))
    assert message is not None
    assert json.loads(bytes(message.value)) == value


def test_a_conflict_says_what_is_newest() -> None:
    message = messages.read(
        '{"type":"error","code":"conflict","id":4,"key":"a","seq":9,"message":"late"}'
    )
    assert message is not None
    error = message.refusal()
    assert isinstance(error, Conflict)
    assert (error.push_id, error.key, error.seq, str(error)) == (4, "a", 9, "late")


def test_a_push_is_valid_json_whatever_the_key() -> None:
    frame = messages.push('"\n', b'{"x":1}', action="replace", push_id=3, if_seq=0)
    assert json.loads(frame) == {
        "type": "push",
        "key": '"\n',
        "action": {"type": "replace"},
        "id": 3,
        "if_seq": 0,
        "value": {"x": 1},
    }
    assert len(frame) <= len(b'{"x":1}') + messages.push_overhead_bytes('"\n')


def test_a_frame_nested_too_deep_to_read_is_an_error() -> None:
    with pytest.raises(BadMessage, match="expected a message of the room protocol"):
        messages.read('{"type":"push","key":"a","seq":1,"value":' + "[" * 100000)


def test_a_push_without_a_number_is_an_error() -> None:
    for text in ('{"type":"push","key":"a","value":1}', '{"type":"delete","key":"a"}'):
        with pytest.raises(BadMessage, match="with a seq, got none"):
            messages.read(text)


def test_many_pushes_are_read_as_one_by_one() -> None:
    frames: list[str | bytes] = [
        b'{"type":"push","key":"a","value":[1],"seq":1}',
        b'{"type":"push","key":"b","value":"x","seq":2,"time":3,"client":"c","user":{"name":"n"}}',
        b'{"type":"ack","id":1,"seq":2}',
        b'{"type":"stream_size","key":"a","size":1}',
    ]
    read = messages.read_many(frames)
    assert read is not None
    for fast, frame in zip(read, frames, strict=True):
        slow = messages.read(frame)
        if isinstance(fast, messages.Push):
            assert slow is not None
            assert messages.Value(fast.value, fast.seq, fast.time, fast.client, fast.user) == (
                slow.pushed()
            )
            assert fast.key == slow.key
        elif isinstance(fast, messages.Ack):
            assert slow is not None
            assert (fast.id, fast.seq) == (slow.id, slow.seq)
        else:
            assert slow is None


@pytest.mark.parametrize(
    "frame",
    [
        *('{"type":"ack","id":1}', b"nonsense", b'{"type":"init","key":"a","data":[]}'),
        *(b'{"type":"push","key":"a","seq":1}', b'{"type":"push","value":1,"seq":1}', b"1,1"),
        *(b'{"type":"push","key":"a","value":"\\ud800","seq":1}', b"[" * 100_000),
    ],
)
def test_what_is_not_read_at_once_is_read_one_by_one(frame: str | bytes) -> None:
    assert messages.read_many([b'{"type":"ack","id":1}', frame]) is None
