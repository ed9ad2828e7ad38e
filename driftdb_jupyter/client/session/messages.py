"""A client's side of the wire: what it sends as JSON text, and what it reads of a server's."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Literal

import msgspec
from msgspec import Raw, Struct

from ...protocol.errors import BadMessage, Conflict, Forbidden, Refusal, printable, refusal
from ...protocol.json_text import read_json

__all__ = [
    "Ack",
    "Action",
    "Incoming",
    "KeyInfo",
    "Person",
    "Push",
    "Size",
    "Value",
    "dated",
    "get",
    "get_presence",
    "keys",
    "peek",
    "ping",
    "push",
    "push_overhead_bytes",
    "read",
    "read_many",
    "renew",
    "set_presence",
    "unsubscribe",
]

Action = Literal["append", "compact", "delete", "relay", "replace"]

_encode = msgspec.json.Encoder().encode


class Value(Struct):
    """A value, still encoded, with its sequence number.

    ``time`` (milliseconds since 1970), ``client`` and ``user`` (an object, empty where the server
    knows nobody) are there where stamps were asked for. ``first`` is the number of the oldest value
    that the stream holds after this push, ``None`` where the push is not kept, or where that was
    not asked for.
    """

    value: Raw
    seq: int
    time: int | None = None
    client: str | None = None
    user: Raw = msgspec.field(default_factory=Raw)
    first: int | None = None


class Push(Value, tag_field="type", tag="push", kw_only=True):
    """A ``push``, as :func:`read_many` reads it."""

    key: str


class Ack(Struct, tag_field="type", tag="ack"):
    """An ``ack``, as :func:`read_many` reads it."""

    id: int | None = None
    seq: int | None = None


class Size(Struct, tag_field="type", tag="stream_size"):
    """The length of a stream now, which this client doesn't use."""


class Person(Struct):
    """A person who is present: the value that a client set, and its user (empty if not known)."""

    value: Raw
    user: Raw = msgspec.field(default_factory=Raw)


class KeyInfo(Struct, frozen=True):
    """The extent of a stream: ``size`` values of ``bytes`` in all; ``seq`` is its newest number."""

    size: int
    bytes: int
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
    first: int | None = None
    size: int | None = None
    id: int | None = None
    code: str = ""
    action: str = ""
    message: str = ""
    time: int | None = None
    client: str | None = None
    user: Raw = msgspec.field(default_factory=Raw)
    clients: dict[str, Person] = {}
    prefix: str = ""
    keys: dict[str, KeyInfo] = {}

    def pushed(self) -> Value:
        """Return the value of a ``push`` or a ``compact``."""
        assert self.seq is not None  # as ``read`` has seen to
        return Value(self.value, self.seq, self.time, self.client, self.user, self.first)

    def refusal(self) -> Refusal:
        """Return the error that an ``error`` message stands for."""
        error: Refusal
        if self.code == Conflict.code:
            error = Conflict(printable(self.message), key=self.key, seq=self.seq or 0)
        elif self.code == Forbidden.code and self.action:
            where = f" ({printable(self.key)!r})" if self.key else ""
            text = f"{printable(self.message)}{where}"
            error = Forbidden(text, key=self.key, action=printable(self.action))
        else:
            error = refusal(self.code, self.message)
        error.push_id = self.id
        return error


class _Typed(Struct):
    type: str


_KNOWN = frozenset(
    {
        *("push", "init", "compact", "delete", "ack", "error", "presence", "presence_state"),
        *("keys", "expires"),
    }
)
_decode = msgspec.json.Decoder(Incoming).decode
_decode_many = msgspec.json.Decoder(list[Push | Ack | Size]).decode
_decode_type = msgspec.json.Decoder(_Typed).decode


def get(
    key: str,
    *,
    epoch: str | None = None,
    above: int | None = 0,
    limit: int | None = None,
    stamps: bool = False,
    held: bool = False,
) -> bytes:
    """Subscribe to a key, and ask for what was missed above a sequence number of an epoch.

    With ``epoch`` ``None`` that is all that its stream holds (protocol, "Missing nothing"), and
    with ``above`` ``None`` nothing.
    ``limit``: how many at once; ``stamps``: with who wrote them and when; ``held``: with what
    the stream holds (protocol, "What a stream holds").
    """
    end = b"" if limit is None else b',"limit":%d' % limit
    if stamps:
        end += b',"stamps":true'
    if held:
        end += b',"held":true'
    return b'{"type":"get","key":%b,"seq":%b,"epoch":%b%b}' % (
        _encode(key),
        _encode(above),
        _encode(epoch),
        end,
    )


def peek(key: str, *, above: int) -> bytes:
    """Ask for what a key's stream holds above a sequence number, with who wrote it and when.

    Nothing of what is missed is promised (protocol, "Over WebSocket").
    """
    return b'{"type":"get","key":%b,"seq":%d,"stamps":true}' % (_encode(key), above)


def get_presence(key: str) -> bytes:
    """Ask who is there under a key, and hear who comes and goes."""
    return b'{"type":"get","key":%b,"seq":null,"presence":true}' % _encode(key)


def set_presence(key: str, value: bytes | None) -> bytes:
    """Be there under a key with a value, which is JSON text, or no more (``None``)."""
    return b'{"type":"presence","key":%b,"value":%b}' % (_encode(key), value or b"null")


def keys(prefix: str) -> bytes:
    """Ask which keys there are that begin so."""
    return b'{"type":"keys","prefix":%b}' % _encode(prefix)


def unsubscribe(key: str) -> bytes:
    """Hear no more of a key."""
    return b'{"type":"unsubscribe","key":%b}' % _encode(key)


def ping() -> bytes:
    """Ask for a sign of life."""
    return b'{"type":"ping"}'


def renew(token: str | None = None) -> bytes:
    """Go on with another token; without one, ask to be told before the connection's own ends."""
    return b'{"type":"renew"}' if token is None else _encode({"type": "renew", "token": token})


def push(
    key: str,
    *values: bytes,
    action: Action,
    push_id: int,
    if_seq: int | None = None,
    epoch: str | None = None,
    seq: int | None = None,
    max_length: int | None = None,
) -> bytes:
    """Push a value or several, each JSON text, to a key (none in a delete).

    ``if_seq``, with the ``epoch`` that it is of, makes it conditional; ``seq`` is a compact's;
    ``max_length``: how many values an append leaves in the stream.
    """
    if len(values) == 1:
        content = b',"value":%b' % values[0]
    else:
        content = b',"values":[%b]' % b",".join(values) if values else b""
    condition = b"" if if_seq is None else b',"if_seq":%d' % if_seq
    if epoch is not None:
        condition += b',"epoch":%b' % _encode(epoch)
    more = b"" if seq is None else b',"seq":%d' % seq
    if max_length is not None:
        more += b',"max_length":%d' % max_length
    return b'{"type":"push","key":%b,"action":{"type":"%b"%b},"id":%d%b%b}' % (
        _encode(key),
        action.encode(),
        more,
        push_id,
        condition,
        content,
    )


def dated(push: bytes, epoch: str) -> bytes:
    """Return a push for one epoch alone."""
    return b'%b,"epoch":%b}' % (push[:-1], _encode(epoch))


def push_overhead_bytes(key: str, *, count: int = 1) -> int:
    """Return how much longer than its values a push of that key can be."""
    return _overhead_bytes(key, min(count, 2)) + max(count - 2, 0)  # a comma for each more


@lru_cache(maxsize=1024)
def _overhead_bytes(key: str, count: int) -> int:
    most = 2**53
    values = [b""] * count
    return max(
        len(push(key, *values, action="replace", push_id=most, if_seq=most, epoch="E" * 64)),
        len(dated(push(key, *values, action="append", push_id=most, max_length=most), "E" * 64)),
    )


def read_many(frames: Sequence[str | bytes]) -> list[Push | Ack | Size] | None:
    """Read frames at once, which is far quicker; ``None`` unless all are of pushes.

    What it can't read, :func:`read` can, or says what is wrong.
    """
    try:
        found = _decode_many(b"[%b]" % b",".join(frames))  # type: ignore[arg-type]
    except (msgspec.MsgspecError, TypeError, ValueError, RecursionError):
        return None
    return found if len(found) == len(frames) else None


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
            message = msgspec.convert(_wrap(read_json(frame)), Incoming)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise BadMessage(f"expected a message of the room protocol: {error}") from None
    if message.type in ("push", "compact", "presence") and not len(message.value):
        raise BadMessage(f"expected a {message.type} with a value, got none")
    if message.type == "presence" and message.client is None:
        raise BadMessage("expected a presence with a client, got none")
    if message.type in ("push", "compact", "delete") and message.seq is None:
        raise BadMessage(f"expected a {message.type} with a seq, got none")
    return message if message.type in _KNOWN else None


def _wrap(fields: Any) -> Any:
    """Put the values inside a message back into JSON text."""
    if isinstance(fields, dict):
        for name in ("value", "user"):
            if name in fields:
                fields[name] = Raw(json.dumps(fields[name]))
        for value in fields.get("data") or ():
            _wrap(value)
        clients = fields.get("clients")
        for person in clients.values() if isinstance(clients, dict) else ():
            _wrap(person)
    return fields
