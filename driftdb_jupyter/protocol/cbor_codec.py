"""Messages as CBOR (RFC 8949), maps with string keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, get_args

import cbor2
import msgspec
from msgspec import Raw

from . import cbor
from .codec import (
    Held,
    KeyInfo,
    Listing,
    error_fields,
    several_values,
    values_of_clients,
    values_of_entries,
    values_of_keys,
)
from .entry import Author, Entry
from .errors import BadMessage, Refusal
from .frame import BINARY, SHORT_BINARY_HEADS, frame, head
from .limits import Limits
from .messages import Action, ClientMessage, Keys, Ping, Push, Renew, push_id
from .steps import Steps, at_once
from .value import Value

__all__ = ["CBOR", "CborCodec"]

_TYPE, _KEY, _VALUE, _SEQ = (cbor.text(name) for name in ("type", "key", "value", "seq"))
_PUSH_HEAD = cbor.head(cbor.MAP, 4) + _TYPE + cbor.text("push") + _KEY
# msgspec takes a union apart for each message anew.
_KINDS: dict[str, Any] = {kind.__struct_config__.tag: kind for kind in get_args(ClientMessage)}
_PUSH_FIELDS = ("type", *Push.__struct_fields__)
_SHORT_SEQS = [_SEQ + cbor.head(cbor.UNSIGNED, seq) for seq in range(0x100)]
_SEQ_IN_TWO_BYTES = _SEQ + b"\x19"
_ENTRY_HEAD = cbor.head(cbor.MAP, 2) + _VALUE


class CborCodec:
    """The CBOR encoding: a value travels as the data items that it came as, tags and all."""

    opcode = BINARY

    def decode(self, message: bytes, limits: Limits) -> ClientMessage:
        if len(message) <= limits.harmless_bytes and (push := _push_as_before(message, limits)):
            return push
        return at_once(self.decode_in_steps(message, limits))

    def decode_in_steps(self, message: bytes, limits: Limits) -> Steps[ClientMessage]:
        try:
            if len(message) > limits.message_bytes:
                raise limits.message_too_large(len(message))
            fields, value = yield from cbor.read_map(
                message, limits, raw="value", raw_items="values"
            )
            word = fields.get("type")
            kind = _KINDS.get(word, ClientMessage) if type(word) is str else ClientMessage
            decoded: ClientMessage = msgspec.convert(fields, kind)
            if type(decoded) is Push and len(message) <= limits.harmless_bytes:
                _remember(message, value, decoded)
            if not isinstance(decoded, (Ping, Renew)):
                limits.check_key(decoded.prefix if isinstance(decoded, Keys) else decoded.key)
            return decoded
        except msgspec.ValidationError as error:
            raise _bad_message(error, message) from None
        except Refusal as refusal:
            refusal.push_id = push_id(cbor.find(message, _PUSH_FIELDS))
            raise

    def value(self, raw: Raw) -> Value:
        return Value.from_cbor(bytes(raw))

    def values(self, push: Push, limits: Limits) -> Sequence[Value]:
        raw = push.value
        size = len(raw)
        if size and push.values is None:
            return (Value(None, b"".join((raw,)), size),)
        return [self.value(raw) for raw in several_values(push, limits)]

    def push_start(self, key: str) -> bytes:
        return _PUSH_HEAD + cbor.text(key) + _VALUE

    def push_frame(self, start: bytes, entry: Entry) -> bytes:
        value = entry.value.item or entry.value.as_cbor()
        seq = entry.seq
        if seq < 0x10000:
            end = _SEQ_IN_TWO_BYTES + seq.to_bytes(2, "big") if seq > 0xFF else _SHORT_SEQS[seq]
        else:
            end = _SEQ + cbor.head(cbor.UNSIGNED, seq)
        length = len(start) + len(value) + len(end)
        # Without a call for the heads of most messages.
        first = SHORT_BINARY_HEADS[length] if length < 126 else head(BINARY, length)
        return b"".join((first, start, value, end))

    def stamped_push_frame(self, start: bytes, entry: Entry) -> bytes:
        stamps = _stamps(entry)
        # The start says how many fields a push has without stamps.
        start = cbor.head(cbor.MAP, 4 + len(stamps)) + start[1:]
        fields = _joined({"seq": _uint(entry.seq), **stamps})
        return frame(BINARY, start + entry.value.as_cbor() + fields)

    def held_push_frame(
        self, start: bytes, entry: Entry, first: int | None, *, stamps: bool
    ) -> bytes:
        fields = {"seq": _uint(entry.seq)}
        if first is not None:
            fields["first"] = _uint(first)
        if stamps:
            fields |= _stamps(entry)
        # The start says how many fields a push has without more.
        start = cbor.head(cbor.MAP, 3 + len(fields)) + start[1:]
        return frame(BINARY, start + entry.value.as_cbor() + _joined(fields))

    def compact(self, key: str, entry: Entry, *, stamps: bool) -> bytes:
        return _map(
            {
                "type": cbor.text("compact"),
                "key": cbor.text(key),
                "value": entry.value.as_cbor(),
                "seq": _uint(entry.seq),
                **(_stamps(entry) if stamps else {}),
            }
        )

    def delete(self, key: str, seq: int) -> bytes:
        return _message({"type": "delete", "key": key, "seq": seq})

    def init(
        self,
        key: str,
        count: int,
        *,
        stamps: bool = False,
        epoch: str | None = None,
        recovered: bool = False,
        seq: int | None = None,
        more: bool = False,
        held: Held | None = None,
    ) -> Listing:
        more_fields = {}
        if epoch is not None:
            more_fields["epoch"] = cbor.text(epoch)
            more_fields["recovered"] = cbor2.dumps(recovered)
        if seq is not None:
            more_fields["seq"] = _uint(seq)
        if more:
            more_fields["more"] = cbor2.dumps(True)
        if held is not None:
            more_fields["first"] = _uint(held.first)
            more_fields["size"] = _uint(held.size)
        first_fields = {
            "type": cbor.text("init"),
            "key": cbor.text(key),
            "data": cbor.head(cbor.ARRAY, count),
        }
        start = cbor.head(cbor.MAP, len(first_fields) + len(more_fields)) + _joined(first_fields)
        parts = _stamped_entry_parts if stamps else _entry_parts
        return Listing(start, parts, b"", _joined(more_fields), values_of_entries)

    def stream_size(self, key: str, size: int) -> bytes:
        return _message({"type": "stream_size", "key": key, "size": size})

    def ack(self, push_id: int, seq: int | None, *, count: int | None = None) -> bytes:
        fields = {"type": "ack", "id": push_id, "seq": seq}
        return _message(fields if count is None else {**fields, "count": count})

    def presence(self, key: str, author: Author, value: Value | None) -> bytes:
        return _map(
            {
                "type": cbor.text("presence"),
                "key": cbor.text(key),
                "client": cbor.text(author.client),
                **_user(author),
                "value": cbor2.dumps(None) if value is None else value.as_cbor(),
            }
        )

    def presence_state(self, key: str, own: str, count: int) -> Listing:
        start = _map(
            {
                "type": cbor.text("presence_state"),
                "key": cbor.text(key),
                "client": cbor.text(own),
                "clients": cbor.head(cbor.MAP, count),
            }
        )
        return Listing(start, _presence_parts, b"", b"", values_of_clients)

    def keys(self, prefix: str, count: int) -> Listing:
        start = _map(
            {
                "type": cbor.text("keys"),
                "prefix": cbor.text(prefix),
                "keys": cbor.head(cbor.MAP, count),
            }
        )
        return Listing(start, _key_parts, b"", b"", values_of_keys)

    def pong(self, nonce: int | None) -> bytes:
        return _message({"type": "pong", "nonce": nonce})

    def can(self, key: str, actions: Sequence[str]) -> bytes:
        return _message({"type": "can", "key": key, "actions": list(actions)})

    def renewed(self, in_seconds: float | None, person: str | None = None) -> bytes:
        whose = {} if person is None else {"person": person}
        return _message({"type": "renewed", "in_seconds": in_seconds, **whose})

    def expires(self, in_seconds: float) -> bytes:
        return _message({"type": "expires", "in_seconds": in_seconds})

    def error(self, refusal: Refusal) -> bytes:
        return _message(error_fields(refusal))


CBOR = CborCodec()

# A client's pushes to a key differ in nothing but their values. So what stood around the value of
# a short one is remembered, with what it meant.
_Around = tuple[bytes, bytes]
_known: dict[_Around, tuple[str, Action]] = {}
_KNOWN_LIMIT = 1024
# How long numbers and text are by their first byte; 0: that tells more than the first byte.
_LENGTHS = [0] * 256
for _first in (*range(0x00, 0x18), *range(0x20, 0x38), *range(0xF4, 0xF8)):
    _LENGTHS[_first] = 1
for _width in range(4):
    _LENGTHS[0x18 + _width] = _LENGTHS[0x38 + _width] = 1 + (1 << _width)
for _length in range(24):
    _LENGTHS[0x60 + _length] = 1 + _length
_TEXT_OF_ONE_BYTE_LENGTH = 0x78


def _push_as_before(message: bytes, limits: Limits) -> Push | None:
    """Return a short push that differs from an earlier one in its value alone, else ``None``."""
    start = message.find(_VALUE) + len(_VALUE)
    try:
        first = message[start]
        length = _LENGTHS[first]
        if length:
            end = start + length
        elif first == _TEXT_OF_ONE_BYTE_LENGTH:
            end = start + 2 + message[start + 1]
        else:
            end = cbor.read_item(message, start, limits)
    except (IndexError, Refusal):
        return None
    known = _known.get((message[:start], message[end:]))
    if known is None or end > len(message):
        return None
    value = message[start:end]
    if 0x60 <= first <= _TEXT_OF_ONE_BYTE_LENGTH and not value.isascii():
        try:
            value[1 if length else 2 :].decode()
        except UnicodeDecodeError:
            return None
    return Push(*known, Raw(value))


def _remember(message: bytes, value: tuple[int, int], push: Push) -> None:
    """Remember what stands around the value of a push, unless it is another each time."""
    start, end = value
    others = (push.id, push.if_seq, push.epoch, push.values)
    if start and others == (None, None, None, None):
        if len(_known) >= _KNOWN_LIMIT:
            _known.clear()
        _known[message[:start], message[end:]] = push.key, push.action


def _bad_message(error: msgspec.ValidationError, message: bytes) -> BadMessage:
    refusal = BadMessage(f"expected a message of the room protocol: {error}")
    refusal.push_id = push_id(cbor.find(message, _PUSH_FIELDS))
    return refusal


def _message(fields: Mapping[str, object]) -> bytes:
    return cbor2.dumps(fields)


def _uint(number: int) -> bytes:
    return cbor.head(cbor.UNSIGNED, number)


def _map(items: Mapping[str, bytes]) -> bytes:
    """Return a map of items that are encoded already."""
    return cbor.head(cbor.MAP, len(items)) + _joined(items)


def _joined(items: Mapping[str, bytes]) -> bytes:
    return b"".join([cbor.text(name) + item for name, item in items.items()])


def _entry_parts(entries: Sequence[Entry]) -> list[bytes]:
    return [
        part
        for e in entries
        for part in (_ENTRY_HEAD, e.value.as_cbor(), _SEQ + cbor.head(cbor.UNSIGNED, e.seq))
    ]


def _stamped_entry_parts(entries: Sequence[Entry]) -> list[bytes]:
    parts: list[bytes] = []
    for e in entries:
        fields = {"seq": _uint(e.seq), **_stamps(e)}
        head = cbor.head(cbor.MAP, 1 + len(fields)) + _VALUE
        parts += (head, e.value.as_cbor(), _joined(fields))
    return parts


def _presence_parts(clients: Sequence[tuple[Author, Value]]) -> list[bytes]:
    parts: list[bytes] = []
    for author, value in clients:
        user = _user(author)
        head = cbor.text(author.client) + cbor.head(cbor.MAP, 1 + len(user)) + _VALUE
        parts += (head, value.as_cbor(), _joined(user))
    return parts


def _key_parts(keys: Sequence[tuple[str, KeyInfo]]) -> list[bytes]:
    return [
        part
        for key, info in keys
        for part in (cbor.text(key), cbor2.dumps(msgspec.to_builtins(info)))
    ]


def _stamps(entry: Entry) -> dict[str, bytes]:
    """Return when an entry came, and who wrote it, as far as that is known."""
    stamps = {"time": _uint(int(entry.time * 1000))}
    if entry.author is not None:
        stamps |= {"client": cbor.text(entry.author.client), **_user(entry.author)}
    return stamps


def _user(author: Author) -> dict[str, bytes]:
    return {} if author.user is None else {"user": author.user.as_cbor()}
