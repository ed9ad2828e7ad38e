"""A value on its way through the server: encoded, and never looked into."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from msgspec import Raw, Struct

from . import cbor
from .steps import Steps

__all__ = ["LONG_BYTES", "Value", "prepare"]

_log = logging.getLogger("driftdb_jupyter")

# What is converted is remembered up to this size, each item with this much for its objects.
_CONVERTED_LIMIT_BYTES = 8 * 1024 * 1024
_CONVERTED_ITEM_BYTES = 256
# A longer value is converted in steps of its own.
LONG_BYTES = 32 * 1024
_CBOR_NULL = b"\xf6"
# With as many tags as may be around it.
_NULL_BYTES = 16 * 1024


class Value(Struct, gc=False):
    """One JSON value, held in the encoding that it came in.

    ``text`` is its JSON in UTF-8, ``item`` its CBOR; just one of the two is there, and it is its
    own: no view of the message that it came in. ``byte_count`` is the length of that.
    The other encoding is made when it is asked for, and not kept with the value
    (protocol, "Over WebSocket", has the rules). Where that fails, which it must not for what was
    checked when it came, the log says so, and ``null`` stands for the value: all others of its key
    can still be read.
    """

    text: bytes | None = None
    item: bytes | None = None
    byte_count: int = 0

    @classmethod
    def from_json(cls, text: bytes | Raw) -> Value:
        """Return a value that came as JSON text."""
        return cls(bytes(text), None, len(text))

    @classmethod
    def from_cbor(cls, item: bytes | Raw) -> Value:
        """Return a value that came as a CBOR data item."""
        return cls(None, bytes(item), len(item))

    @property
    def came_as_cbor(self) -> bool:
        """Which of the two encodings it came in."""
        return self.item is not None

    @property
    def is_null(self) -> bool:
        """Whether it means ``null``."""
        return self.byte_count <= _NULL_BYTES and self.as_json() == b"null"

    def as_json(self) -> bytes:
        """Return the value as JSON text; from JSON its very bytes."""
        if self.text is not None:
            return self.text
        return _converted.get(self) or _converted.add(self, _convert(self))

    def as_cbor(self) -> bytes:
        """Return the value as one CBOR data item; from CBOR its very bytes."""
        if self.item is not None:
            return self.item
        return _converted.get(self) or _converted.add(self, _convert(self))

    def as_other(self) -> bytes:
        """Return the value in the encoding that it did not come in."""
        return self.as_cbor() if self.item is None else self.as_json()


class _Converted:
    """The newest conversions: one for all the audiences of a broadcast, and few enough to forget.

    Those of all values together would take several times what the values do.
    """

    def __init__(self) -> None:
        self._byte_count = 0
        self._encoded: dict[int, tuple[Value, bytes]] = {}  # by the identity of the value

    def get(self, value: Value) -> bytes | None:
        """Return the other encoding of a value, ``None`` if it is not known."""
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


def prepare(values: Iterable[Value]) -> Steps[None]:
    """Convert values to the encoding that they did not come in, in steps.

    Right afterwards they are remembered, and found by ``as_json`` and ``as_cbor``.
    """
    ready_bytes = 0
    for value in values:
        if value.byte_count > LONG_BYTES:
            if _converted.get(value) is None:
                yield from _convert_alone(value)
            ready_bytes = LONG_BYTES
        else:
            value.as_other()
            ready_bytes += value.byte_count
        if ready_bytes >= LONG_BYTES:
            yield
            ready_bytes = 0


# The long value that is being converted: one at a time, because what that holds meanwhile is large.
_converting: Value | None = None


def _convert_alone(value: Value) -> Steps[None]:
    global _converting
    while _converting is not None:
        yield
    _converting = value
    try:
        encoded = yield from _convert_in_steps(value)
    except Exception as error:
        encoded = _stand_in(value, error)
    finally:
        _converting = None
    _converted.add(value, encoded)


def _convert(value: Value) -> bytes:
    """Return the other encoding of a value."""
    try:
        if value.text is not None:
            return cbor.from_json(value.text)
        assert value.item is not None
        return cbor.to_json(value.item)
    except Exception as error:
        return _stand_in(value, error)


def _convert_in_steps(value: Value) -> Steps[bytes]:
    if value.text is not None:
        return cbor.from_json_in_steps(value.text)
    assert value.item is not None
    return cbor.to_json_in_steps(value.item)


def _stand_in(value: Value, error: Exception) -> bytes:
    """Return the value that is shown in place of one that can't be converted."""
    if isinstance(error, MemoryError):
        raise error
    encodings = ("CBOR", "JSON") if value.came_as_cbor else ("JSON", "CBOR")
    _log.error("A value in %s has no %s, and null stands for it", *encodings, exc_info=error)
    return b"null" if value.came_as_cbor else _CBOR_NULL
