"""Taking back tokens."""

from __future__ import annotations

import time

from ...access.tokens.revocation import revoke_all_change, revoke_change
from ...access.tokens.token import Token
from ..process.audit import TokenRevoked
from .hub import Hub

__all__ = ["revoke_tokens"]


async def revoke_tokens(
    hub: Hub,
    room: str,
    token_id: str | None,
    *,
    until: float | None = None,
    by: str | None,
    address: str | None = None,
) -> bool:
    """Take back the token with an id, in one room, or (``None``) all that were issued up to now.

    ``until``: when the token ends by itself, in seconds since 1970, if that is known; it is known
    of one that somebody is in by. From then on it need not be remembered.
    Who is in by one is put out at once (4401). Returns ``False`` where there is no such room.
    Raises :class:`~driftdb_jupyter.protocol.errors.QuotaExceeded` where the room can keep no more
    of it, and :class:`~driftdb_jupyter.protocol.errors.Unavailable`.
    """
    access = await hub.rooms.access(room)
    if access is None:
        return False
    now = time.time()
    leeway_seconds = hub.settings.token_leeway_seconds
    if token_id is None:
        change = revoke_all_change(access, now=now, leeway_seconds=leeway_seconds)
    else:
        ends = [] if until is None else [until]
        for credential in hub.credentials_in(room):
            if isinstance(credential, Token) and credential.claims.id == token_id:
                ends.append(credential.claims.expires_at)
        known = max(ends) + leeway_seconds if ends else None
        change = revoke_change(access, token_id, now=now, until=known)
    if not await hub.rooms.change_access(room, change):
        return False
    told = TokenRevoked(room=room, by=by, address=address, token_id=token_id or "*")
    hub.events.audit.tell(told)
    return True
