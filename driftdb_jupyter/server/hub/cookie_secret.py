"""The secret that signs the cookies of logins; a restart of the service keeps them good."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

__all__ = ["cookie_secret"]

_BYTES = 32


def cookie_secret(folder: str) -> bytes:
    """Return the secret that is kept in a folder, made at its first use; readable by its owner.

    ``""``: nowhere, so that it is another one each time. Raises :class:`OSError`.
    """
    if not folder:
        return secrets.token_bytes(_BYTES)
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
