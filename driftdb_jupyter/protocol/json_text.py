"""Reading any JSON text, also what msgspec is too strict for."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import cbor2
import msgspec

from .steps import Steps, at_once

__all__ = [
    "EXTREMES_COUNT_AS",
    "LARGEST_DOUBLE",
    "count_bignums",
    "count_marks",
    "has_extremes",
    "is_deeper",
    "read_json",
    "read_json_in_steps",
    "structure",
    "without_strings",
]

LARGEST_DOUBLE = math.nextafter(math.inf, 0)
_LEAST = -LARGEST_DOUBLE
# Above this many digits int() takes quadratic time (and CPython refuses it).
_DIGITS_LIMIT = 4300
# Such an integer, with its fraction and exponent; not the digits of a fraction or an exponent.
_LONG_NUMBER = re.compile(
    rb"(?<![\d.eE])(?<![eE][+-])(\d{%d,}(?:\.\d+)?(?:[eE][+-]?\d+)?)" % (_DIGITS_LIMIT + 1)
)
# Integers of this number of digits take so long to read that a long text of them is read once only.
_SLOW_DIGITS = 400
_LONG_TEXT = 64 * 1024
# In so short a text no number takes long.
_SHORT_TEXT = 64
# Integers of this number of digits become bignums, which are worth two containers, as a tag is.
_BIGNUM_DIGITS = b"0" * 20
_BIGNUM_COUNTS_AS = 2
# Numbers at the ends of what doubles hold take msgspec 400 times as long as others. The standard
# library reads them instead, and takes six times as long for all that a message holds, which counts
# for that many. They have an exponent of 200, or one of 100 and 80 digits, or 200 digits, or more.
EXTREMES_COUNT_AS = 6
_ALIKE = bytes.maketrans(b"123456789E", b"000000000e")
_EXPONENT_OF_100, _EXPONENT_OF_1000 = b"0e000", b"0e0000"
_COARSE = bytes.maketrans(b"13456789E", b"02222222e")  # 0 for 0 and 1, 2 for the other digits
_EXPONENTS_OF_200 = (b"e200", b"e202", b"e220", b"e222")
_MANY_DIGITS = b"0" * 80
_BEYOND_DOUBLES = b"0" * 200
_NOT_STRUCTURE = bytes(byte for byte in range(256) if byte not in b'"[]{},:')
# Brackets as CBOR: every opening one begins an array of indefinite length.
_BRACKETS_AS_CBOR = bytes.maketrans(b"[{]}", b"\x9f\x9f\xff\xff")

_read = msgspec.json.Decoder().decode


def read_json(text: bytes | str) -> Any:
    """Return the value of a JSON text: integers exact, other numbers as the nearest double.

    A number that no double holds becomes the nearest finite one; so does an integer of more than
    4,300 digits. Of repeated names the last counts; lone surrogates are let through.
    Raises :class:`ValueError` for what is not JSON, :class:`RecursionError` where it is too deep.
    """
    if len(text) < _SHORT_TEXT:
        try:
            return _read(text)
        except (msgspec.MsgspecError, UnicodeError):
            pass
    return at_once(read_json_in_steps(text))


def read_json_in_steps(text: bytes | str) -> Steps[Any]:
    """Do the same as :func:`read_json`, in steps."""
    encoded = text.encode(errors="surrogatepass") if isinstance(text, str) else text
    alike = encoded.translate(_ALIKE, b"+-")
    is_slow = b"0" * _SLOW_DIGITS in alike and len(text) >= _LONG_TEXT
    if not is_slow and _has_extremes(encoded, alike):
        yield
        bare = without_strings(encoded)
        yield
        is_slow = has_extremes(bare)
        del bare
    yield
    if not is_slow:
        try:
            return _read(text)
        except (msgspec.MsgspecError, UnicodeError):
            pass  # lone surrogates, and numbers that no double or no int() takes
    if b"0" * (_DIGITS_LIMIT + 1) in alike:
        encoded = _without_long_integers(encoded)
        yield
    value = json.loads(encoded, parse_constant=_refuse)
    yield
    return _finite(value)


def count_marks(text: bytes) -> int:
    """Count the opening brackets, commas and colons in a text, those inside strings as well."""
    return sum(map(text.count, (b"[", b"{", b",", b":")))


def count_bignums(text: bytes) -> int:
    """Count the arrays that the integers stand for that are bignums in CBOR.

    Those in strings as well.
    """
    return _BIGNUM_COUNTS_AS * text.translate(_ALIKE).count(_BIGNUM_DIGITS)


def has_extremes(text: bytes) -> bool:
    """Return True if a number may be at the ends of what doubles hold, or beyond.

    In a string as well.
    """
    return _has_extremes(text, text.translate(_ALIKE, b"+-"))


def without_strings(text: bytes) -> bytes:
    """Return a valid JSON text without its strings."""
    if b"\\" in text:  # which stands in strings only
        text = text.replace(b"\\\\", b"").replace(b'\\"', b"")
    return b"".join(text.split(b'"')[::2])


def structure(text: bytes) -> bytes:
    """Return the brackets, commas and colons of a valid JSON text, without those inside strings."""
    if b"\\" in text:  # which stands in strings only
        text = text.replace(b"\\\\", b"").replace(b'\\"', b"")
    # Two strings are never side by side, so that two quotes are what is left of one string.
    marks = text.translate(None, _NOT_STRUCTURE).replace(b'""', b"")
    return b"".join(marks.split(b'"')[::2]) if b'"' in marks else marks


def is_deeper(text: bytes, limit: int) -> bool:
    """Return True if arrays and objects are nested deeper than ``limit`` in a valid JSON text."""
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


def _has_extremes(text: bytes, alike: bytes) -> bool:
    """``alike`` is the text with zeros for all digits, and without signs."""
    if _BEYOND_DOUBLES in alike:
        return True
    if _EXPONENT_OF_100 not in alike:
        return False
    if _EXPONENT_OF_1000 in alike or _MANY_DIGITS in alike:
        return True
    coarse = text.translate(_COARSE, b"+-")
    return any(exponent in coarse for exponent in _EXPONENTS_OF_200)


def _without_long_integers(text: bytes) -> bytes:
    """Return the text with an infinite number in the place of each too long integer."""
    pieces = _LONG_NUMBER.split(text)
    quotes = 0
    for at, piece in enumerate(pieces):
        if at % 2 == 0:
            quotes += piece.replace(b"\\\\", b"").replace(b'\\"', b"").count(b'"')
        elif quotes % 2 == 0 and piece.isdigit():
            pieces[at] = b"1e999"
    return b"".join(pieces)


def _finite(value: Any) -> Any:
    """Return the same value, with the largest double in the place of an infinity."""
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
