"""Messages as CBOR (RFC 8949), maps with string keys."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import cbor2
import msgspec
from msgspec import Raw

from . import cbor
from .codec import error_fields
from .entry import Entry
from .errors import BadMessage, Refusal
from .frame import BINARY, head
from .limits import Limits
from .messages import ClientMessage, Ping, push_id
from .value import Value

__all__ = ["CBOR", "CborCodec"]

_TYPE, _KEY, _VALUE, _SEQ = (cbor.text(name) for name in ("type", "key", "value", "seq"))
_PUSH_HEAD = cbor.head(cbor.MAP, 4) + _TYPE + cbor.text("push") + _KEY
_ENTRY_HEAD = cbor.head(cbor.MAP, 2) + _VALUE
_INIT_HEAD = cbor.head(cbor.MAP, 3) + _TYPE + cbor.text("init") + _KEY
_DATA = cbor.text("data")


class CborCodec:
    """The CBOR encoding. A value travels as the data items that it came as, tags and all."""

    opcode = BINARY

    def decode(self, message: bytes, limits: Limits) -> ClientMessage:
        """Read a client's message (see :class:`~.codec.Codec`)."""
        try:
            fields, value = cbor.decode_fields(message, limits.nesting, raw="value")
            if len(message) > limits.message_bytes:
                raise limits.message_too_large(len(message))
            if value is not None:
                fields["value"] = Raw(value)
            decoded: ClientMessage = msgspec.convert(fields, ClientMessage)
            if not isinstance(decoded, Ping):
                limits.check_key(decoded.key)
            return decoded
        except msgspec.ValidationError as error:
            refusal: Refusal = BadMessage(f"expected a message of the room protocol: {error}")
            refusal.push_id = _push_id(message)
            raise refusal from None
        except Refusal as refusal:
            refusal.push_id = _push_id(message)
            raise

    def value(self, raw: Raw) -> Value:
        """The value of a push that this codec decoded."""
        return Value(None, bytes(raw))

    def push_start(self, key: str) -> bytes:
        """What every ``push`` of that key begins with."""
        return _PUSH_HEAD + cbor.text(key) + _VALUE

    def push_frame(self, start: bytes, entry: Entry) -> bytes:
        """The broadcast of an entry, as a finished frame."""
        value = entry.value.item or entry.value.as_cbor()
        end = _SEQ + cbor.head(cbor.UNSIGNED, entry.seq)
        return b"".join((head(BINARY, len(start) + len(value) + len(end)), start, value, end))

    def init(self, key: str, entries: Iterable[Entry]) -> bytes:
        """The answer to a ``get``."""
        data = [
            _ENTRY_HEAD + e.value.as_cbor() + _SEQ + cbor.head(cbor.UNSIGNED, e.seq)
            for e in entries
        ]
        start = _INIT_HEAD + cbor.text(key) + _DATA + cbor.head(cbor.ARRAY, len(data))
        return start + b"".join(data)

    def stream_size(self, key: str, size: int) -> bytes:
        """How many values the stream holds after a push."""
        return _message({"type": "stream_size", "key": key, "size": size})

    def ack(self, push_id: int, seq: int | None) -> bytes:
        """The push with that id was applied."""
        return _message({"type": "ack", "id": push_id, "seq": seq})

    def pong(self, nonce: int | None) -> bytes:
        """The answer to a ``ping``."""
        return _message({"type": "pong", "nonce": nonce})

    def error(self, refusal: Refusal) -> bytes:
        """A message could not be taken."""
        return _message(error_fields(refusal))


CBOR = CborCodec()


def _push_id(message: bytes) -> int | None:
    """The id of a push that was refused, where it has a sound one."""
    return push_id({name: cbor.find(message, name) for name in ("type", "id")})


def _message(fields: Mapping[str, str | int | None]) -> bytes:
    return cbor2.dumps(fields)
