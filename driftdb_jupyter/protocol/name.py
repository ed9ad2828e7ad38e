"""Names of rooms (protocol, "Over HTTP")."""

from __future__ import annotations

import hashlib
import re
import secrets

__all__ = ["NAME_BYTES", "is_id", "is_name", "new_id", "notebook_room", "room_digest"]

_ID = re.compile(r"[A-Za-z0-9_-]{32}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
NAME_BYTES = 200
_STEM_LIMIT_BYTES = 80


def new_id() -> str:
    """Return an id that can't be guessed: 192 random bits, URL-safe.

    None begins with a dash: commands would take it for an option.
    """
    while (text := secrets.token_urlsafe(24)).startswith("-"):
        pass
    return text


def is_id(text: str) -> bool:
    """Return True if it has the form of what :func:`new_id` makes."""
    return _ID.fullmatch(text) is not None


def room_digest(name: str) -> str:
    """Return a short name by which a room is recognized and can't be entered: 8 hex digits."""
    return hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()[:8]


def is_name(text: str) -> bool:
    """Return True if a room may have that name: 1 to 200 bytes of UTF-8, no ``/``, no controls."""
    try:
        length = len(text.encode())
    except UnicodeEncodeError:
        return False
    return (
        1 <= length <= NAME_BYTES
        and "/" not in text
        and text not in (".", "..")
        and not _CONTROL.search(text)
    )


def notebook_room(path: str, *, seed: str = "") -> str:
    """Return the name of a notebook's own room: readable, another for each path and each seed."""
    stem = re.split(r"[/\\]", path)[-1].removesuffix(".ipynb")
    stem = (
        _CONTROL.sub("", stem).encode(errors="replace")[:_STEM_LIMIT_BYTES].decode(errors="ignore")
    )
    digest = hashlib.sha256((path + seed).encode(errors="surrogatepass")).hexdigest()[:8]
    return f"{stem}-{digest}" if stem else digest
