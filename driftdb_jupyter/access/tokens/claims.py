"""The claims of a token: which room, what, who, and how long (docs/tokens.md)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from ...protocol.errors import BadMessage
from ...protocol.name import is_name
from ..grants import ROLES, Grant
from ..policy import grants_from

__all__ = [
    "TEXT_LIMIT",
    "TOKEN_LIMIT_LENGTH",
    "BadToken",
    "Claims",
    "UnknownKey",
    "is_signed",
    "parse_claims",
]

TOKEN_LIMIT_LENGTH = 8192
"""How many characters a token may have; a longer one isn't looked at."""

TEXT_LIMIT = 200
"""How many characters a claim that is text may have."""

_GROUPS_LIMIT = 100


class BadToken(ValueError):
    """A token that isn't good; says why, in words without anything of the token."""


class UnknownKey(BadToken):
    """A token that is signed with a key which isn't known (yet)."""


class Claims(Struct, frozen=True, kw_only=True):
    """The claims of a token that rooms know.

    Either ``room``, a room's name, or ``room_prefix``, the beginning of names. ``grants``: what it
    allows there, from the claims ``role`` and ``grants``. Times are seconds since 1970.
    ``subject`` and ``groups``: as whom a policy knows its holder; ``name``: what others are shown.
    ``id``: by which it can be revoked.
    """

    room: str | None = None
    room_prefix: str | None = None
    grants: tuple[Grant, ...] = ()
    expires_at: float
    issued_at: float | None = None
    not_before: float | None = None
    subject: str | None = None
    name: str | None = None
    groups: frozenset[str] = frozenset()
    id: str | None = None

    def are_for(self, room: str) -> bool:
        """Return whether they are for a room of that name; never for the name of none."""
        if self.room_prefix is not None:
            return bool(room) and room.startswith(self.room_prefix)
        return bool(room) and room == self.room


def is_signed(text: str) -> bool:
    """Return whether a text has the form of a signed token (RFC 7515): three parts and two dots."""
    return text.count(".") == 2


def parse_claims(content: Mapping[str, Any]) -> Claims:
    """Read the claims of a token whose signature was verified; raises :class:`BadToken`."""
    room, prefix = _text(content, "room"), _text(content, "room_prefix")
    if (room is None) == (prefix is None):
        raise BadToken("expected either the claim room or room_prefix")
    if not is_name(room or prefix or ""):
        raise BadToken("expected the claim room to be the name of a room")
    role = _text(content, "role")
    if role is not None and role not in ROLES:
        raise BadToken(f"expected the claim role to be one of {', '.join(ROLES)}")
    try:
        grants = grants_from(content.get("grants"), "the claim grants")
    except BadMessage:
        raise BadToken("expected the claim grants to be a list of grants") from None
    expires_at = _time(content, "exp")
    if expires_at is None:
        raise BadToken("expected the claim exp: a token has to end")
    groups = content.get("groups", [])
    if not (
        isinstance(groups, list)
        and len(groups) <= _GROUPS_LIMIT
        and all(isinstance(group, str) for group in groups)
    ):
        raise BadToken(f"expected the claim groups to be a list of at most {_GROUPS_LIMIT} texts")
    return Claims(
        room=room,
        room_prefix=prefix,
        grants=(*((Grant(ROLES[role]),) if role else ()), *grants),
        expires_at=expires_at,
        issued_at=_time(content, "iat"),
        not_before=_time(content, "nbf"),
        subject=_text(content, "sub"),
        name=_text(content, "name"),
        groups=frozenset(groups),
        id=_text(content, "jti"),
    )


def _text(content: Mapping[str, Any], name: str) -> str | None:
    value = content.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not 0 < len(value) <= TEXT_LIMIT:
        raise BadToken(f"expected the claim {name} to be text of 1 to {TEXT_LIMIT} characters")
    if not value.isprintable():
        raise BadToken(f"expected the claim {name} without control characters")
    return value


def _time(content: Mapping[str, Any], name: str) -> float | None:
    value = content.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 2**53:
        raise BadToken(f"expected the claim {name} to be seconds since 1970")
    return float(value)
