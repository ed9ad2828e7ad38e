"""Numbers of things and bytes, as the commands print them."""

from __future__ import annotations

__all__ = ["number_of", "size_of"]


def number_of(count: int, noun: str) -> str:
    """Return how many there are of something whose plural ends in s: ``1 room``, ``2 rooms``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def size_of(size: int) -> str:
    """Return a number of bytes in the unit that fits it: ``17 bytes``, ``1.2 kB``, ``3.4 MB``."""
    if size < 1000:
        return number_of(size, "byte")
    return f"{size / 1000:,.1f} kB" if size < 999_950 else f"{size / 1e6:,.1f} MB"
