"""Messages as JSON text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
from msgspec import Raw, Struct

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
from .frame import SHORT_TEXT_HEADS, TEXT, frame, head
from .json_text import (
    EXTREMES_COUNT_AS,
    count_bignums,
    count_marks,
    has_extremes,
    is_deeper,
    structure,
    without_strings,
)
from .limits import Limits
from .messages import ClientMessage, Keys, Ping, Push, Renew, SetPresence, push_id
from .steps import Steps, at_once
from .value import Value

__all__ = ["JSON", "JsonCodec", "check_items", "decode_short"]

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(ClientMessage).decode
# Reads a message of at most ``Limits.harmless_bytes`` without a call of Python's. Raises ValueError
# or RecursionError for one that is none; :meth:`JsonCodec.decode` says then what is wrong with it.
decode_short = _decode


class _Head(Struct):
    """The fields that tell which push a message is, whatever its other fields hold."""

    type: Raw = Raw()
    id: Raw = Raw()


# The longest type or id that a push may have.
_HEAD_BYTES = 32
_decode_head = msgspec.json.Decoder(_Head).decode


class JsonCodec:
    """The JSON encoding: a value's text travels as it came, to its very digits."""

    opcode = TEXT

    def decode(self, message: bytes, limits: Limits) -> ClientMessage:
        return at_once(self.decode_in_steps(message, limits))

    def decode_in_steps(self, message: bytes, limits: Limits) -> Steps[ClientMessage]:
        try:
            if len(message) > limits.message_bytes:
                raise limits.message_too_large(len(message))
            if len(message) > limits.sparse_bytes:
                _decode_head(message)  # what is not JSON at all is a bad_message
                yield
                yield from check_items(message, limits)
                yield
            decoded: ClientMessage = _decode(message)
            if type(decoded) is Push:
                raw = decoded.value
                # Nesting n takes 2n bytes, so that most values need no closer look.
                if len(raw) > limits.nesting_bytes and is_deeper(bytes(raw), limits.nesting):
                    raise limits.nested_too_deep()
                if len(decoded.key) > limits.short_key:
                    limits.check_key(decoded.key)
                if decoded.values is not None:
                    self._check_nesting(decoded.values, limits)
            elif type(decoded) is SetPresence:
                limits.check_key(decoded.key)
                self._check_nesting((decoded.value,), limits)
            elif not isinstance(decoded, (Ping, Renew)):
                limits.check_key(decoded.prefix if isinstance(decoded, Keys) else decoded.key)
            return decoded
        except RecursionError:
            raise limits.nested_too_deep() from None
        except (msgspec.MsgspecError, UnicodeError) as error:
            raise _bad_message(error, message) from None
        except Refusal as refusal:
            refusal.push_id = _push_id(message)
            raise

    def value(self, raw: Raw) -> Value:
        return Value(bytes(raw), None, len(raw))

    def values(self, push: Push, limits: Limits) -> Sequence[Value]:
        raw = push.value
        size = len(raw)
        if size and push.values is None:
            return (Value(b"".join((raw,)), None, size),)  # as bytes(), but for a quarter less
        return [self.value(raw) for raw in several_values(push, limits)]

    def push_start(self, key: str) -> bytes:
        return b'{"type":"push","key":%b,"value":' % _encode(key)

    def push_frame(self, start: bytes, entry: Entry) -> bytes:
        value = entry.value.text or entry.value.as_json()
        end = b',"seq":%d}' % entry.seq
        length = len(start) + len(value) + len(end)
        # Without a call for the heads of most messages.
        first = SHORT_TEXT_HEADS[length] if length < 126 else head(TEXT, length)
        return b"".join((first, start, value, end))

    def stamped_push_frame(self, start: bytes, entry: Entry) -> bytes:
        return frame(
            TEXT, b'%b%b,"seq":%d%b}' % (start, entry.value.as_json(), entry.seq, _stamps(entry))
        )

    def held_push_frame(
        self, start: bytes, entry: Entry, first: int | None, *, stamps: bool
    ) -> bytes:
        end = b"" if first is None else b',"first":%d' % first
        if stamps:
            end += _stamps(entry)
        return frame(TEXT, b'%b%b,"seq":%d%b}' % (start, entry.value.as_json(), entry.seq, end))

    def compact(self, key: str, entry: Entry, *, stamps: bool) -> bytes:
        return b'{"type":"compact","key":%b,"value":%b,"seq":%d%b}' % (
            _encode(key),
            entry.value.as_json(),
            entry.seq,
            _stamps(entry) if stamps else b"",
        )

    def delete(self, key: str, seq: int) -> bytes:
        return b'{"type":"delete","key":%b,"seq":%d}' % (_encode(key), seq)

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
        end = b"]"
        if epoch is not None:
            end += b',"epoch":%b,"recovered":%b' % (_encode(epoch), _encode(recovered))
        if seq is not None:
            end += b',"seq":%d' % seq
        if more:
            end += b',"more":true'
        if held is not None:
            end += b',"first":%d,"size":%d' % held
        start = b'{"type":"init","key":%b,"data":[' % _encode(key)
        parts = _stamped_entry_parts if stamps else _entry_parts
        return Listing(start, parts, b",", end + b"}", values_of_entries)

    def stream_size(self, key: str, size: int) -> bytes:
        return b'{"type":"stream_size","key":%b,"size":%d}' % (_encode(key), size)

    def ack(self, push_id: int, seq: int | None, *, count: int | None = None) -> bytes:
        end = b"" if count is None else b',"count":%d' % count
        return b'{"type":"ack","id":%d,"seq":%b%b}' % (push_id, _encode(seq), end)

    def presence(self, key: str, author: Author, value: Value | None) -> bytes:
        text = b"null" if value is None else value.as_json()
        return b'{"type":"presence","key":%b,%b,"value":%b}' % (_encode(key), _author(author), text)

    def presence_state(self, key: str, own: str, count: int) -> Listing:
        start = b'{"type":"presence_state","key":%b,"client":%b,"clients":{' % (
            _encode(key),
            _encode(own),
        )
        return Listing(start, _presence_parts, b",", b"}}", values_of_clients)

    def keys(self, prefix: str, count: int) -> Listing:
        start = b'{"type":"keys","prefix":%b,"keys":{' % _encode(prefix)
        return Listing(start, _key_parts, b",", b"}}", values_of_keys)

    def pong(self, nonce: int | None) -> bytes:
        return b'{"type":"pong","nonce":%b}' % _encode(nonce)

    def can(self, key: str, actions: Sequence[str]) -> bytes:
        return _encode({"type": "can", "key": key, "actions": actions})

    def renewed(self, in_seconds: float | None, person: str | None = None) -> bytes:
        whose = {} if person is None else {"person": person}
        return _encode({"type": "renewed", "in_seconds": in_seconds, **whose})

    def expires(self, in_seconds: float) -> bytes:
        return _encode({"type": "expires", "in_seconds": in_seconds})

    def error(self, refusal: Refusal) -> bytes:
        return _encode(error_fields(refusal))

    @staticmethod
    def _check_nesting(values: Iterable[Raw], limits: Limits) -> None:
        for raw in values:
            if len(raw) > limits.nesting_bytes and is_deeper(bytes(raw), limits.nesting):
                raise limits.nested_too_deep()


JSON = JsonCodec()


def _entry_parts(entries: Sequence[Entry]) -> list[bytes]:
    return [
        part for e in entries for part in (b',{"value":', e.value.as_json(), b',"seq":%d}' % e.seq)
    ]


def _stamped_entry_parts(entries: Sequence[Entry]) -> list[bytes]:
    return [
        part
        for e in entries
        for part in (b',{"value":', e.value.as_json(), b',"seq":%d%b}' % (e.seq, _stamps(e)))
    ]


def _presence_parts(clients: Sequence[tuple[Author, Value]]) -> list[bytes]:
    return [
        part
        for author, value in clients
        for part in (
            b',%b:{"value":' % _encode(author.client),
            value.as_json(),
            _user(author) + b"}",
        )
    ]


def _key_parts(keys: Sequence[tuple[str, KeyInfo]]) -> list[bytes]:
    return [b",%b:%b" % (_encode(key), _encode(info)) for key, info in keys]


def _stamps(entry: Entry) -> bytes:
    """Return when an entry came, and who wrote it, as far as that is known."""
    time = b',"time":%d' % (entry.time * 1000)
    return time if entry.author is None else b"%b,%b" % (time, _author(entry.author))


def _author(author: Author) -> bytes:
    return b'"client":%b%b' % (_encode(author.client), _user(author))


def _user(author: Author) -> bytes:
    return b"" if author.user is None else b',"user":%b' % author.user.as_json()


def check_items(text: bytes, limits: Limits) -> Steps[None]:
    """Raise :class:`~.errors.TooLarge` for a message with too many items or containers, in steps.

    Items are counted by commas, colons and brackets, so an empty array or object counts as two.
    """
    count = count_marks(text)
    # Each may stand for an array and a bignum.
    if EXTREMES_COUNT_AS * 3 * count < limits.sparse_bytes:
        return
    yield
    bignums, times = count_bignums(text), _times(text)
    if times * (count + bignums) < limits.sparse_bytes:
        return
    if bignums or times > 1:  # which may be in strings
        yield
        bare = without_strings(text)
        yield
        bignums, times = count_bignums(bare), _times(bare)
    yield
    marks = structure(text)
    yield
    containers = marks.count(b"[") + marks.count(b"{")
    if times * (containers + bignums) > limits.containers:
        raise limits.too_many_containers()
    if times * (1 + containers + marks.count(b",") + marks.count(b":")) > limits.items:
        raise limits.too_many_items()


def _times(text: bytes) -> int:
    return EXTREMES_COUNT_AS if has_extremes(text) else 1


def _bad_message(error: Exception, message: bytes) -> BadMessage:
    refusal = BadMessage(f"expected a message of the room protocol: {error}")
    refusal.push_id = _push_id(message)
    return refusal


def _push_id(message: bytes) -> int | None:
    """Return the id of a push that was refused before it was read, if it has a sound one."""
    for text in (message, _without_escapes(message)):
        try:
            fields = _decode_head(text)
            return push_id(
                {
                    name: msgspec.json.decode(raw)
                    for name, raw in (("type", fields.type), ("id", fields.id))
                    if 0 < len(raw) <= _HEAD_BYTES
                }
            )
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            continue
    return None


def _without_escapes(text: bytes) -> bytes:
    """Return the text with other strings, none of which msgspec can't read (lone surrogates)."""
    return text.replace(b"\\\\", b"").replace(b"\\u", b"u")
