"""numpy's scalars and arrays, and the encoding ``$ndarray`` (docs/values.md)."""

from __future__ import annotations

import importlib
import math
import re
import struct
import sys
from collections.abc import Iterator
from typing import Any

from .errors import Unencodable, kind
from .scalars import base64, from_base64

__all__ = ["decode", "encode", "from_scalar"]

# Booleans, integers, floats, complex numbers, times, text and bytes; no objects, no records, no
# numbers whose size depends on the machine.
_DTYPE = re.compile(
    r"[|<](b1|[iu][1248]|f[248]|c8|c16|[SU]\d{1,9}|[mM]8(\[\d{0,9}[a-zA-Zμ]{1,2}\])?)"
)

_FINER = ("[ns]", "[ps]", "[fs]", "[as]")  # than Python's own
_DIMENSIONS = 64  # which is numpy's own limit


def encode(array: Any) -> dict[str, object]:
    """Return the encoding of a ``numpy.ndarray``: its items in C order, little-endian.

    Raises :class:`Unencodable` for a dtype that has none.
    """
    dtype = array.dtype
    if dtype.kind in "biufcmMSU":  # others may have no order of bytes
        dtype = dtype.newbyteorder("<")
    if not _DTYPE.fullmatch(dtype.str):
        raise Unencodable(
            "an array of numbers, bools, text, bytes or times", f"one of dtype {array.dtype}"
        )
    data = base64(array.astype(dtype, copy=False).tobytes())
    return {"$ndarray": {"dtype": dtype.str, "shape": list(array.shape), "data": data}}


def from_scalar(scalar: Any) -> object:
    """Return Python's own value for a ``numpy.generic``.

    Raises :class:`Unencodable` where Python has none.
    """
    letter = scalar.dtype.kind
    if letter in "biuUS":
        return scalar.item()
    if letter == "f":
        return float(scalar)
    if letter in "mM":
        if scalar != scalar:  # not a time
            return None
        moment = scalar.item()
        if isinstance(moment, int) and scalar.dtype.str.endswith(_FINER):
            moment = scalar.astype(f"{letter}8[us]").item()
        if not isinstance(moment, int):  # as it is where Python has nothing for it
            return moment
    raise Unencodable("a number, a bool, text, bytes or a time", f"{scalar!r} ({kind(scalar)})")


def decode(content: Any) -> object:
    """Return the array that was encoded; without numpy, numbers and bools as nested lists.

    Raises :class:`LookupError`, :class:`TypeError` or :class:`ValueError` for malformed content.
    """
    dtype, shape, data = content["dtype"], content["shape"], from_base64(content["data"])
    if len(content) != 3 or not _DTYPE.fullmatch(dtype):
        raise ValueError(f"expected dtype, shape and data, got {list(content)} and {dtype!r}")
    if len(shape) > _DIMENSIONS or not all(type(length) is int and length >= 0 for length in shape):
        raise ValueError(f"expected lengths, got {shape!r}")
    if dtype[1] == "b" and max(data, default=0) > 1:
        raise ValueError("expected bools of 0 or 1")
    try:
        numpy = importlib.import_module("numpy")
    except ImportError:
        return _lists(dtype, shape, data)
    kind = numpy.dtype(dtype)
    if math.prod(shape) * kind.itemsize != len(data):
        raise ValueError(f"expected {math.prod(shape)} items, got {len(data)} bytes")
    array = numpy.ndarray(shape, kind, bytearray(data))  # bytearray: so that it can be written to
    if kind.kind == "U" and numpy.frombuffer(data, "<u4").max(initial=0) > sys.maxunicode:
        raise ValueError("expected characters")
    return array


_FORMATS = {"b1": "?", "i1": "b", "i2": "h", "i4": "i", "i8": "q", "u1": "B", "u2": "H"}
_FORMATS |= {"u4": "I", "u8": "Q", "f2": "e", "f4": "f", "f8": "d"}


def _lists(dtype: str, shape: list[int], data: bytes) -> object:
    """Return the items in lists, as ``ndarray.tolist`` gives them."""
    items = [item for (item,) in struct.iter_unpack(f"<{_FORMATS[dtype[1:]]}", data)]
    if math.prod(shape) != len(items):
        raise ValueError(f"expected {math.prod(shape)} items, got {len(items)}")
    return _nested(iter(items), shape) if items else []


def _nested(items: Iterator[object], shape: list[int]) -> object:
    if not shape:
        return next(items)
    return [_nested(items, shape[1:]) for _ in range(shape[0])]
