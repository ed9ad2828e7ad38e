"""Python values to JSON text and back (docs/values.md)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from itertools import chain
from math import isfinite
from typing import Any

import msgspec

from ...protocol.errors import EncodingError
from ...protocol.json_text import read_json
from . import tagged
from .tagged import DEEPEST, Hook, is_tagged

__all__ = ["Hook", "decode", "encode", "encode_each", "same"]

_SIMPLE = frozenset({type(None), bool, int, str})
_FLAT = _SIMPLE | {float}
_STR = frozenset({str})
_DICT = frozenset({dict})
_CONTAINERS = frozenset({dict, list})
_DOLLAR, _BACKSLASH = b"$\\"
_to_json = msgspec.json.Encoder().encode
_from_json = msgspec.json.Decoder().decode


def encode(value: object, *, hook: Hook | None = None) -> bytes:
    """Return the JSON text of a value, in UTF-8.

    Takes None, bool, int, float, str, lists, tuples (they become lists), dicts with str keys, and
    what has an encoding: NaN and infinities, bytes, dates and times, Decimal, UUID, Enum members,
    dataclasses, and what numpy, pandas and polars have. ``hook`` is called with each value inside
    of it that is none of these, and returns one that is.

    Raises :class:`~driftdb_jupyter.protocol.errors.EncodingError` with the path to what isn't.
    """
    try:
        if _is_plain(value, DEEPEST):
            return _to_json(value)
    except (ValueError, RuntimeError):
        pass  # a lone surrogate, more digits than Python converts, or it changed meanwhile
    plain = tagged.encode(value, hook=hook)
    try:
        return _to_json(plain)
    except ValueError as error:
        raise EncodingError(f"value: {error}") from None


def encode_each(values: Iterable[object], *, hook: Hook | None = None) -> list[bytes]:
    """Return the JSON text of each value; raises as :func:`encode` does.

    Many scalars or flat dicts are looked at together, which is far quicker.
    """
    values = list(values)
    try:
        if _are_flat(values):
            return list(map(_to_json, values))
    except ValueError:  # as in encode
        pass
    return [encode(value, hook=hook) for value in values]


def decode(text: bytes | str, *, hook: Hook | None = None) -> Any:
    """Return the value of a JSON text; a number out of range becomes the nearest double.

    An encoded value comes back as it was, or in a readable form where its library isn't
    installed; what only looks encoded stays as it is. ``hook`` is called with the whole value, and
    its result is returned.
    """
    try:
        value = _from_json(text)
    except msgspec.MsgspecError:  # stricter than JSON: lone surrogates, numbers out of range
        value = read_json(text)
    if type(value) in _CONTAINERS and _may_be_tagged(text):
        value = tagged.decode(value)
    return value if hook is None else hook(value)


def same(one: object, other: object) -> bool:
    """Return True if two values are the same in a room: ``1`` is ``1.0``, but not ``True``.

    NaN is NaN, a tuple is a list, and arrays and frames are the same if all of their items and
    types are. Never raises.
    """
    if isinstance(one, bool) and isinstance(other, bool):
        return one is other
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if type(one) is type(other) or (_is_number(one) and _is_number(other)):
        # What a comparison raises is its type's affair; of arrays and frames it is another one.
        with contextlib.suppress(Exception):
            equal = one == other
            if equal is True or type(one) in _SIMPLE:
                return equal is True
    try:
        return encode(one) == encode(other)
    except Exception:
        return False


def _is_plain(value: Any, room: int) -> bool:
    """Return True if a value has JSON's types alone and nothing in it looks encoded."""
    kind = type(value)
    if kind in _SIMPLE:
        return True
    if kind is float:
        return isfinite(value)
    if kind is dict:
        if not _STR.issuperset(map(type, value)) or is_tagged(value):
            return False
        value = value.values()
    elif kind is not list and kind is not tuple:
        return False
    if not room:
        return False
    kinds = set(map(type, value))
    if kinds <= _SIMPLE:
        return True
    if kinds <= _FLAT:
        return all(isfinite(item) for item in value if type(item) is float)
    return all(type(item) in _SIMPLE or _is_plain(item, room - 1) for item in value)


def _are_flat(values: Sequence[Any]) -> bool:
    """Return True if all values are plain scalars, or all are dicts of such."""
    kinds = set(map(type, values))
    if kinds == _DICT:
        if not _STR.issuperset(map(type, chain.from_iterable(values))):
            return False
        names = set(chain.from_iterable(values))
        if any(name.startswith("$") for name in names):  # one of them may look encoded
            return False
        values = list(chain.from_iterable(map(dict.values, values)))
        kinds = set(map(type, values))
    if float in kinds:
        return kinds <= _FLAT and all(isfinite(item) for item in values if type(item) is float)
    return kinds <= _SIMPLE


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _may_be_tagged(text: bytes | str) -> bool:
    if isinstance(text, str):
        return '"$' in text or "\\u0024" in text
    # One byte is found far quicker than two: most texts have neither.
    return (_DOLLAR in text and b'"$' in text) or (_BACKSLASH in text and b"\\u0024" in text)
