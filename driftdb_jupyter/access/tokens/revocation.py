"""Tokens that were taken back, as the records of a room have it."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from ..room_access import Change, RoomAccess
from .claims import Claims

__all__ = ["is_revocation", "is_revoked", "revoke_all_change", "revoke_change"]

_KIND = "revoked"
_ALL = ""
"""The name of the record that says until when all tokens of the room are worth nothing."""
# For so long after a token's end it is remembered that it was taken back: the clock may be wrong.
_REMEMBERED_SECONDS = 24 * 60 * 60.0


class _Record(Struct):
    at: float
    until: float | None = None


def is_revocation(kind: str, content: bytes) -> bool:
    """Return whether a record that comes from elsewhere says that tokens were taken back."""
    if kind != _KIND:
        return False
    try:
        msgspec.json.decode(content, type=_Record)
    except msgspec.MsgspecError:
        return False
    return True


def is_revoked(claims: Claims, access: RoomAccess) -> bool:
    """Return whether a token was taken back in a room, by its id or with all before it."""
    if claims.id is not None and access.get(_KIND, claims.id) is not None:
        return True
    record = access.get(_KIND, _ALL)
    if record is None:
        return False
    # Who signs may count whole seconds: one of the same second counts as issued before.
    return claims.issued_at is None or claims.issued_at <= _at(record)


def revoke_change(
    access: RoomAccess, token_id: str, *, now: float, until: float | None = None
) -> Change:
    """Return the change that takes a token back; ``until``: when it ends by itself, if known.

    Where it was taken back before, it stays so until the later of both. Records of tokens that
    ended a day before are removed. Times are seconds since 1970.
    """
    before = access.get(_KIND, token_id)
    if before is not None:
        known = [end for end in (until, msgspec.json.decode(before).get("until")) if end]
        until = max(known) if known else None
    change: dict[tuple[str, str], bytes | None] = {
        (_KIND, name): None
        for name, record in access.of(_KIND).items()
        if name != _ALL
        and (ends := msgspec.json.decode(record).get("until"))
        and ends + _REMEMBERED_SECONDS < now
    }
    change[_KIND, token_id] = msgspec.json.encode({"at": now, "until": until})
    return change


def revoke_all_change(access: RoomAccess, *, now: float, leeway_seconds: float = 0.0) -> Change:
    """Return the change that takes back all tokens of the room that were issued up to now.

    ``leeway_seconds``: how far ahead the clock of whoever signs may be. A token that was taken back
    by its id may have been issued so much later, so that is remembered as long.
    """
    change: dict[tuple[str, str], bytes | None] = {
        (_KIND, name): None
        for name, record in access.of(_KIND).items()
        if _at(record) + leeway_seconds < now
    }
    before = access.get(_KIND, _ALL)
    at = now if before is None else max(now, _at(before))  # the clock may have been set back
    change[_KIND, _ALL] = msgspec.json.encode({"at": at})
    return change


def _at(record: bytes) -> float:
    at: float = msgspec.json.decode(record)["at"]
    return at
