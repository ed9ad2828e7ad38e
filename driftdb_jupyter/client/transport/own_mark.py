"""The mark by which a share link counts a user of this machine as one person.

A browser has one, too: a random text that it keeps.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
from functools import cache
from pathlib import Path

__all__ = ["own_mark"]

_LENGTH = 32
_FORM = re.compile(rb"[0-9a-f]{%d}" % _LENGTH)


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
    with contextlib.suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return _read(path) or _keep(path, made)
    return made


def _read(path: Path) -> str | None:
    """Return what is kept; ``None`` for nothing, and for what isn't of its form."""
    try:
        with open(path, "rb") as file:
            kept = file.read(_LENGTH + 1)
    except FileNotFoundError:
        return None
    return kept.decode("ascii") if _FORM.fullmatch(kept) else None


def _keep(path: Path, made: str) -> str:
    """Keep a text as a whole or not at all, unless another process was faster; returns its text."""
    whole = path.with_name(f"{path.name}.{made[:8]}")
    try:
        with open(os.open(whole, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(made)
        try:
            os.link(whole, path)
        except OSError:  # there is one, or this file system has no links
            if (theirs := _read(path)) is not None:
                return theirs
            os.replace(whole, path)
    finally:
        whole.unlink(missing_ok=True)
    return made
