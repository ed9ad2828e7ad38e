"""Durations as people write them: ``"30m"``, ``"7d"``."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from .arguments import got, is_number

__all__ = ["Duration", "duration_seconds"]

Duration: TypeAlias = "str | float | timedelta | datetime | None"
"""``"90s"``, ``"30m"``, ``"2h"``, ``"7d"``, a number of seconds, or until when.

``None``: for ever.
"""

_UNITS = {"s": 1, "m": 60, "h": 60 * 60, "d": 24 * 60 * 60, "w": 7 * 24 * 60 * 60}
_TEXT = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw])")


def duration_seconds(name: str, given: Any) -> float | None:
    """Return a duration in seconds, ``None`` for ever.

    Raises :class:`TypeError` and :class:`ValueError`, which call it ``name``.
    """
    if given is None:
        return None
    seconds: float
    if isinstance(given, str):
        found = _TEXT.fullmatch(given.strip())
        if found is None:
            raise ValueError(f'expected {name} as "90s", "30m", "2h" or "7d", got {got(given)}')
        seconds = float(found[1]) * _UNITS[found[2]]
    elif isinstance(given, timedelta):
        seconds = given.total_seconds()
    elif isinstance(given, datetime):
        seconds = (given - datetime.now(given.tzinfo)).total_seconds()
    elif is_number(given):
        seconds = float(given)
    else:
        raise TypeError(f'expected {name} as "2h", a number of seconds or None, got {got(given)}')
    if not 0 < seconds < float("inf"):
        raise ValueError(f"expected {name} in the future, got {got(given)}")
    return seconds
