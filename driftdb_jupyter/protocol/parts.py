"""Snapshots in parts: the one form of a value that the server knows (protocol)."""

from __future__ import annotations

from .value import Value

__all__ = ["names_parts"]

_JSON_START = b'{"parts":'
_CBOR_NAME = b"\x65parts"
# Heads of the maps of 1 to 23 members, whose length is in the head.
_CBOR_MAPS = range(0xA1, 0xB8)


def names_parts(value: Value) -> bool:
    """Return True if a value is an object whose first name is ``parts``, as our clients write."""
    if value.text is not None:
        return value.text.startswith(_JSON_START)
    item = value.item
    assert item is not None
    return item.startswith(_CBOR_NAME, 1) and item[0] in _CBOR_MAPS
