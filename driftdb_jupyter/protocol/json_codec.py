"""Messages as JSON text."""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec
from msgspec import Raw

from .codec import error_fields
from .entry import Entry
from .errors import BadMessage, Refusal
from .frame import SHORT_TEXT_HEADS, TEXT, head
from .json_text import read_json
from .limits import Limits
from .messages import ClientMessage, Get, Push, push_id
from .value import Value

__all__ = ["JSON", "JsonCodec"]

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(ClientMessage).decode
_STRING_OR_BRACKET = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}]')


class JsonCodec:
    """The JSON encoding. A value's text travels as it came, to its very digits."""

    opcode = TEXT

    def decode(self, message: bytes, limits: Limits) -> ClientMessage:
        """Read a client's message, UTF-8 that was checked (see :class:`~.codec.Codec`)."""
        try:
            length = len(message)
            if length > limits.message_bytes:
                raise limits.message_too_large(length)
            decoded: ClientMessage = _decode(message)
            if length <= limits.harmless_bytes:
                return decoded
            if type(decoded) is Push:
                raw = decoded.value
                # Nesting n takes 2n bytes, so that most values need no closer look.
                if len(raw) > limits.nesting_bytes and _deeper(bytes(raw), limits.nesting):
                    raise limits.nested_too_deep()
                if len(decoded.key) > limits.short_key:
                    limits.check_key(decoded.key)
            elif type(decoded) is Get:
                limits.check_key(decoded.key)
            return decoded
        except RecursionError:
            raise limits.nested_too_deep() from None
        except (msgspec.MsgspecError, UnicodeError) as error:
            refusal: Refusal = BadMessage(f"expected a message of the room protocol: {error}")
            refusal.push_id = _push_id(message)
            raise refusal from None
        except Refusal as refusal:
            refusal.push_id = _push_id(message)
            raise

    def value(self, raw: Raw) -> Value:
        """The value of a push that this codec decoded."""
        return Value(raw)

    def push_start(self, key: str) -> bytes:
        """What every ``push`` of that key begins with."""
        return b'{"type":"push","key":%b,"value":' % _encode(key)

    def push_frame(self, start: bytes, entry: Entry) -> bytes:
        """The broadcast of an entry, as a finished frame."""
        value = entry.value.text or entry.value.as_json()
        end = b',"seq":%d}' % entry.seq
        length = len(start) + len(value) + len(end)
        # Without a call for the heads of most messages.
        first = SHORT_TEXT_HEADS[length] if length < 126 else head(TEXT, length)
        return b"".join((first, start, value, end))

    def init(self, key: str, entries: Iterable[Entry]) -> bytes:
        """The answer to a ``get``."""
        data = b",".join([b'{"value":%b,"seq":%d}' % (e.value.as_json(), e.seq) for e in entries])
        return b'{"type":"init","key":%b,"data":[%b]}' % (_encode(key), data)

    def stream_size(self, key: str, size: int) -> bytes:
        """How many values the stream holds after a push."""
        return b'{"type":"stream_size","key":%b,"size":%d}' % (_encode(key), size)

    def ack(self, push_id: int, seq: int | None) -> bytes:
        """The push with that id was applied."""
        return b'{"type":"ack","id":%d,"seq":%b}' % (push_id, _encode(seq))

    def pong(self, nonce: int | None) -> bytes:
        """The answer to a ``ping``."""
        return b'{"type":"pong","nonce":%b}' % _encode(nonce)

    def error(self, refusal: Refusal) -> bytes:
        """A message could not be taken."""
        return _encode(error_fields(refusal))


JSON = JsonCodec()


def _push_id(message: bytes) -> int | None:
    """The id of a push that was refused before it was read, where it has a sound one."""
    try:
        # msgspec would stumble over the same lone surrogate again.
        push = read_json(message)
    except (ValueError, RecursionError):
        return None
    return push_id(push) if isinstance(push, dict) else None


def _deeper(text: bytes, limit: int) -> bool:
    """Whether arrays and objects are nested deeper than that in a valid JSON text."""
    if text.count(b"[") + text.count(b"{") <= limit:
        return False
    depth = 0
    for token in _STRING_OR_BRACKET.finditer(text):
        first = text[token.start()]
        if first in b"[{":
            depth += 1
            if depth > limit:
                return True
        elif first in b"]}":
            depth -= 1
    return False
