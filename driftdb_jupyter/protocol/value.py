"""A value on its way through the server: encoded, and never looked into."""

from __future__ import annotations

from msgspec import Raw, Struct

from . import cbor

__all__ = ["Value"]

# What is converted is remembered up to this size, each item with this much for its objects.
_CONVERTED_LIMIT_BYTES = 4 * 1024 * 1024
_CONVERTED_ITEM_BYTES = 256


class Value(Struct, gc=False):
    """One JSON value, held in the encoding that it came in.

    ``text`` is its JSON in UTF-8, ``item`` its CBOR; just one of the two is there, and it is its
    own: no view of the message that it came in. ``byte_count`` is the length of that.
    The other encoding is made when it is asked for, and not kept with the value
    (protocol, "Over WebSocket", has the rules).
    """

    text: bytes | None = None
    item: bytes | None = None
    byte_count: int = 0

    @classmethod
    def from_json(cls, text: bytes | Raw) -> Value:
        """A value that came as JSON text."""
        return cls(bytes(text), None, len(text))

    @classmethod
    def from_cbor(cls, item: bytes | Raw) -> Value:
        """A value that came as a CBOR data item."""
        return cls(None, bytes(item), len(item))

    @property
    def came_as_cbor(self) -> bool:
        """Which of the two encodings it came in."""
        return self.item is not None

    def as_json(self) -> bytes:
        """The value as JSON text; from JSON its very bytes."""
        if self.text is not None:
            return self.text
        return _converted.get(self) or _converted.add(self, _json_of(self))

    def as_cbor(self) -> bytes:
        """The value as one CBOR data item; from CBOR its very bytes."""
        if self.item is not None:
            return self.item
        return _converted.get(self) or _converted.add(self, _cbor_of(self))


class _Converted:
    """The newest conversions: one for all the audiences of a broadcast, and few enough to forget.

    Those of all values together would take several times what the values do.
    """

    def __init__(self) -> None:
        self._byte_count = 0
        self._encoded: dict[int, tuple[Value, bytes]] = {}  # by the identity of the value

    def get(self, value: Value) -> bytes | None:
        """The other encoding of a value, ``None`` where it is not known."""
        known = self._encoded.get(id(value))
        return None if known is None else known[1]

    def add(self, value: Value, encoded: bytes) -> bytes:
        """Remember and return the other encoding of a value."""
        cost = _CONVERTED_ITEM_BYTES + value.byte_count + len(encoded)
        if cost > _CONVERTED_LIMIT_BYTES - self._byte_count:
            self._encoded.clear()
            self._byte_count = 0
        if cost <= _CONVERTED_LIMIT_BYTES:
            self._encoded[id(value)] = value, encoded
            self._byte_count += cost
        return encoded


_converted = _Converted()


def _json_of(value: Value) -> bytes:
    assert value.item is not None
    return cbor.to_json(value.item)


def _cbor_of(value: Value) -> bytes:
    assert value.text is not None
    return cbor.from_json(value.text)
