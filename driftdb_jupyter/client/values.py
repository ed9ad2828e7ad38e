"""Python values to JSON text and back."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import Any

import msgspec

from ..protocol.errors import EncodingError
from ..protocol.json_text import read_json
from ..protocol.limits import Limits

__all__ = ["Hook", "decode", "encode", "same"]

_DEEPEST = Limits().nesting
_SURROGATE = re.compile("[\ud800-\udfff]")


Hook = Callable[[Any], Any]


def encode(value: object, *, hook: Hook | None = None) -> bytes:
    """Return the JSON text of a value, in UTF-8.

    Takes None, bool, int, float, str, lists, tuples (they become lists) and dicts with str keys.
    Raises :class:`~driftdb_jupyter.protocol.errors.EncodingError` with the path to what isn't.
    """
    plain = _plain(value if hook is None else hook(value), ())
    try:
        return json.dumps(plain, ensure_ascii=False, separators=(",", ":")).encode()
    except ValueError as error:  # an integer of more digits than Python converts
        raise EncodingError(f"value: {error}") from None


def decode(text: bytes | str, *, hook: Hook | None = None) -> Any:
    """Return the value of a JSON text; a number out of range becomes the nearest double."""
    try:
        value = msgspec.json.decode(text)
    except msgspec.MsgspecError:  # stricter than JSON: lone surrogates, numbers out of range
        value = read_json(text)
    return value if hook is None else hook(value)


def same(one: object, other: object) -> bool:
    """Whether two values are the same JSON: ``1`` is ``1.0``, but not ``True``."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return one == other


def _plain(value: object, path: tuple[object, ...]) -> object:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _text(value, path)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        number = float(value)
        if not math.isfinite(number):
            raise EncodingError(f"{_name(path)}: expected a finite number, got {number}")
        return number
    if isinstance(value, (list, tuple)):
        _check_depth(path)
        return [_plain(item, (*path, index)) for index, item in enumerate(value)]
    if isinstance(value, dict):
        _check_depth(path)
        for key in value:
            if not isinstance(key, str):
                raise EncodingError(f"{_name(path)}: expected str keys, got {key!r} ({_kind(key)})")
        return {_text(key, path): _plain(item, (*path, key)) for key, item in value.items()}
    raise EncodingError(
        f"{_name(path)}: expected None, bool, int, float, str, list, tuple or dict, "
        f"got {_kind(value)}"
    )


def _text(text: str, path: tuple[object, ...]) -> str:
    if not text.isascii() and _SURROGATE.search(text):
        raise EncodingError(f"{_name(path)}: expected text that UTF-8 can hold, got {text!r}")
    return str.__str__(text)


def _check_depth(path: tuple[object, ...]) -> None:
    if len(path) >= _DEEPEST:
        raise EncodingError(
            f"{_name(path[:3])}…: expected a value nested at most {_DEEPEST} deep, "
            "got a deeper one, or one that holds itself"
        )


def _name(path: tuple[object, ...]) -> str:
    return "value" + "".join(f"[{step!r}]" for step in path)


def _kind(value: object) -> str:
    kind = type(value)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
