"""Reading any JSON text, also what msgspec is too strict for."""

from __future__ import annotations

import json
import math
from typing import Any

__all__ = ["LARGEST_DOUBLE", "read_json"]

LARGEST_DOUBLE = math.nextafter(math.inf, 0)
# Above so many digits int() takes quadratic time (and CPython refuses it).
_DIGITS_LIMIT = 4300


def read_json(text: bytes | str) -> Any:
    """The value of a JSON text: integers exact, other numbers as the nearest double.

    A number that no double holds becomes the nearest finite one; so does an integer of more than
    4,300 digits. Of repeated names the last counts; lone surrogates are let through.
    Raises :class:`ValueError` for what is no JSON, :class:`RecursionError` where it is too deep.
    """
    return json.loads(text, parse_int=_integer, parse_float=_nearest_double)


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= _DIGITS_LIMIT else _nearest_double(digits)


def _nearest_double(digits: str) -> float:
    return max(-LARGEST_DOUBLE, min(float(digits), LARGEST_DOUBLE))
