"""What a codec does: messages to bytes and back, the same for JSON and CBOR."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from msgspec import Raw, Struct

from .entry import Author, Entry
from .errors import BadMessage, Conflict, Refusal, TooLarge
from .limits import Limits
from .messages import Append, ClientMessage, Delete, Push, Relay
from .value import Value

__all__ = ["Codec", "KeyInfo", "Listing", "error_fields", "several_values"]


class KeyInfo(Struct, gc=False):
    """What ``keys`` tells of a key: its ``size`` values, their ``bytes``, the newest's ``seq``."""

    size: int
    bytes: int
    seq: int


class Listing(NamedTuple):
    """A message around any number of items, which are encoded some at a time.

    ``parts`` returns the encoding of some items as a flat list of buffers, values as they are kept
    and not copied; each item begins with the ``separator``. The message is ``start``, the parts of
    all items but for the very first separator, and ``end``.
    """

    start: bytes
    parts: Callable[[Sequence[Any]], list[bytes]]
    separator: bytes
    end: bytes

    def whole(self, items: Sequence[Any]) -> bytes:
        """The message with just these items."""
        parts = self.parts(items)
        if parts:
            parts[0] = parts[0][len(self.separator) :]
        return b"".join((self.start, *parts, self.end))


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
        """A value that this codec decoded."""

    def values(self, push: Push, limits: Limits) -> list[Value]:
        """The values of a push that this codec decoded; of a delete none.

        Raises :class:`~.errors.BadMessage` or :class:`~.errors.TooLarge` where it has not just
        what its action needs.
        """

    def push_start(self, key: str) -> bytes:
        """What every ``push`` of that key begins with, for :meth:`push_frame`."""

    def push_frame(self, start: bytes, entry: Entry) -> bytes:
        """The broadcast of an entry, as a finished frame: the same bytes for all who get it."""

    def stamped_push_frame(self, start: bytes, entry: Entry) -> bytes:
        """The same with who wrote it and when."""

    def delete(self, key: str, seq: int) -> bytes:
        """A stream was deleted."""

    def init(
        self,
        key: str,
        count: int,
        *,
        stamps: bool = False,
        epoch: str | None = None,
        recovered: bool = False,
        seq: int | None = None,
        more: bool = False,
    ) -> Listing:
        """The answer to a ``get``, a listing of ``count`` entries.

        With an ``epoch`` it says so, and whether it ``recovered``.
        ``seq``: up to where that is all there is to know.
        """

    def stream_size(self, key: str, size: int) -> bytes:
        """How many values the stream holds after a push."""

    def ack(self, push_id: int, seq: int | None, *, count: int | None = None) -> bytes:
        """The push with that id was applied, and got ``seq`` (``None``: too long ago to know).

        ``count``: of how many values, where it was sent as several.
        """

    def presence(self, key: str, author: Author, value: Value | None) -> bytes:
        """A client is there with a value, or has left (``None``)."""

    def presence_state(self, key: str, own: str, count: int) -> Listing:
        """Who is there, a listing of ``count`` pairs of author and value.

        ``own`` is the asker's public id.
        """

    def keys(self, prefix: str, count: int) -> Listing:
        """Which keys there are, a listing of ``count`` pairs of key and :class:`KeyInfo`."""

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


def several_values(push: Push, limits: Limits) -> list[Raw]:
    """The values of a push that hasn't got just one, still encoded; of a delete none.

    Raises :class:`~.errors.BadMessage` or :class:`~.errors.TooLarge` (see :class:`Codec`).
    """
    refusal: Refusal
    if isinstance(push.action, Delete):
        return []
    if push.values is None:
        refusal = BadMessage("expected a push with a value, got none")
    elif len(push.value):
        refusal = BadMessage("expected a push with value or values, got both")
    elif not isinstance(push.action, (Append, Relay)):
        refusal = BadMessage("expected values only with append and relay")
    elif not push.values:
        refusal = BadMessage("expected at least one value, got none")
    elif len(push.values) > limits.values:
        refusal = TooLarge(f"expected at most {limits.values} values, got {len(push.values)}")
    else:
        return push.values
    refusal.push_id = push.id
    raise refusal
