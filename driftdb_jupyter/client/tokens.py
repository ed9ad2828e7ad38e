"""Minting signed tokens (docs/tokens.md)."""

from __future__ import annotations

import base64
import math
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import msgspec

from ..access.policy import grants_from, shown_grants
from ..access.tokens.claims import TOKEN_LIMIT_LENGTH, is_signed
from ..protocol.name import new_id
from .access import Can
from .arguments import check_number, check_text, needed_text

__all__ = ["create_token", "named_token"]


def create_token(
    room: str | None = None,
    *,
    key: str | bytes | os.PathLike[str],
    kid: str | None = None,
    role: Literal["read", "write", "admin"] | None = None,
    grants: Can | None = None,
    expires_seconds: float = 3600.0,
    subject: str | None = None,
    name: str | None = None,
    groups: Iterable[str] = (),
    room_prefix: str | None = None,
    audience: str | None = None,
    issuer: str | None = None,
    not_before: float | None = None,
    token_id: str | None = None,
) -> str:
    """Return a signed token: whoever has it may use a room, as it says, until it ends.

    ``room``: the room's name or id, or ``room_prefix``: how the names of all that are meant begin.
    ``key``: the path of a file (:class:`pathlib.Path`), or what such a file holds: a secret of 32
    characters or more, a JWK or JWK Set, or a PEM with a private key; of several keys the one with
    the id ``kid`` signs, else the first. ``role`` and ``grants`` are what it allows, as
    :class:`Access` has them; without either its holder may do what the room's policy gives to
    ``subject`` and ``groups``. ``name``: what others are shown. ``expires_seconds``: how long it is
    good. ``not_before``: from when on, in seconds since 1970. ``audience`` and ``issuer`` are the
    server's ``token_audience`` and ``token_issuer``. ``token_id``: by which it can be revoked; a
    random one by default.

    Nobody but a server should have ``key``. Raises :class:`ValueError` for a key or claims that no
    server would take, and ``OSError`` for a file that can't be read.
    """
    from ..access.tokens.keys import BadKey, parse_keys
    from ..access.tokens.mint import mint

    for what, text in (("room", room), ("subject", subject), ("name", name), ("kid", kid)):
        check_text(what, text)
    check_text("token_id", token_id)
    check_number("expires_seconds", expires_seconds)
    if isinstance(key, os.PathLike):
        key = Path(key).read_bytes()
    keys = parse_keys(key.encode() if isinstance(key, str) else key)
    signing = [each for each in keys if each.signing is not None and kid in (None, each.id)]
    if not signing:
        raise BadKey("expected a secret or a private key to sign with, got no such key")
    now = math.floor(time.time() * 1000) / 1000  # rounded up it would not be good yet
    content: dict[str, Any] = {
        "room": room,
        "room_prefix": room_prefix,
        "role": role,
        "iat": now,
        "nbf": not_before,
        "exp": round(now + expires_seconds, 3),
        "sub": subject,
        "name": name,
        "aud": audience,
        "iss": issuer,
        "jti": new_id() if token_id is None else token_id,
    }
    if grants is not None:
        content["grants"] = shown_grants(grants_from(grants))
    if groups := list(groups):
        content["groups"] = groups
    given = {claim: value for claim, value in content.items() if value is not None}
    return mint(given, signing[0])


def named_token(text: str) -> tuple[str, str | None]:
    """Return the id of a token, and that token where the text is it and no id.

    A file's line end may stand behind either. Raises :class:`ValueError`, which shows nothing of
    the text, for a token without an id and for what is neither.
    """
    needed_text("token", text)
    token = text.strip()
    if is_signed(token) and _part(token, 0):
        # It is sent as a header.
        if not (token.isascii() and token.isprintable()) or len(token) > TOKEN_LIMIT_LENGTH:
            raise ValueError("expected a token or its id, got a token that isn't one")
        found = _part(token, 1).get("jti")
        if not isinstance(found, str):
            raise ValueError("expected a token with an id (the claim jti), got another")
        return found, token
    token_id = text.strip("\r\n")  # an id may begin and end with a space
    if not token_id or not token_id.isprintable():
        raise ValueError("expected a token or its id, got text with other characters, or none")
    return token_id, None


def _part(token: str, number: int) -> dict[str, object]:
    """Return what a part of a token holds, nothing where that isn't a JSON object."""
    part = token.split(".")[number]
    try:
        content = msgspec.json.decode(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}
