"""A value on its way through the server: encoded, and never looked into."""

from __future__ import annotations

import json
from typing import Any

import cbor2
from msgspec import Raw, Struct

from . import cbor
from .json_text import read_json

__all__ = ["Value"]


class Value(Struct, gc=False):
    """One JSON value, held in the encoding that it came in.

    ``text`` is its JSON in UTF-8, ``item`` its CBOR; one of the two is always there. The other is
    made when somebody asks for it, and kept (protocol, "Over WebSocket", has the rules).
    ``size`` is what it takes as it came, in bytes. ``came_as_cbor`` tells which of the two it came
    as, whatever was made since.
    """

    text: bytes | Raw | None = None
    item: bytes | None = None
    size: int = 0
    came_as_cbor: bool = False

    @classmethod
    def from_json(cls, text: bytes | Raw) -> Value:
        """A value that came as JSON text."""
        return cls(text, None, len(text))

    @classmethod
    def from_cbor(cls, item: bytes) -> Value:
        """A value that came as a CBOR data item."""
        return cls(None, item, len(item), True)

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
            self.item = cbor2.dumps(read_json(bytes(self.text)))
        return self.item


def _dump_json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
