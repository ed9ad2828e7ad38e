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

    ``unlimited``: whether it may do everything to every key, and need not be asked; that becomes
    true only when it is asked again after :meth:`outdate` and :meth:`renew`. ``steady``: what
    :meth:`ask` returns until one of these is called, ``None`` where it is to be called.
    """

    __slots__ = ("_access", "_is_outdated", "_known", "credential", "steady", "unlimited")

    def __init__(self, credential: Credential, access: RoomAccess) -> None:
        self.credential = credential
        self._access = access
        self._is_outdated = False
        self.steady: Grants | None = None
        self._known = NOTHING
        self.review()

    def outdate(self) -> None:
        """Note that something else may be allowed now: whoever asks next finds out what.

        That takes no time, however many guards a change concerns.
        """
        self._is_outdated = True
        self.steady = None
        self.unlimited = False

    def review(self) -> None:
        """Look again at what is allowed."""
        was_outdated = self._is_outdated
        self._is_outdated = self.unlimited = False
        if not self.credential.steady:
            self.steady = None
            if was_outdated:
                self._known = NOTHING  # until it was asked
            return
        self.steady = self._known = NOTHING  # where this fails
        grants = self.credential.grants(self._access)
        assert isinstance(grants, Grants), "a steady credential answers at once"
        self.steady = self._known = grants
        self.unlimited = grants.unlimited

    def renew(self, credential: Credential) -> None:
        """Put another credential in the place of the one that somebody came in with."""
        self.credential = credential
        self.outdate()

    def ask(self) -> Grants | Awaitable[Grants]:
        """Return what is allowed now."""
        if self._is_outdated:
            self.review()
        grants = self.steady
        return self.credential.grants(self._access) if grants is None else grants

    def allows(self, push: Push) -> bool:
        """Return True if a push is allowed, for a key that was used lately.

        Others have to be looked at by :meth:`ask` and :func:`denial`, as all that this isn't true
        for.
        """
        grants = self.steady
        if grants is None:
            return False
        actions = grants.known.get(push.key)
        return actions is not None and not _needed(push) & ~actions

    def may_read(self, key: str) -> bool:
        """Return True if a key may be read, as far as that is known without asking others."""
        grants = self.known if self._is_outdated else self._known
        actions = grants.known.get(key)
        return grants.may_read(key) if actions is None else actions & READ != 0

    @property
    def known(self) -> Grants:
        """What is allowed, as far as that is known without asking others."""
        if self._is_outdated:
            self.review()
        return self._known

    def learn(self, grants: Grants) -> None:
        """Note what :meth:`ask` returned, or what became of it."""
        self._known = grants

    def end(self) -> None:
        """Allow nothing more: the credential is no longer good."""
        self.steady = self._known = NOTHING
        self._is_outdated = self.unlimited = False


def denial(grants: Grants, message: ClientMessage) -> Forbidden | None:
    """Return the refusal of a message that isn't allowed, ``None`` if it is.

    ``keys`` is answered with those that may be read, and isn't refused.
    """
    if grants.unlimited:
        return None
    if isinstance(message, Push):
        needed = _needed(message)
    elif isinstance(message, Get):
        needed = READ
    elif isinstance(message, SetPresence):
        needed = PRESENCE
    else:
        return None
    key = message.key
    actions = grants.known.get(key)  # a call less for keys that were used lately
    if actions is None:
        actions = grants.actions(key)
    missing = needed & ~actions
    if not missing:
        return None
    name = action_names(missing)[0]
    refusal = Forbidden(_explain(name, message), key=key, action=name)
    refusal.push_id = message.id if isinstance(message, Push) else None
    return refusal


def _needed(push: Push) -> int:
    """Return the actions that a push needs on its key, as bits."""
    action = push.action
    needed = _PUSHES[type(action)]
    if push.if_seq is not None or push.epoch is not None:
        needed |= READ  # for a conflict, too
    if type(action) is Append and action.max_length is not None:  # isinstance() takes longer
        needed |= DELETE  # for it takes away what others wrote
    return needed


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
