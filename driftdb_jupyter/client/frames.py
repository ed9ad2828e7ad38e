"""A client's side of the wire: what it sends as JSON text, and what it reads of a server's."""

from __future__ import annotations

import json
from typing import Any, Literal

import msgspec
from msgspec import Raw, Struct

from ..protocol.errors import BadMessage, Conflict, Refusal, refusal
from .values import decode

__all__ = [
    "Action",
    "Incoming",
    "Value",
    "get",
    "ping",
    "push",
    "push_overhead_bytes",
    "read",
    "unsubscribe",
]

Action = Literal["append", "relay", "replace"]

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
    epoch: str | None = None
    recovered: bool = False
    more: bool = False
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


_KNOWN = frozenset({"push", "init", "delete", "ack", "error"})
_decode = msgspec.json.Decoder(Incoming).decode
_decode_type = msgspec.json.Decoder(_Typed).decode


def get(key: str, *, epoch: str | None = None, above: int = 0, limit: int | None = None) -> bytes:
    """Subscribe to a key, and ask for what was missed above a sequence number of an epoch.

    With ``epoch`` ``None`` that is all that its stream holds (protocol, "Missing nothing");
    ``limit``: so many values at once.
    """
    bound = b"" if limit is None else b',"limit":%d' % limit
    return b'{"type":"get","key":%b,"seq":%d,"epoch":%b%b}' % (
        _encode(key),
        above,
        _encode(epoch),
        bound,
    )


def unsubscribe(key: str) -> bytes:
    """Hear no more of a key."""
    return b'{"type":"unsubscribe","key":%b}' % _encode(key)


def ping() -> bytes:
    """Ask for a sign of life."""
    return b'{"type":"ping"}'


def push(
    key: str, value: bytes, *, action: Action, push_id: int, if_seq: int | None = None
) -> bytes:
    """Push a value, which is JSON text, to a key."""
    condition = b"" if if_seq is None else b',"if_seq":%d' % if_seq
    return b'{"type":"push","key":%b,"action":{"type":%b},"id":%d%b,"value":%b}' % (
        _encode(key),
        _encode(action),
        push_id,
        condition,
        value,
    )


def push_overhead_bytes(key: str) -> int:
    """How much longer than its value a push of that key can be."""
    return len(push(key, b"", action="replace", push_id=2**53, if_seq=0))


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
    if message.type in ("push", "delete") and message.seq is None:
        raise BadMessage(f"expected a {message.type} with a seq, got none")
    return message if message.type in _KNOWN else None


def _wrap(fields: Any) -> Any:
    """Put the values inside a message back into JSON text."""
    if isinstance(fields, dict):
        if "value" in fields:
            fields["value"] = Raw(json.dumps(fields["value"]))
        for value in fields.get("data") or ():
            _wrap(value)
    return fields
