"""Values as people read them where no front end of ours runs (``js/src/widgets/readable.ts``)."""

from __future__ import annotations

import json
import re
from typing import Any

from ..text.terminal import shown

__all__ = ["in_words", "read", "read_line"]

_DTYPE = re.compile(r"[<|]([fiucb])(\d+)")
_KINDS = {"f": "float", "i": "int", "u": "uint", "c": "complex"}
_AS_THEY_ARE = ("$date", "$datetime", "$time", "$decimal", "$uuid", "$float")


def read(value: Any) -> str:
    """Return a value, as it travels (docs/values.md), for people to read."""
    if isinstance(value, str):
        return value
    words = in_words(value)
    return json.dumps(value, indent=2, ensure_ascii=False) if words is None else words


def read_line(value: Any) -> str:
    """Return an entry of a stream as a line, as its view shows it but for colours."""
    if isinstance(value, dict) and isinstance(value.get("message"), str):
        value = value["message"]
    text = value if isinstance(value, str) else in_words(value)
    return shown(json.dumps(value, ensure_ascii=False) if text is None else text, styles=False)


def in_words(value: Any) -> str | None:
    """Return what stands for a value that JSON can't hold; ``None`` for all others."""
    if not isinstance(value, dict) or len(value) != 1:
        return None
    ((tag, content),) = value.items()
    if tag in _AS_THEY_ARE and isinstance(content, str):
        return content
    if tag == "$timedelta" and isinstance(content, (int, float)):
        return f"{content} s"
    if tag == "$bytes" and isinstance(content, str):
        length = len(content.rstrip("=")) * 3 // 4
        return "1 byte" if length == 1 else f"{length:,} bytes"
    if tag == "$ndarray" and isinstance(content, dict):
        dtype, shape = content.get("dtype"), content.get("shape")
        if isinstance(dtype, str) and isinstance(shape, list):
            return f"an array of {_dtype_name(dtype)}, {' × '.join(map(str, shape)) or 'one item'}"
    return None


def _dtype_name(dtype: str) -> str:
    """Return a dtype by the name that numpy shows, ``float64`` for ``<f8``; others as they are."""
    found = _DTYPE.fullmatch(dtype)
    if found is None:
        return dtype
    kind, size = found.groups()
    return "bool" if kind == "b" else f"{_KINDS[kind]}{8 * int(size)}"
