"""The guard: decides for every message, over sockets and HTTP, whether it is allowed.

It is the one place that does. What is allowed comes from the credential that somebody came in with
and from the room's policy (:mod:`driftdb_jupyter.access`).
"""

from __future__ import annotations

from collections.abc import Awaitable

from ...access.credential import Credential
from ...access.grants import (
    APPEND,
    COMPACT,
    DELETE,
    NOTHING,
    PRESENCE,
    READ,
    RELAY,
    REPLACE,
    Grants,
    action_names,
)
from ...access.room_access import RoomAccess
from ...protocol.errors import Forbidden
from ...protocol.messages import (
    Append,
    Can,
    ClientMessage,
    Compact,
    Delete,
    Get,
    Keys,
    Push,
    Relay,
    Replace,
    SetPresence,
)

__all__ = ["GUARDED", "Guard", "check", "denial"]

GUARDED: frozenset[type[ClientMessage]] = frozenset((Push, Get, Keys, SetPresence, Can))
"""The messages that something has to be granted for."""

_PUSHES = {
    Relay: RELAY,
    Append: APPEND,
    Replace: REPLACE,
    Compact: COMPACT | READ,  # for a conflict tells what the key holds
    Delete: DELETE,
}


class Guard:
    """What one connection or request may do in a room.

    ``unlimited``: whether it may do everything to every key, and need not be asked; that changes
    only with :meth:`review` and :meth:`renew`. ``known``: what it was allowed when that was asked
    last, as far as whoever asked said so.
    """

    __slots__ = ("_access", "_grants", "credential", "known", "unlimited")

    def __init__(self, credential: Credential, access: RoomAccess) -> None:
        self.credential = credential
        self._access = access
        self.known = NOTHING
        self.review()

    def review(self) -> None:
        """Look again at what is allowed: the room's access has changed."""
        grants = self.credential.grants(self._access) if self.credential.steady else None
        self._grants = grants if isinstance(grants, Grants) else None
        self.unlimited = self._grants is not None and self._grants.unlimited
        if self._grants is not None:
            self.known = self._grants

    def renew(self, credential: Credential) -> None:
        """Put another credential in the place of the one that somebody came in with."""
        self.credential = credential
        self.review()

    def ask(self) -> Grants | Awaitable[Grants]:
        """Return what is allowed now."""
        grants = self._grants
        return self.credential.grants(self._access) if grants is None else grants

    def end(self) -> None:
        """Allow nothing more: the credential is no longer good."""
        self._grants = self.known = NOTHING
        self.unlimited = False


def denial(grants: Grants, message: ClientMessage) -> Forbidden | None:
    """Return the refusal of a message that isn't allowed, ``None`` if it is.

    ``keys`` is answered with those that may be read, and isn't refused.
    """
    if grants.unlimited:
        return None
    if isinstance(message, Push):
        needed = _PUSHES[type(message.action)]
        if message.if_seq is not None or message.epoch is not None:
            needed |= READ  # for a conflict, too
        if isinstance(message.action, Append) and message.action.max_length is not None:
            needed |= DELETE  # for it takes away what others wrote
    elif isinstance(message, Get):
        needed = READ
    elif isinstance(message, SetPresence):
        needed = PRESENCE
    else:
        return None
    missing = needed & ~grants.actions(message.key)
    if not missing:
        return None
    action = action_names(missing)[0]
    refusal = Forbidden(_explain(action, message), key=message.key, action=action)
    refusal.push_id = message.id if isinstance(message, Push) else None
    return refusal


def check(grants: Grants, message: ClientMessage) -> None:
    """Raise :class:`Forbidden` for a message that isn't allowed; see :func:`denial`."""
    refusal = denial(grants, message)
    if refusal is not None:
        try:
            raise refusal
        finally:
            del refusal  # which would hold the frame that holds it, until a collection


def _explain(action: str, message: ClientMessage) -> str:
    if action == "presence":
        return "you may not be present under this key"
    if action == "delete" and isinstance(message, Push) and isinstance(message.action, Append):
        return "you may not delete values of this key, as max_length does; append without it"
    return f"you may not {action} this key"
