"""Checks of the arguments of public calls; each error names the argument.

Each function raises :class:`TypeError` for a value of a wrong type and :class:`ValueError` for
one that makes no sense, in the words "expected X as name=, got Y".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from numbers import Real
from typing import Any

from ..protocol.errors import EncodingError

__all__ = [
    "check_flag",
    "check_function",
    "check_hooks",
    "check_key",
    "check_mapping",
    "check_number",
    "check_seconds",
    "check_text",
    "check_whole",
    "close_match",
    "got",
    "is_number",
    "needed_text",
]


def got(value: object) -> str:
    """Return a value for the end of a message, cut."""
    try:
        text = repr(value)
    except ValueError:  # an integer of more digits than Python converts
        return f"an {type(value).__name__} of very many digits"
    return text if len(text) <= 100 else f"{text[:100]}…"


def is_number(value: object) -> bool:
    """Return True for an int, a float and what counts as one (numpy's), but not for a bool."""
    return isinstance(value, Real) and not isinstance(value, bool)


def check_key(key: object) -> None:
    """Check a key of a room: text that UTF-8 can hold, and that isn't empty."""
    if not isinstance(key, str):
        raise EncodingError(f"key: expected a str, got {type(key).__name__}")
    try:
        key.encode()
    except UnicodeEncodeError:
        raise EncodingError(f"key: expected a str that UTF-8 can hold, got {key!r}") from None
    if not key:
        raise ValueError("key: expected a name, got ''")


def check_text(name: str, value: object) -> None:
    """Check a str; ``None`` stands for none."""
    if value is not None:
        needed_text(name, value)


def needed_text(name: str, value: object) -> None:
    """Check a str that can't be left out."""
    if not isinstance(value, str):
        raise TypeError(f"expected a str as {name}=, got {got(value)}")


def check_flag(name: str, value: object) -> None:
    """Check a bool; numpy's is one, too."""
    if not isinstance(value, bool) and getattr(getattr(value, "dtype", None), "kind", "") != "b":
        raise TypeError(f"expected True or False as {name}=, got {got(value)}")


def check_number(name: str, value: Any) -> None:
    """Check a number other than NaN; ``None`` stands for none."""
    if value is None:
        return
    if not is_number(value):
        raise TypeError(f"expected a number as {name}=, got {got(value)}")
    if value != value:  # also of an integer that is beyond all floats
        raise ValueError(f"expected a number as {name}=, got nan")


def check_whole(name: str, value: Any, *, least: int | None = None) -> None:
    """Check a whole number that is no less than ``least``; a float such as ``1e6`` is one, too."""
    whole = hasattr(value, "__index__") or (isinstance(value, float) and value.is_integer())
    if isinstance(value, bool) or not whole:
        raise TypeError(f"expected an int as {name}=, got {got(value)}")
    if least is not None and value < least:
        raise ValueError(f"expected a {name} of {least} or more, got {value!r}")


def check_seconds(name: str, value: Any) -> None:
    """Check a number of seconds, 0 or more; infinity is one."""
    if not is_number(value):
        raise TypeError(f"expected a number of seconds as {name}=, got {got(value)}")
    if not value >= 0:
        raise ValueError(f"expected {name} of 0 or more, got {value!r}")


def check_function(name: str, value: object, *, optional: bool = False) -> None:
    """Check something that can be called; ``optional``: or ``None``."""
    if not callable(value) and not (optional and value is None):
        raise TypeError(f"expected a function as {name}, got {got(value)}")


def check_hooks(encode: object, decode: object) -> None:
    """Check the functions that make something of values that JSON can't hold."""
    check_function("encode=", encode, optional=True)
    check_function("decode=", decode, optional=True)


def check_mapping(name: str, value: object) -> None:
    """Check a mapping with names that are text."""
    if not isinstance(value, Mapping):
        raise TypeError(f"expected a dict as {name}, got {got(value)}")
    for item in value:
        if not isinstance(item, str):
            raise EncodingError(f"expected names that are str in {name}, got {got(item)}")


def close_match(name: str, known: Iterable[str]) -> str:
    """Return what may have been meant by a name, as the end of a message; empty for nothing."""
    found = get_close_matches(name, list(known), 1)
    return f" Did you mean {found[0]!r}?" if found else ""
