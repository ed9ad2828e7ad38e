"""A value on its way through the server: encoded, and never looked into."""

from __future__ import annotations

import json
import math
from typing import Any

import cbor2
from msgspec import Raw, Struct

from . import cbor

__all__ = ["Value"]

# Above so many digits int() and str() take quadratic time (and CPython refuses them).
_DIGITS_LIMIT = 4300
_LARGEST_DOUBLE = math.nextafter(math.inf, 0)


class Value(Struct, gc=False):
    """One JSON value, held in the encoding that it came in.

    ``text`` is its JSON in UTF-8, ``item`` its CBOR; one of the two is always there. The other is
    made when somebody asks for it, and kept (protocol, "Over WebSocket", has the rules).
    """

    text: bytes | Raw | None = None
    item: bytes | None = None

    def as_json(self) -> bytes | Raw:
        """The value as JSON text; from JSON its very bytes."""
        if self.text is None:
            assert self.item is not None
            self.text = _dump_json(cbor.decode(self.item))
        return self.text

    def as_cbor(self) -> bytes:
        """The value as one CBOR data item; from CBOR its very bytes."""
        if self.item is None:
            assert self.text is not None
            self.item = cbor2.dumps(_load_json(bytes(self.text)))
        return self.item


def _load_json(text: bytes) -> Any:
    return json.loads(text, parse_int=_integer, parse_float=_nearest_double)


def _dump_json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _integer(digits: str) -> int | float:
    if len(digits) > _DIGITS_LIMIT:
        return -_LARGEST_DOUBLE if digits.startswith("-") else _LARGEST_DOUBLE
    return int(digits)


def _nearest_double(digits: str) -> float:
    return max(-_LARGEST_DOUBLE, min(float(digits), _LARGEST_DOUBLE))
