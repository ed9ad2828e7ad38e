"""Snapshots: the value of a reducer as it stands in its stream, in one piece or in parts.

docs/protocol.md, "What the shared objects write" and "Snapshots in parts".
"""

from __future__ import annotations

import secrets
from typing import NamedTuple

import msgspec

__all__ = ["Parts", "Snapshot"]

_encode = msgspec.json.encode
# Of a text in UTF-16.
_UNIT_BYTES = 2


class Parts(NamedTuple):
    """The parts of a snapshot, and the value that names them (``head``)."""

    head: bytes
    parts: list[bytes]


class Snapshot(NamedTuple):
    """A value that stands for all actions up to now, as JSON text.

    ``initial``: the value is only where the actions begin, and this random string is its name.
    """

    text: bytes
    initial: str | None = None

    def whole(self) -> bytes:
        """Return it in one piece."""
        if self.initial is None:
            return b'{"reset":%b}' % self.text
        return b'{"reset":%b,"initial":%b}' % (self.text, _encode(self.initial))

    def in_parts(self, length: int, *, of: str | None = None) -> Parts:
        """Return it in parts of at most ``length`` (2 or more) UTF-16 code units each.

        ``of`` names them; without it a random string does.
        """
        name = _encode(secrets.token_urlsafe(12) if of is None else of)
        units = self.text.decode().encode("utf-16-le")
        parts: list[bytes] = []
        start = 0
        while start < len(units):
            end = min(start + length * _UNIT_BYTES, len(units))
            if end < len(units) and 0xD8 <= units[end - 1] <= 0xDB:
                end -= _UNIT_BYTES  # or it would cut a character in two
            text = _encode(units[start:end].decode("utf-16-le"))
            parts.append(b'{"part":%d,"of":%b,"text":%b}' % (len(parts), name, text))
            start = end
        return Parts(b'{"parts":%d,"of":%b}' % (len(parts), name), parts)
