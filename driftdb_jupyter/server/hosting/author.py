"""The author of a push, as others are told (protocol, "Who and when" and "Who is here")."""

from __future__ import annotations

import base64
import hashlib
import secrets

from ...access.identity import GUEST, Identity
from ...protocol.entry import Author

__all__ = ["author", "client_key"]

_ID_BYTES = 18  # 144 bits


def author(client: str | None, identity: Identity = GUEST) -> Author:
    """Return the author behind a connection or a request.

    ``client`` is the client's secret: its public id says nothing of it, and is the same wherever
    it comes. Without one the id is made for this connection alone. ``identity``: who is behind it.
    """
    user = identity.told
    if client is None:
        return Author(secrets.token_urlsafe(_ID_BYTES), user)
    digest = hashlib.sha256(client.encode()).digest()
    return Author(base64.urlsafe_b64encode(digest[:_ID_BYTES]).decode(), user)


def client_key(secret: str | None) -> str | None:
    """Return a client's name within a room: the SHA-256 digest of its secret, in hexadecimal.

    So the secret itself, which would open what the client wrote to others, is kept nowhere.
    """
    return None if secret is None else hashlib.sha256(secret.encode()).hexdigest()
