"""The messages that a client sends (protocol, "Over WebSocket" and part 2).

Fields that nobody knows are ignored; a field of the wrong type makes a ``bad_message``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from msgspec import UNSET, Meta, Raw, Struct, UnsetType

__all__ = [
    "Action",
    "Append",
    "Can",
    "ClientMessage",
    "Compact",
    "Delete",
    "Get",
    "Keys",
    "Ping",
    "Push",
    "Relay",
    "Renew",
    "Replace",
    "SetPresence",
    "Unsubscribe",
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
    """Broadcast, and add to the key's stream; with ``max_length`` keep only its newest N values."""

    max_length: _Positive | None = None


class Replace(Struct, frozen=True, gc=False, tag="replace"):
    """Broadcast, and make the stream this one value."""


class Compact(Struct, frozen=True, gc=False, tag="compact"):
    """Put the value in the place of all that the stream holds up to and including ``seq``."""

    seq: _Positive


class Delete(Struct, frozen=True, gc=False, tag="delete"):
    """Empty the stream."""


Action = Relay | Append | Replace | Compact | Delete


class Push(Struct, gc=False, tag="push"):
    """Apply ``action`` with ``value``, or each of ``values`` in turn, to the stream of ``key``.

    The values are still encoded, in the encoding of the message; ``Codec.values`` makes them whole.
    Which of the two is there (neither in a delete) was checked by the codec.
    ``id`` counts a client's pushes, so that one sent twice is applied once; with ``if_seq`` the
    push is applied only if that is the newest sequence number in the stream (0: empty), and with
    ``epoch`` only in that epoch.
    """

    key: str
    action: Action
    value: Raw = Raw()
    id: _PushId | None = None
    if_seq: _Sequence | None = None
    epoch: str | None = None
    values: list[Raw] | None = None


class Get(Struct, gc=False, tag="get"):
    """Subscribe to ``key``, and answer with what its stream holds above ``seq``.

    With ``seq`` ``None`` (null) there is no answer. An ``epoch`` asks for what was missed since
    then (``None``: from the start). ``limit``: at most N values. ``stamps``: with who wrote
    and when. ``held``: with what the stream holds; only where an ``epoch`` is given.
    ``presence``: subscribe to who is there, too.
    """

    key: str
    seq: _Sequence | None = 0
    epoch: str | UnsetType | None = UNSET
    limit: _Positive | None = None
    stamps: bool = False
    held: bool = False
    presence: bool = False


class Unsubscribe(Struct, gc=False, tag="unsubscribe"):
    """Hear no more of ``key``."""

    key: str


class SetPresence(Struct, gc=False, tag="presence"):
    """Be there under ``key`` with a value; ``null`` withdraws it."""

    key: str
    value: Raw


class Keys(Struct, gc=False, tag="keys"):
    """Ask which keys there are that begin with ``prefix``."""

    prefix: str = ""


class Can(Struct, gc=False, tag="can"):
    """Ask what is allowed on ``key``, and to be told when that changes."""

    key: str


class Renew(Struct, gc=False, tag="renew"):
    """Go on with another credential: a token (or secret), or a ticket.

    With neither: ask only to be told before the connection's own ends, as one is in any case from
    then on.
    """

    token: str | None = None
    ticket: str | None = None


class Ping(Struct, gc=False, tag="ping"):
    """Ask for a ``pong`` with the same ``nonce``."""

    nonce: _Nonce | None = None


ClientMessage = Push | Get | Ping | Unsubscribe | SetPresence | Keys | Can | Renew


def push_id(fields: Mapping[str, object]) -> int | None:
    """Return the id of a push that can't be read whole, ``None`` if it has no sound one."""
    number = fields.get("id")
    if fields.get("type") != "push" or type(number) is not int:
        return None
    return number if 1 <= number < 2**53 else None
