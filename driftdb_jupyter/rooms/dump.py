"""A room as JSON Lines, to be kept, looked at and brought back elsewhere.

The first line is the room's, ``{"driftdb":1,"room":NAME,"seq":N}``; each other one is a value that
it keeps, ``{"key":K,"seq":N,"value":V,"time":MS,"client":C,"user":U}``, by key and ascending.
``time`` is in milliseconds since 1970, ``client`` and ``user`` are there where they are known.
A value that came as CBOR and that JSON can't say exactly (byte strings, tags), or only in a text
that is longer than a message may be, stands as ``"cbor"``, its data item in Base64, in place of
``"value"``: so whatever a room holds can be read again. A number that an earlier key has, too,
as a ``compact`` can leave it, comes with ``"shared":true``.
Before them stands what the room keeps about who may do what (:mod:`~..access.room_access`), a
record a line: ``{"access":KIND,"name":NAME,"record":R}``.

A file may come from anybody, so that a line is held to what a push is held to. A line that is too
long for any value is not even read to its end.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from typing import Annotated, TypeAlias

import cbor2
import msgspec
from msgspec import Meta, Raw, Struct

from ..access.room_access import POLICY
from ..access.tokens.revocation import is_revocation
from ..protocol import cbor
from ..protocol.entry import Author, Entry
from ..protocol.errors import BadMessage, TooLarge
from ..protocol.json_codec import check_items
from ..protocol.json_text import is_deeper
from ..protocol.limits import Limits
from ..protocol.steps import at_once
from ..protocol.value import Value
from .room import Room

__all__ = ["HEAD_LIMIT_BYTES", "VERSION", "Head", "dump", "load", "read_head"]

VERSION = 1
HEAD_LIMIT_BYTES = 64 * 1024
"""The longest first line."""

# Beside a key and a value: who wrote it, of whom servers know what a header of a request can say.
_AUTHOR_BYTES = 64 * 1024
# JSON may say a byte of a key in six: \u0001.
_ESCAPED = 6


_Number: TypeAlias = Annotated[int, Meta(ge=1, le=2**53 - 1)]
# Public ids are 24 such characters (server/hosting/author.py).
_Client: TypeAlias = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,64}\Z")]
# Up to the end of the year 9999, in milliseconds.
_Time: TypeAlias = Annotated[int, Meta(ge=0, le=253_402_300_799_999)]


class Head(Struct, frozen=True):
    """The first line; ``driftdb`` is the version of the form.

    ``lines``: how many lines follow, ``None`` in files that don't say so.
    """

    driftdb: int
    room: str
    seq: Annotated[int, Meta(ge=0, le=2**53 - 1)]
    lines: Annotated[int, Meta(ge=0)] | None = None


class _Line(Struct, omit_defaults=True):
    key: str
    seq: _Number
    value: Raw = Raw()
    cbor: str | None = None
    time: _Time = 0
    client: _Client | None = None
    user: Raw = Raw()
    shared: bool = False


class _Record(Struct):
    access: Annotated[str, Meta(min_length=1)]
    name: str
    record: Raw


_encode = msgspec.json.Encoder().encode
_decode_head = msgspec.json.Decoder(Head).decode
_decode_line = msgspec.json.Decoder(_Line).decode
_decode_record = msgspec.json.Decoder(_Record).decode
_RECORD = b'{"access":'


def dump(name: str, room: Room, *, limits: Limits) -> Iterator[bytes]:
    """Return the lines of a room, with line feeds, as it was when the first one was asked for.

    ``limits``: those that :func:`load` will hold them to.
    """
    streams = [(key, room.read(key)) for key in sorted(room.keys)]
    records = [_Record(*place, Raw(content)) for place, content in room.access.items().items()]
    count = len(records) + sum(len(entries) for _, entries in streams)
    yield _encode(Head(VERSION, name, room.seq, count)) + b"\n"
    for record in records:
        yield _encode(record) + b"\n"
    given: set[int] = set()
    for key, entries in streams:
        for entry in entries:
            yield _encode(_line(key, entry, limits, shared=entry.seq in given)) + b"\n"
            given.add(entry.seq)


def read_head(line: bytes) -> Head:
    """Read the first line.

    Raises :class:`BadMessage` where it is none, :class:`TooLarge` where it is too long for one.
    """
    if len(line) > HEAD_LIMIT_BYTES:
        raise _too_long(1, HEAD_LIMIT_BYTES)
    try:
        head: Head = _decode_head(line)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadMessage(f"line 1: expected the first line of an exported room: {error}") from None
    if head.driftdb != VERSION:
        raise BadMessage(f"line 1: expected version {VERSION} of the form, got {head.driftdb}")
    return head


def load(room: Room, pieces: Iterable[bytes], *, limits: Limits, owners: bool = False) -> int:
    """Fill an empty room with the lines of a dump, given in pieces; their numbers stay.

    ``owners``: whether the records of its owners and of other credentials are taken, too. Whoever
    wrote the file may be an owner by them. The policy, which can be looked at, is taken always, and
    so is which tokens were taken back, which gives nobody anything.
    Returns how many records were left out.

    Raises :class:`BadMessage`, which names the line, where one can't be read, :class:`TooLarge`,
    which does so, too, where one is too long or holds too much, and
    :class:`~..protocol.errors.QuotaExceeded` where the room would hold too much.
    """
    lines = _lines(pieces, limits)
    head = read_head(next(lines, b""))
    newest: dict[str, int] = {}
    given: set[int] = set()
    number, left_out = 1, 0
    for number, text in enumerate(lines, 2):
        if head.lines is None and not text.strip():
            continue  # somebody wrote it by hand
        try:
            text.decode()  # msgspec doesn't look into a value
            if text.startswith(_RECORD):
                record = _decode_record(text)
                content = _sound(record.record, limits)
                place = (record.access, record.name)
                if owners or place == POLICY or is_revocation(record.access, content):
                    room.change_access({place: content})
                else:
                    left_out += 1
                continue
            line = _decode_line(text)
            if not newest.get(line.key, 0) < line.seq <= head.seq:
                raise BadMessage(f"expected ascending seqs up to {head.seq}, got {line.seq}")
            if line.seq in given and not line.shared:
                raise BadMessage(f"expected a seq that no other key has, got {line.seq}")
            limits.check_key(line.key)
            entry = _entry(line, limits)
        except RecursionError:
            raise BadMessage(f"line {number}: {limits.nested_too_deep()}") from None
        except TooLarge as error:
            raise TooLarge(f"line {number}: {error}") from None
        except (msgspec.MsgspecError, BadMessage, ValueError) as error:
            raise BadMessage(f"line {number}: {error}") from None
        newest[line.key] = line.seq
        given.add(line.seq)
        room.restore(line.key, [entry])
    if head.lines is not None and number - 1 != head.lines:
        raise BadMessage(
            f"expected {head.lines} lines behind the first, got {number - 1}: the file is not "
            'whole. If it was changed on purpose, take "lines" out of its first line'
        )
    room.seq = head.seq
    return left_out


def _lines(pieces: Iterable[bytes], limits: Limits) -> Iterator[bytes]:
    """Split pieces into lines; the last one needs no line feed."""
    limit = limits.frame_bytes + _ESCAPED * limits.key_bytes + _AUTHOR_BYTES
    number, length = 1, 0
    begun: list[bytes] = []

    def add(part: bytes) -> None:
        nonlocal length
        length += len(part)
        if length > limit:
            raise _too_long(number, limit)
        begun.append(part)

    for piece in pieces:
        *ends, rest = piece.split(b"\n")
        for end in ends:
            add(end)
            yield b"".join(begun)
            begun.clear()
            length = 0
            number += 1
        add(rest)
    if length:
        yield b"".join(begun)


def _too_long(number: int, limit: int) -> TooLarge:
    return TooLarge(f"line {number}: expected at most {limit} bytes, got more")


def _line(key: str, entry: Entry, limits: Limits, *, shared: bool) -> _Line:
    line = _Line(key, entry.seq, time=round(entry.time * 1000), shared=shared)
    item = entry.value.item if entry.value.came_as_cbor else None
    if item is None:
        line.value = Raw(entry.value.as_json())
    elif (text := _readable(item, entry.value, limits)) is not None:
        line.value = Raw(text)
    else:
        line.cbor = base64.b64encode(item).decode()
    if entry.author is not None:
        line.client = entry.author.client
        if entry.author.user is not None:
            line.user = Raw(entry.author.user.as_json())
    return line


def _readable(item: bytes, value: Value, limits: Limits) -> bytes | None:
    """Return a value that came as CBOR as JSON, if that says the same and is not too long."""
    if cbor2.dumps(cbor.decode(item)) != item:
        return None
    text = value.as_json()
    return text if len(text) <= limits.message_bytes else None


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
    at_once(check_items(text, limits))
    if is_deeper(text, limits.nesting):
        raise limits.nested_too_deep()
    return text
