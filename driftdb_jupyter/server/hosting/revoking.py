"""Taking back tokens."""

from __future__ import annotations

import time

from ...access.tokens.revocation import revoke_all_change, revoke_change
from ..process.audit import TokenRevoked
from .hub import Hub

__all__ = ["revoke_tokens"]


async def revoke_tokens(
    hub: Hub, room: str, token_id: str | None, *, by: str | None, address: str | None = None
) -> bool:
    """Take back the token with an id, in one room, or (``None``) all that were issued up to now.

    Who is in by one is put out at once (4401). Returns ``False`` where there is no such room.
    Raises :class:`~driftdb_jupyter.protocol.errors.QuotaExceeded` where the room can keep no more
    of it, and :class:`~driftdb_jupyter.protocol.errors.Unavailable`.
    """
    access = await hub.rooms.access(room)
    if access is None:
        return False
    now = time.time()
    if token_id is None:
        leeway_seconds = hub.settings.token_leeway_seconds
        change = revoke_all_change(access, now=now, leeway_seconds=leeway_seconds)
    else:
        change = revoke_change(access, token_id, now=now)
    if not await hub.rooms.change_access(room, change):
        return False
    told = TokenRevoked(room=room, by=by, address=address, token_id=token_id or "*")
    hub.events.audit.tell(told)
    return True
