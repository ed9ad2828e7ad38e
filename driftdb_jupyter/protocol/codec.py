"""What a codec does: messages to bytes and back, the same for JSON and CBOR."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from msgspec import Raw

from .entry import Entry
from .errors import Conflict, Refusal
from .limits import Limits
from .messages import ClientMessage
from .value import Value

__all__ = ["Codec", "error_fields"]


class Codec(Protocol):
    """One of the two encodings. What it returns is a message without a frame, but for the push."""

    @property
    def opcode(self) -> int:
        """The WebSocket opcode of its messages."""

    def decode(self, message: bytes, limits: Limits) -> ClientMessage:
        """Read a client's message; a push's value is checked, and left as it came.

        Raises :class:`~.errors.BadMessage` or :class:`~.errors.TooLarge`, with the ``push_id``
        of the push that it couldn't read.
        """

    def value(self, raw: Raw) -> Value:
        """The value of a push that this codec decoded."""

    def push_start(self, key: str) -> bytes:
        """What every ``push`` of that key begins with, for :meth:`push_frame`."""

    def push_frame(self, start: bytes, entry: Entry) -> bytes:
        """The broadcast of an entry, as a finished frame: the same bytes for all who get it."""

    def init(self, key: str, entries: Iterable[Entry]) -> bytes:
        """The answer to a ``get``."""

    def stream_size(self, key: str, size: int) -> bytes:
        """How many values the stream holds after a push."""

    def ack(self, push_id: int, seq: int | None) -> bytes:
        """The push with that id was applied, and got ``seq`` (``None``: too long ago to know)."""

    def pong(self, nonce: int | None) -> bytes:
        """The answer to a ``ping``."""

    def error(self, refusal: Refusal) -> bytes:
        """A message could not be taken."""


def error_fields(refusal: Refusal) -> dict[str, str | int]:
    """The fields of an ``error`` message (protocol, "Errors and closing")."""
    fields: dict[str, str | int] = {
        "type": "error",
        "code": refusal.code,
        "message": str(refusal),
    }
    if refusal.push_id is not None:
        fields["id"] = refusal.push_id
    if isinstance(refusal, Conflict):
        fields["key"] = refusal.key
        fields["seq"] = refusal.seq
    return fields
