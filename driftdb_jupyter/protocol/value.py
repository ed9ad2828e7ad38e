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

    The other encoding is made when somebody asks for it, and kept
    (protocol, "Over WebSocket" has the rules of the conversion). One of the two is always there.
    """

    _json: bytes | Raw | None = None
    _cbor: bytes | None = None

    @classmethod
    def of_json(cls, text: bytes | Raw) -> Value:
        """The value of a JSON text that was checked."""
        return cls(text, None)

    @classmethod
    def of_cbor(cls, item: bytes) -> Value:
        """The value of a CBOR item that was checked."""
        return cls(None, item)

    @property
    def json(self) -> bytes | Raw:
        """The value as JSON text in UTF-8; from JSON its very bytes."""
        if self._json is None:
            assert self._cbor is not None
            self._json = _dump_json(cbor.decode(self._cbor))
        return self._json

    @property
    def cbor(self) -> bytes:
        """The value as one CBOR data item; from CBOR its very bytes."""
        if self._cbor is None:
            assert self._json is not None
            self._cbor = cbor2.dumps(_load_json(bytes(self._json)))
        return self._cbor


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
