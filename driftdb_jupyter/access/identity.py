"""An identity: who somebody is, as far as the server knows."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct

from ..protocol.value import Value

__all__ = ["GUEST", "Identity", "Source"]

Source: TypeAlias = Literal["guest", "owner", "jupyter", "kernel", "hub", "token", "link"]


class Identity(Struct, frozen=True):
    """Who is behind a connection or request.

    ``source`` is what vouches for it. ``subject`` is the name by which a policy's ``users`` knows
    the person, ``None`` for who has none: a guest, somebody with a link. ``groups`` are those that
    the source puts the person in. ``user`` is what the source has others told, an object, ``None``
    for nothing. ``link`` is the id of the share link that somebody came in by.
    """

    source: Source
    subject: str | None = None
    groups: frozenset[str] = frozenset()
    user: Value | None = None
    link: str | None = None

    @property
    def told(self) -> Value | None:
        """What others are told (protocol, "Who and when"): ``user``, and what vouches for it."""
        if self.user is None:
            return None
        # Behind the rest: of a name that is there twice the last counts.
        fields = self.user.as_json().rstrip()[:-1]
        comma = b"" if fields.strip() == b"{" else b","
        return Value.from_json(b'%b%b"source":"%b"}' % (fields, comma, self.source.encode()))

    def is_same_person(self, other: Identity) -> bool:
        """Return whether another one is of the same person, or of nobody in the same way."""
        if (self.source, self.subject, self.link) != (other.source, other.subject, other.link):
            return False
        return self.subject is not None or _json_of(self.user) == _json_of(other.user)


def _json_of(user: Value | None) -> bytes | None:
    return None if user is None else user.as_json()


GUEST = Identity("guest")
"""Somebody of whom nothing is known."""
