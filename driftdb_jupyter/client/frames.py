"""A client's side of the wire: what it sends as JSON text, and what it reads of a server's."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from msgspec import Raw, Struct

from ..protocol.errors import BadMessage, Conflict, Refusal, refusal
from .values import decode

__all__ = ["Incoming", "Value", "get", "push_overhead_bytes", "read", "replace"]

_encode = msgspec.json.Encoder().encode


class Value(Struct):
    """A value of an ``init``, still encoded, with its sequence number."""

    value: Raw
    seq: int


class Incoming(Struct):
    """A message of a server; its ``type`` says which of the fields it has."""

    type: str
    key: str = ""
    value: Raw = msgspec.field(default_factory=Raw)
    seq: int | None = None
    data: list[Value] = []  # msgspec makes each its own
    id: int | None = None
    code: str = ""
    message: str = ""

    def refusal(self) -> Refusal:
        """The error that an ``error`` message stands for."""
        error: Refusal
        if self.code == Conflict.code:
            error = Conflict(self.message, key=self.key, seq=self.seq or 0)
        else:
            error = refusal(self.code, self.message)
        error.push_id = self.id
        return error


class _Typed(Struct):
    type: str


_KNOWN = frozenset({"push", "init", "ack", "error"})
_decode = msgspec.json.Decoder(Incoming).decode
_decode_type = msgspec.json.Decoder(_Typed).decode


def get(key: str) -> bytes:
    """Subscribe to a key, and ask for all that its stream holds."""
    return b'{"type":"get","key":%b,"seq":0}' % _encode(key)


def replace(key: str, value: bytes, *, push_id: int, if_seq: int | None = None) -> bytes:
    """Make the stream of a key this one value, which is JSON text."""
    condition = b"" if if_seq is None else b',"if_seq":%d' % if_seq
    return b'{"type":"push","key":%b,"action":{"type":"replace"},"id":%d%b,"value":%b}' % (
        _encode(key),
        push_id,
        condition,
        value,
    )


def push_overhead_bytes(key: str) -> int:
    """How much longer than its value a push of that key can be."""
    return len(replace(key, b"", push_id=2**53, if_seq=0))


def read(frame: str | bytes) -> Incoming | None:
    """Read a text frame from the server; ``None`` for a message that this client doesn't use.

    Raises :class:`~driftdb_jupyter.protocol.errors.BadMessage` if it is none of the protocol's.
    """
    try:
        try:
            message = _decode(frame)
        except msgspec.ValidationError:
            if _decode_type(frame).type in _KNOWN:
                raise
            return None
        except msgspec.DecodeError:  # stricter than JSON: it takes no lone surrogates
            message = msgspec.convert(_wrap(decode(frame)), Incoming)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise BadMessage(f"expected a message of the room protocol: {error}") from None
    if message.type == "push" and not len(message.value):
        raise BadMessage("expected a push with a value, got none")
    return message if message.type in _KNOWN else None


def _wrap(fields: Any) -> Any:
    """Put the values inside a message back into JSON text."""
    if isinstance(fields, dict):
        if "value" in fields:
            fields["value"] = Raw(json.dumps(fields["value"]))
        for value in fields.get("data") or ():
            _wrap(value)
    return fields
