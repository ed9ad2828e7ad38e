"""An identity: who somebody is, as far as the server knows."""

from __future__ import annotations

import base64
import hashlib
from typing import Literal, TypeAlias

import msgspec
from msgspec import Struct

from ..protocol.value import Value

__all__ = ["GUEST", "Identity", "Source"]

Source: TypeAlias = Literal["guest", "owner", "jupyter", "kernel", "hub", "token", "link"]

_PERSON_BYTES = 12  # 96 bits


class Identity(Struct, frozen=True):
    """Who is behind a connection or request.

    ``source`` is what vouches for it. ``subject`` is the name by which a policy's ``users`` knows
    the person, ``None`` for who has none: a guest, somebody with a link. ``groups`` are those that
    the source puts the person in. ``user`` is what the source has others told, an object, ``None``
    for nothing. ``link`` is the id of the share link that somebody came in by. ``fleeting``: the
    same credential makes somebody new of who comes again, as Jupyter's own token does.
    """

    source: Source
    subject: str | None = None
    groups: frozenset[str] = frozenset()
    user: Value | None = None
    link: str | None = None
    fleeting: bool = False

    @property
    def told(self) -> Value | None:
        """What others are told (protocol, "Who and when"): ``user``, and what vouches for it."""
        if self.user is None:
            return None
        # Behind the rest: of a name that is there twice the last counts.
        fields = self.user.as_json().rstrip()[:-1]
        comma = b"" if fields.strip() == b"{" else b","
        return Value.from_json(b'%b%b"source":"%b"}' % (fields, comma, self.source.encode()))

    @property
    def person(self) -> str | None:
        """A word that tells this person from others and says nothing of them; ``None``: a guest.

        Its client tells by it whether another person comes back.
        """
        nobody = self.subject is None and self.user is None and self.link is None
        if nobody or self.fleeting:
            return None
        user = None if self.subject is not None or self.user is None else _json_of(self.user)
        parts = (self.source, self.subject, self.link, None if user is None else user.decode())
        digest = hashlib.sha256(msgspec.json.encode(parts)).digest()
        return base64.urlsafe_b64encode(digest[:_PERSON_BYTES]).decode()

    def is_same_person(self, other: Identity) -> bool:
        """Return whether another one is of the same person, or of nobody in the same way."""
        if (self.source, self.subject, self.link) != (other.source, other.subject, other.link):
            return False
        return self.subject is not None or _json_of(self.user) == _json_of(other.user)


def _json_of(user: Value | None) -> bytes | None:
    return None if user is None else user.as_json()


GUEST = Identity("guest")
"""Somebody of whom nothing is known."""
