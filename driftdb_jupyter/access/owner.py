"""The owner of a room: whoever has the secret that was given out when the room was made."""

from __future__ import annotations

import hashlib

from ..protocol.name import new_id
from .credential import Guest
from .grants import OWNER, Grants
from .identity import Identity
from .room_access import Change, RoomAccess

__all__ = ["Owner", "no_owners", "owner_change", "owner_secret"]

_KIND = "owner"
_PREFIX = "owner_"


class Owner(Guest):
    """Shows a secret: may do everything in the rooms that it is the owner's of, else a guest's.

    ``guest``: what somebody with nothing comes in with. ``digest``: that of the secret.
    """

    identity = Identity("owner")

    def __init__(self, secret: str, guest: Guest | None = None) -> None:
        self.digest = _digest(secret)
        self._guest = guest or Guest()

    @classmethod
    def with_digest(cls, digest: str, guest: Guest) -> Owner:
        """Return who has shown another server a secret with that digest."""
        owner = cls("", guest)
        owner.digest = digest
        return owner

    def grants(self, access: RoomAccess) -> Grants:
        """Return the grants of the owner, or of a guest."""
        return self._guest.grants(access) if access.get(_KIND, self.digest) is None else OWNER

    def may_create(self) -> bool:
        """Return whether a guest may."""
        return self._guest.may_create()


def owner_secret() -> str:
    """Return a new secret; a room keeps its digest alone."""
    return _PREFIX + new_id()


def owner_change(secret: str) -> Change:
    """Return the change that makes whoever has a secret the owner of a room."""
    return {(_KIND, _digest(secret)): b"{}"}


def no_owners(access: RoomAccess) -> Change:
    """Return the change that makes every secret of an owner worth nothing."""
    return {(_KIND, digest): None for digest in access.of(_KIND)}


def _digest(secret: str) -> str:
    # No salt and no stretching: it is 192 random bits.
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()
