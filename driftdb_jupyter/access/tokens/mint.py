"""Minting a token."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jwt

from .claims import parse_claims
from .keys import BadKey, Key

__all__ = ["mint"]


def mint(content: Mapping[str, Any], key: Key) -> str:
    """Return a signed token with these claims.

    Raises :class:`~.claims.BadToken` for claims that no server would take, and
    :class:`~.keys.BadKey` for a public key.
    """
    if key.signing is None:
        raise BadKey("expected a secret or a private key to sign with, got a public key")
    parse_claims(content)
    headers = {} if key.id is None else {"kid": key.id}
    return jwt.encode(dict(content), key.signing, algorithm=key.algorithm, headers=headers)
