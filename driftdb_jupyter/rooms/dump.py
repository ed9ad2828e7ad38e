"""A room as JSON Lines, to be kept, looked at and brought back elsewhere.

The first line is the room's, ``{"driftdb":1,"room":NAME,"seq":N}``; each other one is a value that
it keeps, ``{"key":K,"seq":N,"value":V,"time":MS,"client":C,"user":U}``, by key and ascending.
``time`` is in milliseconds since 1970, ``client`` and ``user`` are there where they are known.
What JSON can't say exactly (a value that came as CBOR with byte strings or tags) stands as
``"cbor"``, its data item in Base64, in place of ``"value"``. A number that an earlier key has, too,
as a ``compact`` can leave it, comes with ``"shared":true``.

A file may come from anybody, so that a line is held to what a push is held to.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from typing import Annotated, TypeAlias

import cbor2
import msgspec
from msgspec import Meta, Raw, Struct

from ..protocol import cbor
from ..protocol.entry import Author, Entry
from ..protocol.errors import BadMessage, TooLarge
from ..protocol.json_codec import check_items
from ..protocol.json_text import is_deeper
from ..protocol.limits import Limits
from ..protocol.value import Value
from .room import Room

__all__ = ["VERSION", "Head", "dump", "load", "read_head"]

VERSION = 1


_Number: TypeAlias = Annotated[int, Meta(ge=1, le=2**53 - 1)]
# Public ids are 24 such characters (server/hosting/author.py).
_Client: TypeAlias = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,64}\Z")]
# Up to the end of the year 9999, in milliseconds.
_Time: TypeAlias = Annotated[int, Meta(ge=0, le=253_402_300_799_999)]


class Head(Struct, frozen=True):
    """The first line; ``driftdb`` is the version of the form."""

    driftdb: int
    room: str
    seq: Annotated[int, Meta(ge=0, le=2**53 - 1)]


class _Line(Struct, omit_defaults=True):
    key: str
    seq: _Number
    value: Raw = Raw()
    cbor: str | None = None
    time: _Time = 0
    client: _Client | None = None
    user: Raw = Raw()
    shared: bool = False


_encode = msgspec.json.Encoder().encode
_decode_head = msgspec.json.Decoder(Head).decode
_decode_line = msgspec.json.Decoder(_Line).decode


def dump(name: str, room: Room) -> Iterator[bytes]:
    """Return the lines of a room, with line feeds, as it was when the first one was asked for."""
    streams = [(key, room.read(key)) for key in sorted(room.keys)]
    yield _encode(Head(VERSION, name, room.seq)) + b"\n"
    given: set[int] = set()
    for key, entries in streams:
        for entry in entries:
            yield _encode(_line(key, entry, shared=entry.seq in given)) + b"\n"
            given.add(entry.seq)


def read_head(line: bytes) -> Head:
    """Read the first line; raises :class:`BadMessage` where it is none."""
    try:
        head: Head = _decode_head(line)
    except msgspec.MsgspecError as error:
        raise BadMessage(f"line 1: expected the first line of an exported room: {error}") from None
    if head.driftdb != VERSION:
        raise BadMessage(f"line 1: expected version {VERSION} of the form, got {head.driftdb}")
    return head


def load(room: Room, lines: Iterable[bytes], *, limits: Limits) -> None:
    """Fill an empty room with the lines of a dump; their numbers stay.

    Raises :class:`BadMessage`, which names the line, where one can't be read, and
    :class:`~..protocol.errors.QuotaExceeded` where the room would hold too much.
    """
    lines = iter(lines)
    head = read_head(next(lines, b""))
    newest: dict[str, int] = {}
    given: set[int] = set()
    for number, text in enumerate(lines, 2):
        try:
            text.decode()  # msgspec doesn't look into a value
            line = _decode_line(text)
            if not newest.get(line.key, 0) < line.seq <= head.seq:
                raise BadMessage(f"expected ascending seqs up to {head.seq}, got {line.seq}")
            if line.seq in given and not line.shared:
                raise BadMessage(f"expected a seq that no other key has, got {line.seq}")
            limits.check_key(line.key)
            entry = _entry(line, limits)
        except RecursionError:
            raise BadMessage(f"line {number}: {limits.nested_too_deep()}") from None
        except (msgspec.MsgspecError, BadMessage, TooLarge, ValueError) as error:
            raise BadMessage(f"line {number}: {error}") from None
        newest[line.key] = line.seq
        given.add(line.seq)
        room.restore(line.key, [entry])
    room.seq = head.seq


def _line(key: str, entry: Entry, *, shared: bool) -> _Line:
    line = _Line(key, entry.seq, time=round(entry.time * 1000), shared=shared)
    item = entry.value.item if entry.value.came_as_cbor else None
    if item is None or cbor2.dumps(cbor.decode(item)) == item:
        line.value = Raw(entry.value.as_json())
    else:
        line.cbor = base64.b64encode(item).decode()
    if entry.author is not None:
        line.client = entry.author.client
        if entry.author.user is not None:
            line.user = Raw(entry.author.user.as_json())
    return line


def _entry(line: _Line, limits: Limits) -> Entry:
    if line.cbor is not None:
        item = base64.b64decode(line.cbor, validate=True)
        cbor.check(item, limits)
        value = Value.from_cbor(item)
    elif len(line.value):
        value = Value.from_json(_sound(line.value, limits))
    else:
        raise BadMessage("expected a value, got none")
    if value.byte_count > limits.message_bytes:
        raise limits.message_too_large(value.byte_count)
    author = None
    if line.client is not None:
        author = Author(line.client, _user(line.user, limits) if len(line.user) else None)
    return Entry(line.seq, value, line.time / 1000, author)


def _user(user: Raw, limits: Limits) -> Value | None:
    if bytes(user) == b"null":
        return None
    text = _sound(user, limits)
    if not text.startswith(b"{"):
        raise BadMessage("expected an object as user, got another value")
    return Value.from_json(text)


def _sound(raw: Raw, limits: Limits) -> bytes:
    """Return the text of a value, valid JSON that is in UTF-8, within the limits of a message."""
    text = bytes(raw).strip()
    check_items(text, limits)
    if is_deeper(text, limits.nesting):
        raise limits.nested_too_deep()
    return text
