"""The credential of a caller with a signed token."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from ...protocol.value import Value
from ..grants import ENDED, NOTHING, Grants, compile_grants
from ..identity import Identity
from ..room_access import RoomAccess
from .claims import Claims
from .keys import KeyId
from .revocation import is_revoked

__all__ = ["Token"]


class Token:
    """May do in its room what the token says, and what the room's policy gives to its holder.

    ``expires_at``: when the server counts it as ended. ``is_key_known``: returns whether the key
    that it is signed with is still in use; ``key_id`` is the algorithm and id of that one.
    """

    steady = True

    def __init__(
        self,
        claims: Claims,
        *,
        expires_at: float,
        key_id: KeyId,
        is_key_known: Callable[[], bool],
    ) -> None:
        self.claims = claims
        self.expires_at: float | None = expires_at
        self.key_id = key_id
        self._is_key_known = is_key_known
        told = {"username": claims.subject, "name": claims.name or claims.subject}
        shown = {name: text for name, text in told.items() if text is not None}
        user = Value.from_json(msgspec.json.encode(shown)) if shown else None
        self.identity = Identity("token", claims.subject, claims.groups, user)

    def grants(self, access: RoomAccess) -> Grants:
        """Return what it allows in a room: in another than its own, and at large, nothing."""
        claims = self.claims
        if not claims.are_for(access.name):
            return NOTHING
        if is_revoked(claims, access):
            return ENDED
        if access.policy is None:
            return compile_grants(*claims.grants)
        if claims.grants:
            return access.policy.grants_for(self.identity, *claims.grants)
        return access.grants_for(self.identity)

    def may_create(self) -> bool:
        """Return whether its room may be made by its first use: if it allows to write all of it."""
        return compile_grants(*self.claims.grants).unlimited

    def revalidate(self) -> bool:
        """Return whether its key is still in use; if it is revoked, the room's access says so."""
        return self._is_key_known()
