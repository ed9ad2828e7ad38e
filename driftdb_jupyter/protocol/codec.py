"""The interface of a codec: messages to bytes and back, the same for JSON and CBOR."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from msgspec import Raw, Struct

from .entry import Author, Entry
from .errors import BadMessage, Conflict, Forbidden, Refusal, TooLarge
from .limits import Limits
from .messages import Append, ClientMessage, Delete, Push, Relay
from .steps import Steps
from .value import Value

__all__ = [
    "Codec",
    "Held",
    "KeyInfo",
    "Listing",
    "error_fields",
    "several_values",
    "values_of_clients",
    "values_of_entries",
    "values_of_keys",
]


class KeyInfo(Struct, gc=False):
    """The facts about a key in a ``keys``.

    Its ``size`` values, their ``bytes``, the newest's ``seq``.
    """

    size: int
    bytes: int
    seq: int


class Held(NamedTuple):
    """The extent of a stream: ``size`` values, the oldest of which has the number ``first``."""

    first: int
    size: int


class Listing(NamedTuple):
    """A message around any number of items, which are encoded some at a time.

    ``parts`` returns the encoding of some items as a flat list of buffers, values as they are kept
    and not copied; each item begins with the ``separator``. The message is ``start``, the parts of
    all items but for the very first separator, and ``end``. ``values`` returns the values of some
    items.
    """

    start: bytes
    parts: Callable[[Sequence[Any]], list[bytes]]
    separator: bytes
    end: bytes
    values: Callable[[Sequence[Any]], Sequence[Value]]

    def whole(self, items: Sequence[Any]) -> bytes:
        """Return the message with just these items."""
        parts = self.parts(items)
        if parts:
            parts[0] = parts[0][len(self.separator) :]
        return b"".join((self.start, *parts, self.end))


class Codec(Protocol):
    """One of the two encodings.

    Messages are returned without a WebSocket frame, except for the broadcasts of a push.
    """

    @property
    def opcode(self) -> int:
        """The WebSocket opcode of its messages (RFC 6455, section 5.2)."""

    def decode(self, message: bytes, limits: Limits) -> ClientMessage:
        """Read a client's message; the value of a push is checked, and left as it came.

        Text has to be valid UTF-8. Raises :class:`~.errors.BadMessage`, or
        :class:`~.errors.TooLarge` where a limit of size is passed, with the ``push_id`` of the
        refused push as far as it can be found.
        """

    def decode_in_steps(self, message: bytes, limits: Limits) -> Steps[ClientMessage]:
        """Do the same in steps, of which none takes long however the message is made."""

    def value(self, raw: Raw) -> Value:
        """Return a value that this codec decoded."""

    def values(self, push: Push, limits: Limits) -> Sequence[Value]:
        """Return the values of a push that this codec decoded; none for a delete.

        Raises :class:`~.errors.BadMessage` or :class:`~.errors.TooLarge` if the push does not
        carry exactly what its action needs.
        """

    def push_start(self, key: str) -> bytes:
        """Return the beginning of every broadcast of a push to ``key``, for :meth:`push_frame`."""

    def push_frame(self, start: bytes, entry: Entry) -> bytes:
        """Return an entry's broadcast as a finished frame, the same bytes for all subscribers."""

    def stamped_push_frame(self, start: bytes, entry: Entry) -> bytes:
        """Return the same with the author and the time."""

    def held_push_frame(
        self, start: bytes, entry: Entry, first: int | None, *, stamps: bool
    ) -> bytes:
        """Return the same, with the number of the oldest value that the stream holds now.

        ``first`` is ``None`` where the entry is not kept. ``stamps``: with the author and the time.
        """

    def compact(self, key: str, entry: Entry, *, stamps: bool) -> bytes:
        """Return the notice that a value stands in the place of all up to its number."""

    def delete(self, key: str, seq: int) -> bytes:
        """Return the notice that a stream was deleted."""

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
        held: Held | None = None,
    ) -> Listing:
        """Return the answer to a ``get``, a listing of ``count`` entries.

        With an ``epoch`` it says so, and whether it ``recovered``.
        ``seq``: up to where that is all there is to know. ``held``: what the stream holds.
        """

    def stream_size(self, key: str, size: int) -> bytes:
        """Return the answer to a push that left more than one value in the stream."""

    def ack(self, push_id: int, seq: int | None, *, count: int | None = None) -> bytes:
        """Return the acknowledgement of a push, with its ``seq`` (``None`` if no longer known).

        ``count``: the number of values of a push that carried ``values``.
        """

    def presence(self, key: str, author: Author, value: Value | None) -> bytes:
        """Return the notice that a client is present with a value, or has left (``None``)."""

    def presence_state(self, key: str, own: str, count: int) -> Listing:
        """Return the clients that are present, a listing of ``count`` pairs of author and value.

        ``own`` is the public id of the client that asked.
        """

    def keys(self, prefix: str, count: int) -> Listing:
        """Return the answer to ``keys``: ``count`` pairs of key and :class:`KeyInfo`."""

    def pong(self, nonce: int | None) -> bytes:
        """Return the answer to a ``ping``."""

    def can(self, key: str, actions: Sequence[str]) -> bytes:
        """Return the answer to a ``can``: the actions that are allowed on a key."""

    def renewed(self, in_seconds: float | None, person: str | None = None) -> bytes:
        """Return the answer to a ``renew``: when the credential ends, ``None`` for never.

        ``person``: a word for whose it is, ``None`` for a guest's.
        """

    def expires(self, in_seconds: float) -> bytes:
        """Return the message that the credential is about to end."""

    def error(self, refusal: Refusal) -> bytes:
        """Return the answer to a message that was refused."""


def error_fields(refusal: Refusal) -> dict[str, str | int]:
    """Return the fields of an ``error`` message (protocol, "Errors and closing")."""
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
    elif isinstance(refusal, Forbidden):
        if refusal.key is not None:
            fields["key"] = refusal.key
            fields["action"] = refusal.action or "read"
        elif refusal.action is not None:
            fields["action"] = refusal.action
    return fields


def values_of_entries(entries: Sequence[Entry]) -> Sequence[Value]:
    """Return the values of an ``init``."""
    return [entry.value for entry in entries]


def values_of_clients(clients: Sequence[tuple[Author, Value]]) -> Sequence[Value]:
    """Return the values of a ``presence_state``."""
    return [value for _, value in clients]


def values_of_keys(keys: Sequence[tuple[str, KeyInfo]]) -> Sequence[Value]:
    """Return the values of a ``keys``: there are none."""
    return ()


def several_values(push: Push, limits: Limits) -> list[Raw]:
    """Return the values of a push without a single ``value``, still encoded; empty for a delete.

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
    try:
        raise refusal
    finally:
        del refusal  # which would hold the frame that holds it, until a collection
