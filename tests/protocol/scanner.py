"""CBOR items read by a plain walk in Python, item by item: what the native reading is held to."""

from __future__ import annotations

import math
import struct
from typing import Any

from driftdb_jupyter.protocol.errors import BadMessage
from driftdb_jupyter.protocol.json_text import LARGEST_DOUBLE

__all__ = ["BYTES", "TEXT", "count_containers", "count_items", "decode", "scan"]

UNSIGNED, NEGATIVE, BYTES, TEXT, ARRAY, MAP, TAG = range(7)
_INDEFINITE = 31
_BREAK = 0xFF
_FALSE, _TRUE, _NULL, _UNDEFINED = 0xF4, 0xF5, 0xF6, 0xF7
_HALF, _SINGLE, _DOUBLE = 0xF9, 0xFA, 0xFB
_FLOATS = {_HALF: struct.Struct(">e"), _SINGLE: struct.Struct(">f"), _DOUBLE: struct.Struct(">d")}
_POSITIVE_BIGNUM, _NEGATIVE_BIGNUM = 2, 3
# int.from_bytes is quick, but the digits that JSON needs are not: 4,300 of them fit in here.
_BIGNUM_BYTES = 1785


def scan(data: bytes, start: int, nesting: int) -> int:
    """Return where the item at ``start`` ends.

    Raises :class:`BadMessage` where it is no item that a room may hold (protocol, "Over
    WebSocket"): truncated or malformed, nested deeper than ``nesting``, NaN or an infinity,
    a map key that is no string, text that is no UTF-8, a simple value without a JSON meaning.
    """
    try:
        return _scan(data, start, nesting)
    except IndexError:
        raise _truncated() from None


def decode(data: bytes) -> Any:
    """What a scanned item means to a JSON client, as Python objects.

    Byte strings become lists of their byte values, tags their content, bignums integers,
    ``undefined`` becomes ``None``; of repeated map keys the last counts.
    """
    return _decode(data, 0)[0]


def _truncated() -> BadMessage:
    return BadMessage("expected a whole CBOR item, got one that is cut off")


def _head(data: bytes, position: int) -> tuple[int, int | None, int]:
    """Return major type, number (``None``: of indefinite length) and where the content starts."""
    first = data[position]
    position += 1
    major, info = first >> 5, first & 31
    if info < 24:
        return major, info, position
    if info < 28:
        end = position + (1 << (info - 24))
        if end > len(data):
            raise IndexError
        return major, int.from_bytes(data[position:end], "big"), end
    if info == _INDEFINITE and major in (BYTES, TEXT, ARRAY, MAP):
        return major, None, position
    raise BadMessage(f"expected a CBOR item, got the reserved initial byte {first:#04x}")


def _scan(data: bytes, position: int, nesting: int) -> int:
    first = data[position]
    if first >= 0xE0:
        return _scan_simple(data, position)
    major, number, position = _head(data, position)
    if major <= NEGATIVE:
        return position
    if major <= TEXT:
        return _scan_string(data, position, major, number)
    if nesting <= 0:
        raise BadMessage("expected a value nested less deep, got one over the limit")
    nesting -= 1
    if major == TAG:
        return _scan(data, position, nesting)
    pairs = major == MAP
    if number is None:
        while data[position] != _BREAK:
            if pairs:
                position = _scan_key(data, position)
            position = _scan(data, position, nesting)
        return position + 1
    if number > len(data) - position:  # each member takes at least a byte
        raise IndexError
    for _ in range(number):
        if pairs:
            position = _scan_key(data, position)
        position = _scan(data, position, nesting)
    return position


def _scan_simple(data: bytes, position: int) -> int:
    first = data[position]
    if _FALSE <= first <= _UNDEFINED:
        return position + 1
    if first in _FLOATS:
        number, end = _float(data, position)
        if not math.isfinite(number):
            raise BadMessage("expected a finite number, got NaN or an infinity")
        return end
    raise BadMessage(f"expected a value with a JSON meaning, got the CBOR byte {first:#04x}")


def _scan_key(data: bytes, position: int) -> int:
    if data[position] >> 5 != TEXT:
        raise BadMessage("expected a string as map key, got another kind of CBOR item")
    return _scan(data, position, 1)


def _scan_string(data: bytes, position: int, major: int, length: int | None) -> int:
    if length is not None:
        end = position + length
        if end > len(data):
            raise IndexError
        if major == TEXT:
            try:
                data[position:end].decode()
            except UnicodeDecodeError:
                raise BadMessage("expected text in UTF-8, got other bytes in a string") from None
        return end
    while data[position] != _BREAK:
        chunk, length, position = _head(data, position)
        if chunk != major or length is None:
            raise BadMessage("expected chunks of the string's own kind, got another CBOR item")
        position = _scan_string(data, position, major, length)
    return position + 1


def _float(data: bytes, position: int) -> tuple[float, int]:
    layout = _FLOATS[data[position]]
    end = position + 1 + layout.size
    if end > len(data):
        raise IndexError
    number: float = layout.unpack_from(data, position + 1)[0]
    return number, end


def _decode(data: bytes, position: int) -> tuple[Any, int]:
    """Decode the item at ``position``, which was scanned before; return it and its end."""
    first = data[position]
    if first in _FLOATS:
        return _float(data, position)
    if first >= _FALSE:
        return {_FALSE: False, _TRUE: True}.get(first), position + 1
    major, number, position = _head(data, position)
    if major == TAG:
        content_is_bytes = data[position] >> 5 == BYTES
        if content_is_bytes and number in (_POSITIVE_BIGNUM, _NEGATIVE_BIGNUM):
            magnitude, position = _decode_string(data, position)
            return _bignum(magnitude, negative=number == _NEGATIVE_BIGNUM), position
        return _decode(data, position)
    if major == UNSIGNED:
        return number, position
    if major == NEGATIVE:
        assert number is not None
        return -1 - number, position
    if major == BYTES:
        string, position = _decode_chunks(data, position, number)
        return list(string), position
    if major == TEXT:
        string, position = _decode_chunks(data, position, number)
        return string.decode(), position
    return _decode_members(data, position, number, pairs=major == MAP)


def _decode_members(
    data: bytes, position: int, count: int | None, *, pairs: bool
) -> tuple[list[Any] | dict[str, Any], int]:
    members = []
    while count is None or count > 0:
        if count is None:
            if data[position] == _BREAK:
                position += 1
                break
        else:
            count -= 1
        if pairs:
            key, position = _decode(data, position)
            member, position = _decode(data, position)
            members.append((key, member))
        else:
            member, position = _decode(data, position)
            members.append(member)
    return (dict(members) if pairs else members), position


def _decode_string(data: bytes, position: int) -> tuple[bytes, int]:
    _, length, position = _head(data, position)
    return _decode_chunks(data, position, length)


def _decode_chunks(data: bytes, position: int, length: int | None) -> tuple[bytes, int]:
    if length is not None:
        return data[position : position + length], position + length
    chunks = []
    while data[position] != _BREAK:
        chunk, position = _decode_string(data, position)
        chunks.append(chunk)
    return b"".join(chunks), position + 1


def _bignum(magnitude: bytes, *, negative: bool) -> int | float:
    """The integer, or the nearest double where its digits would take too long to write."""
    if len(magnitude.lstrip(b"\0")) > _BIGNUM_BYTES:
        return -LARGEST_DOUBLE if negative else LARGEST_DOUBLE
    number = int.from_bytes(magnitude, "big")
    return -1 - number if negative else number


def count_items(data: bytes) -> int:
    """How many heads there are, those of chunks and breaks among them."""
    return len(_heads(data))


def count_containers(data: bytes) -> int:
    """How many arrays, maps and byte strings there are, and tags, each with its string as two."""
    count = 0
    majors = [first >> 5 if first < 0xE0 else None for first in _heads(data)]
    for before, major in zip([None, *majors], majors, strict=False):
        if major == TAG:
            count += 2
        elif major in (ARRAY, MAP) or (major == BYTES and before != TAG):
            count += 1
    return count


def _heads(data: bytes) -> list[int]:
    position, heads = 0, []
    while position < len(data):
        first = data[position]
        heads.append(first)
        if first in _FLOATS:
            _, position = _float(data, position)
        elif first >= _FALSE:
            position += 1
        else:
            major, number, position = _head(data, position)
            if major in (BYTES, TEXT) and number is not None:
                position += number
    return heads
