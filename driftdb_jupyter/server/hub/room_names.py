"""The names of the rooms that belong to a person or a group of the hub.

``user:NAME:REST`` is a room of a person, ``group:NAME:REST`` one of a group. ``NAME`` is written as
the hub writes it into URLs (``/user/NAME/``), so no name reaches beyond its second colon.
"""

from __future__ import annotations

import unicodedata
from typing import Literal, TypeAlias
from urllib.parse import quote, unquote

from msgspec import Struct

__all__ = ["Owner", "owned_room", "owner_of"]

Kind: TypeAlias = Literal["user", "group"]
_KINDS: tuple[Kind, ...] = ("user", "group")


class Owner(Struct, frozen=True):
    """The person (``user``) or group that a room belongs to, by its name."""

    kind: Kind
    name: str


def owned_room(kind: Kind, name: str, rest: str) -> str:
    """Return the name of a room that belongs to a person or group."""
    return f"{kind}:{_written(name)}:{rest}"


def owner_of(room: str) -> Owner | None:
    """Return whom a room belongs to; ``None`` for a room that is the hub's as a whole.

    A name that begins as theirs do, or looks so, and isn't written as :func:`owned_room` writes it
    belongs to nobody at all: to an owner with an empty name.
    """
    looks = "".join(filter(str.isprintable, unicodedata.normalize("NFKC", room))).strip().casefold()
    for kind in _KINDS:
        if not looks.startswith(f"{kind}:"):
            continue
        if not room.startswith(f"{kind}:"):
            return Owner(kind, "")
        _, written, *rest = room.split(":", 2)
        name = unquote(written)
        return Owner(kind, name if rest and _written(name) == written else "")
    return None


def _written(name: str) -> str:
    return quote(name, safe="@~")
