"""The heads of CBOR items (RFC 8949, section 3), as a regular expression goes over them.

A message is a row of heads, each followed by the content of a number or string; only what they
mean together needs their structure. So one pattern for an item without its members goes from head
to head natively. It matches exactly what a room can hold (protocol, "Over WebSocket"), so it stops
at NaN, infinities, reserved bytes and simple values that JSON lacks.

Python's engine chooses an alternative by its first byte, one after the other: the frequent ones
come first. The content of strings of up to 255 bytes is skipped by one alternative for each length.
"""

from __future__ import annotations

import re
import sys

from .errors import BadMessage, Refusal
from .limits import Limits

__all__ = [
    "ARRAY",
    "BYTES",
    "MAP",
    "NEGATIVE",
    "TAG",
    "TAG_COUNTS_AS",
    "TEXT",
    "UNSIGNED",
    "Truncated",
    "empty_as_levels",
    "most_containers",
    "survey",
]

UNSIGNED, NEGATIVE, BYTES, TEXT, ARRAY, MAP, TAG = range(7)


class Truncated(BadMessage):
    """An item that ends too early."""

    def __init__(self) -> None:
        super().__init__("expected a whole CBOR item, got one that is cut off")


def _byte(*bytes_or_ranges: int | tuple[int, int]) -> bytes:
    """Match one byte of several, or of ranges that include both ends."""
    ranges = [(r, r) if isinstance(r, int) else r for r in bytes_or_ranges]
    escaped = [
        re.escape(bytes((first,))) + b"-" + re.escape(bytes((last,))) for first, last in ranges
    ]
    return b"[%b]" % b"".join(escaped)


def _either(*patterns: bytes) -> bytes:
    return b"(?:%b)" % b"|".join(patterns)


def _sized(majors: tuple[int, ...], lengths: range) -> list[bytes]:
    """Match heads of one byte that tell the length of their content, with the content."""
    return [
        _byte(*(major << 5 | length for major in majors)) + b".{%d}" % length for length in lengths
    ]


def _length_and_content(lengths: range) -> bytes:
    """Match a length of one byte and its content, chosen in a few steps."""
    if len(lengths) <= 8:
        return _either(*_sized((0,), lengths))
    step = len(lengths) // (4 if len(lengths) > 64 else 8)
    parts = [lengths[at : at + step] for at in range(0, len(lengths), step)]
    return _either(*(b"(?=%b)%b" % (_byte((p[0], p[-1])), _length_and_content(p)) for p in parts))


def _strings(*majors: int) -> list[bytes]:
    """Match strings of up to 255 bytes, however their length is written."""
    long = _byte(*((major << 5 | 8, major << 5 | 23) for major in majors))
    heads = (
        _byte(*(major << 5 | 24 + n for major in majors)) + rb"\x00{%d}" % ((1 << n) - 1)
        for n in range(4)
    )
    return [
        *_sized(majors, range(1, 8)),
        _either(*heads) + _either(*_sized((0,), range(8)), _length_and_content(range(8, 256))),
        b"(?=%b)" % long + _either(*_sized(majors, range(8, 24))),
    ]


def _numbered(*majors: int) -> list[bytes]:
    """Match heads with a number of 1 to 8 bytes."""
    return [_byte(*(m << 5 | 24 + n for m in majors)) + b".{%d}" % (1 << n) for n in range(4)]


# NaN and infinities have an exponent that is all ones.
_FLOATS = [
    rb"\xfb(?:[\x00-\x7e\x80-\xfe].{7}|[\x7f\xff][\x00-\xef].{6})",
    rb"\xfa(?:[\x00-\x7e\x80-\xfe].{3}|[\x7f\xff][\x00-\x7f].{2})",
    rb"\xf9[\x00-\x7b\x80-\xfb].",
]
# Heads of one byte. A chunk of a string of indefinite length counts as an item, as do its head
# (0x5f, 0x7f) and the break (0xff).
_SHORTEST = ((0x00, 0x17), (0x20, 0x37), 0x60, 0x7F, (0x80, 0x97), 0x9F, (0xA0, 0xB7), 0xBF)
_SIMPLE = ((0xF4, 0xF6), 0xFF)
_SHORTEST_AND_ODD = ((0xC0, 0xD7), 0x40, 0x5F, 0xF7)

_ITEM = _either(
    _byte(*_SHORTEST, *_SIMPLE, *_SHORTEST_AND_ODD),
    *_FLOATS,
    *_numbered(UNSIGNED, NEGATIVE, ARRAY, MAP, TAG),
    *_strings(BYTES, TEXT),
)
# Empty arrays and maps, whose number is in the head, or zero bytes behind it.
_EMPTY = _either(
    _byte(0x80, 0xA0), *(_byte(0x98 + n, 0xB8 + n) + rb"\x00{%d}" % (1 << n) for n in range(4))
)
_UP_TO_EMPTY = _either(b"(?!%b)" % _EMPTY + _ITEM) + b"*"
_LEVEL = rb"\1" + b"\x9f\xff"
_BLOCK = 512
# Without it the engine tries the other alternatives of each item where a later one doesn't fit.
_POSSESSIVE = b"+" if sys.version_info >= (3, 11) else b""
# What cbor2 does for a tag takes as long as two arrays.
TAG_COUNTS_AS = 2
_NOT_ARRAYS_MAPS_BYTES = bytes(
    byte for byte in range(256) if not 0x40 <= byte <= 0x5F and not 0x80 <= byte <= 0xBF
)
_NOT_TAGS = bytes(byte for byte in range(256) if not 0xC0 <= byte <= 0xDB)


def _compiled(pattern: bytes) -> re.Pattern[bytes]:
    return re.compile(pattern, re.DOTALL)


_item = _compiled(_ITEM)
_block = _compiled(_ITEM + b"{%d}" % _BLOCK + _POSSESSIVE)
_rest = _compiled(_ITEM + b"{0,%d}" % _BLOCK + _POSSESSIVE)
_empty = _compiled(b"(" + _UP_TO_EMPTY + _POSSESSIVE + rb")(?:%b|\Z)" % _EMPTY)


def survey(data: bytes, limits: Limits) -> tuple[int, Refusal | None]:
    """Go over the heads of all items in ``data``, whatever their structure.

    Returns how far they are items that a room can hold, and what is wrong there: ``None`` where
    nothing is, a :class:`~.errors.BadMessage`, or a :class:`~.errors.TooLarge` for too many items.
    What may be wrong with the structure, with text and with map keys is not looked at.
    """
    position, size = 0, len(data)
    items = 0
    uncounted: list[tuple[int, int]] = []  # runs of less than a block
    while position < size:
        while size - position >= _BLOCK and (block := _block.match(data, position)):
            position = block.end()
            items += _BLOCK
            if items > limits.items:
                return position, limits.too_many_items()
        rest = _rest.match(data, position)
        assert rest is not None
        if rest.end() > position:
            uncounted.append(rest.span())
            position = rest.end()
        if position < size:
            try:
                position = _end_of_long_string(data, position)
            except Refusal as refusal:
                return position, refusal
            items += 1
    if items + sum(end - start for start, end in uncounted) > limits.items:
        items += sum(len(_item.findall(data, *run)) for run in uncounted)
        if items > limits.items:
            return size, limits.too_many_items()
    return size, None


def most_containers(data: bytes) -> int:
    """Return the most arrays, maps, byte strings and tags that the bytes in ``data`` can be."""
    others = len(data.translate(None, _NOT_ARRAYS_MAPS_BYTES))
    return others + TAG_COUNTS_AS * len(data.translate(None, _NOT_TAGS))


def empty_as_levels(data: bytes) -> bytes:
    """Return the same items, with an array of indefinite length for each empty array or map.

    For cbor2 that is a level of nesting, and what it stands for is not.
    """
    position, size = 0, len(data)
    pieces = []
    while position < size:
        run = _rest.match(data, position)
        assert run is not None
        # The last match is that of the end.
        pieces.append(_empty.sub(_LEVEL, run[0])[:-2])
        position = run.end()
        if not run[0]:
            end = _end_of_long_string(data, position)
            pieces.append(data[position:end])
            position = end
    return b"".join(pieces)


def _end_of_long_string(data: bytes, position: int) -> int:
    """Return the end of the item at ``position``, a string of more than 255 bytes if it is sound.

    Raises :class:`~.errors.BadMessage` where it isn't.
    """
    first = data[position]
    major, width = first >> 5, first & 31
    if first >= 0xE0:
        if first in (0xF9, 0xFA, 0xFB):
            if position + (1 << first - 0xF8) < len(data):
                raise BadMessage("expected a finite number, got NaN or an infinity")
            raise Truncated()
        raise BadMessage(f"expected a value with a JSON meaning, got the CBOR byte {first:#04x}")
    if width > 27:
        raise BadMessage(f"expected a CBOR item, got the reserved initial byte {first:#04x}")
    if major in (BYTES, TEXT) and width >= 24:
        content = position + 1 + (1 << width - 24)
        end = content + int.from_bytes(data[position + 1 : content], "big")
        if content <= len(data) and end <= len(data):
            return end
    raise Truncated()
