"""The mark by which a share link counts a user of this machine as one person.

A browser has one, too: a random text that it keeps.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from functools import cache

__all__ = ["own_mark"]

_LENGTH = 32


def own_mark(secret: str) -> str:
    """Return the mark for the link with a secret.

    It tells nobody who that is, nor that the same user came by another link. Where nothing can be
    kept, it is another one for each process.
    """
    return hashlib.sha256(f"{secret} {_kept()}".encode()).hexdigest()


@cache
def _kept() -> str:
    from platformdirs import user_state_path  # which few programs need

    made = secrets.token_hex(_LENGTH // 2)
    path = user_state_path("driftdb-jupyter", appauthor=False) / "person"
    with contextlib.suppress(OSError, UnicodeDecodeError):
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(made)
        except FileExistsError:
            kept = path.read_text("ascii")
            return kept if len(kept) == _LENGTH else made  # another process may be at it
    return made
