"""The encodings of what JSON can't hold: objects with one member whose name begins with ``$``.

docs/values.md lists them. A library's types are known by the name of their module, so that no
library is imported which the value isn't from.
"""

from __future__ import annotations

import dataclasses
import enum
import math
import re
import sys
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import PurePath
from typing import Any

from ...protocol.errors import EncodingError
from ...protocol.limits import Limits
from . import arrays, frames, scalars
from .errors import Unencodable, kind

__all__ = ["DEEPEST", "Hook", "decode", "encode", "is_tagged"]

Hook = Callable[[Any], Any]
DEEPEST = Limits().nesting

# Bits of an integer that has fewer digits than the least limit that Python allows.
_ALWAYS_SHORT_ENOUGH = 2_000
_SURROGATE = re.compile("[\ud800-\udfff]")
_INSTEAD = [
    (PurePath, "str(path)"),
    (set, "sorted(set), a list"),
    (frozenset, "sorted(set), a list"),
]
_INSTEAD_OF_LIBRARY = {
    ("pandas", "Index"): "index.to_series(), or list(index)",
    ("pandas", "ExtensionArray"): "pandas.Series(array), or list(array)",
    ("polars", "LazyFrame"): "frame.collect()",
}
_LIBRARIES = ("numpy", "pandas", "polars")
_BASES = ("DataFrame", "Series", "Index", "ExtensionArray")
_EXPECTED = (
    "JSON's types, bytes, a date or time, Decimal, UUID, Enum, a dataclass or model, an array or a "
    "frame"
)


def encode(value: object, *, hook: Hook | None = None) -> object:
    """Return a value in JSON's types alone.

    ``hook`` is called with each value inside of it that has no encoding, and returns one that has.
    Raises :class:`~driftdb_jupyter.protocol.errors.EncodingError` with the path to what hasn't.
    """
    return _Encoder(hook).encode(value, (), 0)


def decode(value: object) -> Any:
    """Return a JSON value with each encoded value in it decoded.

    What only looks like one stays as it is. Never raises, however deep the value is.
    """
    whole = [value]
    copies: list[Any] = [whole]
    while copies:
        copy = copies.pop()
        for place, item in list(enumerate(copy) if isinstance(copy, list) else copy.items()):
            if isinstance(item, dict) and is_tagged(item):
                ((tag, content),) = item.items()
                if tag != "$object":
                    copy[place] = _decoded(tag, content, item)
                    continue
                if isinstance(content, dict):
                    item = content
            if isinstance(item, (dict, list)):
                copy[place] = item.copy()
                copies.append(copy[place])
    return whole[0]


def is_tagged(value: dict[Any, Any]) -> bool:
    """Return True for an object with one member whose name begins with $: an encoded value."""
    return len(value) == 1 and next(iter(value))[:1] == "$"


def _decoded(tag: str, content: Any, whole: object) -> object:
    try:
        if tag == "$ndarray":
            return arrays.decode(content)
        if tag == "$dataframe":
            return frames.decode(content, decode)
        return scalars.DECODERS[tag](content)
    except Exception:  # malformed, or of no tag that we know; libraries raise many things
        return whole


class _Encoder:
    """Encodes a value, and knows the path to each part of it.

    ``path`` are the steps to a part; ``depth`` is how many containers of the text are around it.
    """

    def __init__(self, hook: Hook | None) -> None:
        self._hook = hook

    def encode(self, value: object, path: tuple[object, ...], depth: int) -> object:
        try:
            try:
                return self._encode(value, path, depth)
            except Unencodable:
                if self._hook is None:
                    raise
            return self._encode(self._hook(value), path, depth)
        except Unencodable as error:
            raise _error(error, path) from None
        except EncodingError:  # of a part of it
            raise
        except Exception as error:  # of the value's own code, or the hook's
            raise EncodingError(
                f"{_name(path)}: {kind(value)} raised {type(error).__name__}: {error}"
            ) from error

    def _encode(self, value: object, path: tuple[object, ...], depth: int) -> object:
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, enum.Enum):
            return self._encode(value.value, path, depth)
        if isinstance(value, str):
            return _text(value)
        if isinstance(value, int):
            return _integer(value)
        if isinstance(value, float) and math.isfinite(value):
            return float(value)
        if isinstance(value, (list, tuple, range, deque)):
            inner = _deeper(path, depth)
            return [self.encode(item, (*path, index), inner) for index, item in enumerate(value)]
        if isinstance(value, dict):
            return self._object(value, path, depth)
        if (names := _fields(value)) is not None:
            return self._object({name: getattr(value, name) for name in names}, path, depth)
        return self._tagged(value, path, depth)

    def _object(
        self, value: dict[Any, object], path: tuple[object, ...], depth: int
    ) -> dict[str, object]:
        inner = _deeper(path, depth)
        for key in value:
            if not isinstance(key, str):
                raise Unencodable("str keys", f"{key!r} ({kind(key)})")
        if is_tagged(value):
            return {"$object": self._members(value, path, _deeper(path, inner))}
        return self._members(value, path, inner)

    def _members(
        self, value: dict[str, object], path: tuple[object, ...], depth: int
    ) -> dict[str, object]:
        return {_text(key): self.encode(item, (*path, key), depth) for key, item in value.items()}

    def _tagged(self, value: object, path: tuple[object, ...], depth: int) -> object:
        package, name = _origin(value)
        library = sys.modules.get(package)
        if package == "pandas" and name in ("NaTType", "NAType"):
            return None
        if package == "numpy":
            assert library is not None
            if isinstance(value, library.generic):
                return self._encode(arrays.from_scalar(value), path, depth)
            if type(value) in (library.ndarray, library.memmap):
                _deeper(path, depth + 2)
                return arrays.encode(value)
        elif library is not None and name in ("DataFrame", "Series"):
            inner = _deeper(path, depth + 3)
            return frames.encode(
                value, package, lambda cell, steps: self.encode(cell, (*path, *steps), inner)
            )
        encoded = scalars.encode(value)
        if encoded is None:
            if (scalar := _scalar_of(value)) is not value:
                return self._encode(scalar, path, depth)
            instead = (text for other, text in _INSTEAD if isinstance(value, other))
            expected = _INSTEAD_OF_LIBRARY.get((package, name), _EXPECTED)
            raise Unencodable(next(instead, expected), kind(value))
        _deeper(path, depth)
        return encoded


def _scalar_of(value: Any) -> object:
    """Return Python's own scalar for an array's of one item (torch, jax), else the value."""
    if isinstance(value, type) or not callable(getattr(value, "item", None)):
        return value
    shape: object = getattr(value, "shape", None)
    return value.item() if isinstance(shape, tuple) and not shape else value


def _integer(value: int) -> int:
    if value.bit_length() > _ALWAYS_SHORT_ENOUGH:
        try:
            str(value)
        except ValueError:  # slow to convert, so Python bounds it
            most = sys.get_int_max_str_digits()
            raise Unencodable(f"an integer of at most {most} digits", "a longer one") from None
    return int(value)


def _fields(value: object) -> Iterable[str] | None:
    """Return the names of the fields of a dataclass, or of an attrs, msgspec or pydantic model."""
    if isinstance(value, type):
        return None
    kind: Any = type(value)
    if dataclasses.is_dataclass(kind):
        return [field.name for field in dataclasses.fields(kind)]
    if (fields := getattr(kind, "__attrs_attrs__", None)) is not None:
        return [field.name for field in fields]
    names: Iterable[str] | None = getattr(kind, "__struct_fields__", None)
    return getattr(kind, "__pydantic_fields__", None) if names is None else names


def _origin(value: object) -> tuple[str, str]:
    """Return the library that a value's type is from, and the name of the type or of its base."""
    bases = type(value).__mro__
    for base in bases:
        package = base.__module__.partition(".")[0]
        if package in _LIBRARIES:
            return package, next(
                (each.__name__ for each in bases if each.__name__ in _BASES), base.__name__
            )
    return "", ""


def _text(text: str) -> str:
    if not text.isascii() and _SURROGATE.search(text):
        raise Unencodable("text that UTF-8 can hold", repr(text))
    return str.__str__(text)


def _deeper(path: tuple[object, ...], depth: int) -> int:
    if depth >= DEEPEST:
        raise EncodingError(
            f"{_name(path[:3])}…: expected a value nested at most {DEEPEST} deep, "
            "got a deeper one, or one that holds itself"
        )
    return depth + 1


def _error(error: Unencodable, path: tuple[object, ...]) -> EncodingError:
    return EncodingError(f"{_name((*path, *error.path))}: {error}")


def _name(path: tuple[object, ...]) -> str:
    return "value" + "".join(f"[{step!r}]" for step in path)
