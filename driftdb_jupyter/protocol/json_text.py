"""Reading any JSON text, also what msgspec is too strict for."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import cbor2
import msgspec

__all__ = ["LARGEST_DOUBLE", "count_marks", "is_deeper", "large_numbers", "read_json", "structure"]

LARGEST_DOUBLE = math.nextafter(math.inf, 0)
_LEAST = -LARGEST_DOUBLE
# Above this many digits int() takes quadratic time (and CPython refuses it).
_DIGITS_LIMIT = 4300
_LONG_NUMBER = re.compile(rb"(?<![\d.])(\d{%d,}(?:\.\d+)?(?:[eE][+-]?\d+)?)" % (_DIGITS_LIMIT + 1))
# Integers of so many digits take so long to read that a long text of them is read once only.
_SLOW_DIGITS = 400
_LONG_TEXT = 64 * 1024
_ALL_DIGITS_ALIKE = bytes.maketrans(b"123456789", b"0" * 9)
# Integers of so many digits become bignums, which are worth two containers, as a tag is.
_BIGNUM_DIGITS = b"0" * 20
_BIGNUM_COUNTS_AS = 2
# Without one of these no number is beyond all doubles; with one, all else takes twice as long.
_BEYOND_DOUBLES = (b"0e000", b"0" * 200)
_NUMBERS_ALIKE = bytes.maketrans(b"123456789E", b"000000000e")
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_NOT_STRUCTURE = bytes(byte for byte in range(256) if byte not in b'"[]{},:')
# Brackets as CBOR: every opening one begins an array of indefinite length.
_BRACKETS_AS_CBOR = bytes.maketrans(b"[{]}", b"\x9f\x9f\xff\xff")

_read = msgspec.json.Decoder().decode


def read_json(text: bytes | str) -> Any:
    """The value of a JSON text: integers exact, other numbers as the nearest double.

    A number that no double holds becomes the nearest finite one; so does an integer of more than
    4,300 digits. Of repeated names the last counts; lone surrogates are let through.
    Raises :class:`ValueError` for what is not JSON, :class:`RecursionError` where it is too deep.
    """
    if len(text) < _LONG_TEXT or not _has_integer_of(_SLOW_DIGITS, text):
        try:
            return _read(text)
        except (msgspec.MsgspecError, UnicodeError):
            pass  # lone surrogates, and numbers that no double or no int() takes
    encoded = text.encode(errors="surrogatepass") if isinstance(text, str) else text
    if _has_integer_of(_DIGITS_LIMIT + 1, encoded):
        encoded = _without_long_integers(encoded)
    return _finite(json.loads(encoded, parse_constant=_refuse))


def count_marks(text: bytes) -> int:
    """How many opening brackets, commas and colons are in a text, those inside strings as well."""
    return sum(map(text.count, (b"[", b"{", b",", b":")))


def large_numbers(text: bytes, *, strings: bool) -> tuple[int, int]:
    """What large numbers in a valid JSON text count for.

    As how many arrays those count that are bignums in CBOR, and how many times everything counts,
    because a number may be beyond all doubles. ``strings``: whether what looks like one inside a
    string counts as well, which is faster.
    """
    if not strings:
        text = _STRING.sub(b"", text)
    alike = text.translate(_NUMBERS_ALIKE, b"+")
    bignums = _BIGNUM_COUNTS_AS * alike.count(_BIGNUM_DIGITS)
    return bignums, 2 if any(sign in alike for sign in _BEYOND_DOUBLES) else 1


def structure(text: bytes) -> bytes:
    """The brackets, commas and colons of a valid JSON text, without those inside strings."""
    if b"\\" in text:  # which stands in strings only
        text = text.replace(b"\\\\", b"").replace(b'\\"', b"")
    # Two strings are never side by side, so that two quotes are what is left of one string.
    marks = text.translate(None, _NOT_STRUCTURE).replace(b'""', b"")
    return b"".join(marks.split(b'"')[::2]) if b'"' in marks else marks


def is_deeper(text: bytes, limit: int) -> bool:
    """Whether arrays and objects are nested deeper than ``limit`` in a valid JSON text."""
    if text.count(b"[") + text.count(b"{") <= limit:
        return False
    brackets = structure(text).translate(_BRACKETS_AS_CBOR, b",:")
    if not brackets:
        return False
    try:
        cbor2.loads(brackets, max_depth=limit)
    except cbor2.CBORDecodeError:
        return True
    return False


def _refuse(constant: str) -> None:
    raise ValueError(f"expected JSON, got {constant}")


def _has_integer_of(digits: int, text: bytes | str) -> bool:
    """Whether that many digits are side by side, inside a string or not."""
    encoded = text.encode(errors="replace") if isinstance(text, str) else text
    return b"0" * digits in encoded.translate(_ALL_DIGITS_ALIKE)


def _without_long_integers(text: bytes) -> bytes:
    """The text with a number that is infinite in the place of each too long integer."""
    pieces = _LONG_NUMBER.split(text)
    quotes = 0
    for at, piece in enumerate(pieces):
        if at % 2 == 0:
            quotes += piece.replace(b"\\\\", b"").replace(b'\\"', b"").count(b'"')
        elif quotes % 2 == 0 and piece.isdigit():
            pieces[at] = b"1e999"
    return b"".join(pieces)


def _finite(value: Any) -> Any:
    """The same value, with the largest double in the place of an infinity."""
    if type(value) is float:
        return max(_LEAST, min(value, LARGEST_DOUBLE))
    containers = [value] if isinstance(value, (list, dict)) else []
    for container in containers:
        members = list(container.values() if isinstance(container, dict) else container)
        if math.inf in members or -math.inf in members:
            finite = [
                m
                if type(m) is not float or _LEAST <= m <= LARGEST_DOUBLE
                else LARGEST_DOUBLE
                if m > 0
                else _LEAST
                for m in members
            ]
            if isinstance(container, dict):
                container.update(zip(list(container), finite, strict=True))
            else:
                container[:] = finite
        containers.extend([m for m in members if type(m) is list or type(m) is dict])
    return value
