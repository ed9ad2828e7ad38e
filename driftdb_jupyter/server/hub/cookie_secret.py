"""The secret that signs the cookies of logins; a restart of the service keeps them good."""

from __future__ import annotations

import hmac
import os
import secrets
from pathlib import Path

__all__ = ["cookie_secret"]

_BYTES = 32
_PURPOSE = b"driftdb-jupyter: cookies of logins"


def cookie_secret(folder: str) -> bytes:
    """Return the secret that is kept in a folder, made at its first use; readable by its owner.

    ``""``: nowhere. Then it follows from the token that the hub gave the service, and is the same
    in all processes that have that one. Raises :class:`OSError`.
    """
    if not folder:
        token = os.environ.get("JUPYTERHUB_API_TOKEN", "")
        if not token:
            return secrets.token_bytes(_BYTES)
        return hmac.digest(token.encode(errors="surrogateescape"), _PURPOSE, "sha256")
    path = Path(folder) / "cookie_secret"
    try:
        kept = path.read_bytes()
        if len(kept) == _BYTES:
            return kept
        path.unlink()
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
    made = secrets.token_bytes(_BYTES)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(made)
    return made
