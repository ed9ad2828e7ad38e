"""An entry: a value that a room gave its number."""

from __future__ import annotations

from msgspec import Struct

from .value import Value

__all__ = ["Entry"]


class Entry(Struct, gc=False):
    """A value and its sequence number, as a stream keeps it and a broadcast carries it."""

    seq: int
    value: Value
