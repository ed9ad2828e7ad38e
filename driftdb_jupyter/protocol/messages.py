"""The messages that a client sends (protocol, "Over WebSocket", and part 2 as far as it goes).

Fields that nobody knows are ignored; a field of the wrong type makes a ``bad_message``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from msgspec import Meta, Raw, Struct

__all__ = [
    "Action",
    "Append",
    "ClientMessage",
    "Compact",
    "Get",
    "Ping",
    "Push",
    "Relay",
    "Replace",
    "push_id",
]

_Sequence = Annotated[int, Meta(ge=0)]
_Positive = Annotated[int, Meta(ge=1)]
# What a JavaScript client can count to.
_Nonce = Annotated[int, Meta(ge=0, le=2**53 - 1)]
_PushId = Annotated[int, Meta(ge=1, le=2**53 - 1)]


class Relay(Struct, frozen=True, gc=False, tag="relay"):
    """Broadcast, and keep nothing."""


class Append(Struct, frozen=True, gc=False, tag="append"):
    """Broadcast, and add to the key's stream."""


class Replace(Struct, frozen=True, gc=False, tag="replace"):
    """Broadcast, and make the stream this one value."""


class Compact(Struct, frozen=True, gc=False, tag="compact"):
    """Put the value in the place of all that the stream holds up to and including ``seq``."""

    seq: _Positive


Action = Relay | Append | Replace | Compact


class Push(Struct, gc=False, tag="push"):
    """Apply ``action`` with ``value`` to the stream of ``key``.

    ``value`` is still encoded, in the encoding of the message; ``Codec.value`` makes it whole.
    ``id`` counts a client's pushes, so that one sent twice is applied once; with ``if_seq`` the
    push is applied only if that is the newest sequence number in the stream (0: empty).
    """

    key: str
    action: Action
    value: Raw
    id: _PushId | None = None
    if_seq: _Sequence | None = None


class Get(Struct, gc=False, tag="get"):
    """Subscribe to ``key``, and answer with what its stream holds above ``seq``.

    With ``seq`` ``None`` (null) there is no answer.
    """

    key: str
    seq: _Sequence | None = 0


class Ping(Struct, gc=False, tag="ping"):
    """Ask for a ``pong`` with the same ``nonce``."""

    nonce: _Nonce | None = None


ClientMessage = Push | Get | Ping


def push_id(fields: Mapping[str, object]) -> int | None:
    """The id of a push that can't be read whole, ``None`` where it has no sound one."""
    number = fields.get("id")
    if fields.get("type") != "push" or type(number) is not int:
        return None
    return number if 1 <= number < 2**53 else None
