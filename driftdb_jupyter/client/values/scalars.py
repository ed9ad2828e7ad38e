"""Single values of Python's own that JSON can't hold, and their encodings (docs/values.md)."""

from __future__ import annotations

import contextlib
import re
from base64 import b64decode, b64encode
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from .errors import Unencodable

__all__ = ["DECODERS", "base64", "encode", "from_base64"]


def base64(data: bytes | bytearray | memoryview) -> str:
    """Return bytes as Base64 text."""
    return b64encode(data.tobytes() if isinstance(data, memoryview) else data).decode()


def from_base64(text: str) -> bytes:
    """Return the bytes of Base64 text; raises :class:`ValueError` for other text."""
    return b64decode(_text(text), validate=True)


def encode(value: object) -> dict[str, object] | None:
    """Return the encoding of a value, an object with one member; ``None`` for other types.

    Raises :class:`.Unencodable` for a time that has a time zone and no offset.
    """
    for kinds, tag, write in _ENCODERS:
        if isinstance(value, kinds):
            return {tag: write(value)}
    return None


def _duration(value: timedelta) -> float | list[int]:
    """Seconds; where a float doesn't hold the microseconds, days, seconds and microseconds."""
    seconds = value.total_seconds()
    with contextlib.suppress(OverflowError):
        if timedelta(seconds=seconds) == value:
            return seconds
    return [value.days, value.seconds, value.microseconds]


def _time(value: time) -> str:
    if value.tzinfo is not None and value.utcoffset() is None:
        raise Unencodable("a time whose zone has one offset on all days", f"{value!r}")
    return value.isoformat()


_Kinds = type | tuple[type, ...]

# A datetime is a date too, so it goes first.
_ENCODERS: list[tuple[_Kinds, str, Callable[[Any], object]]] = [
    (float, "$float", str),
    ((bytes, bytearray, memoryview), "$bytes", base64),
    (datetime, "$datetime", lambda value: value.isoformat()),
    (date, "$date", lambda value: value.isoformat()),
    (time, "$time", _time),
    (timedelta, "$timedelta", _duration),
    (Decimal, "$decimal", str),
    (UUID, "$uuid", str),
]

_FLOATS = {"nan": float("nan"), "inf": float("inf"), "-inf": float("-inf")}
_PAST_MICROSECONDS = re.compile(r"(\.\d{6})\d+")


def _text(content: object) -> str:
    if not isinstance(content, str):
        raise TypeError(f"expected str, got {content!r}")
    return content


def _iso(content: object) -> str:
    """Return ISO 8601 text as Python 3.10 reads it: JavaScript writes a Z, pandas nanoseconds."""
    text = _PAST_MICROSECONDS.sub(r"\1", _text(content))
    return f"{text[:-1]}+00:00" if text.endswith("Z") else text


def _timedelta(content: object) -> timedelta:
    if isinstance(content, list):
        days, seconds, microseconds = map(_number, content)
        return timedelta(days, seconds, microseconds)
    return timedelta(seconds=_number(content))


def _number(content: object) -> float:
    if isinstance(content, bool) or not isinstance(content, (int, float)):
        raise TypeError(f"expected a number, got {content!r}")
    return content


# What each encoding's content stands for. Malformed content raises ArithmeticError, LookupError,
# TypeError or ValueError.
DECODERS: dict[str, Callable[[Any], object]] = {
    "$float": lambda content: _FLOATS[_text(content)],
    "$bytes": from_base64,
    "$datetime": lambda content: datetime.fromisoformat(_iso(content)),
    "$date": lambda content: date.fromisoformat(_text(content)),
    "$time": lambda content: time.fromisoformat(_iso(content)),
    "$timedelta": _timedelta,
    "$decimal": lambda content: Decimal(_text(content)),
    "$uuid": lambda content: UUID(_text(content)),
}
