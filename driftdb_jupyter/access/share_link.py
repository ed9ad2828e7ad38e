"""A share link of a room: what it gives, and the credential of who came in by it.

The link's secret stands in the URL that is passed on. A room keeps its digest alone, as the
record's name (docs/links.md).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from ..protocol.errors import BadMessage
from ..protocol.name import new_id
from .grants import NOTHING, ROLES, Grant, Grants, compile_grants
from .identity import Identity
from .policy import grants_from, shown_grants
from .room_access import LINK, LINK_PEOPLE, Change, RoomAccess

__all__ = [
    "LinkHolder",
    "LinkPerson",
    "LinkTerms",
    "ShareLink",
    "is_link",
    "link_id_of",
    "person_of",
    "terms_from",
]

_PREFIX = "link_"
_ID_LENGTH = 32
_PERSON_LENGTH = 16
_NAME_LENGTH = 100
_DAY_SECONDS = 24 * 60 * 60.0
# A longer one is none that a calendar shows; null is for ever.
_LIFETIME_LIMIT_SECONDS = 100 * 365 * _DAY_SECONDS
_FIELDS = ("grants", "name", "lifetime_seconds", "people_limit", "ask_name")
# Whoever is asked for a name is shown with it.
_PRESENT = Grant(("presence",), keys=("presence",))


class LinkTerms(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a link gives, to how many, and until when.

    ``grants`` are all that who comes in by it may do, whatever the room's policy gives to others.
    ``expires_at`` is in seconds since 1970, ``None`` for never. ``people_limit``: how many browsers
    may come in by it. ``asks_name``: whether the page asks for a name before it shows the room.
    """

    grants: tuple[Grant, ...]
    name: str = ""
    made_at: float
    made_by: str | None = None
    expires_at: float | None = None
    people_limit: int
    asks_name: bool = False

    def has_ended(self, *, now: float) -> bool:
        """Return whether it has expired."""
        return self.expires_at is not None and now >= self.expires_at

    def shown(self) -> dict[str, Any]:
        """Return the terms as JSON has them."""
        return {
            "name": self.name,
            "grants": shown_grants(self.grants),
            "made_at": self.made_at,
            "made_by": self.made_by,
            "expires_at": self.expires_at,
            "people_limit": self.people_limit,
            "ask_name": self.asks_name,
        }


class ShareLink(Struct, frozen=True):
    """A link of a room: its id, its terms, and the people (as digests) who came in by it."""

    id: str
    terms: LinkTerms
    people: tuple[str, ...] = ()

    @classmethod
    def find(cls, access: RoomAccess, link_id: str) -> ShareLink | None:
        """Return the link with an id; ``None`` where there is none, or not any more."""
        record = access.get(LINK, link_id)
        if record is None:
            return None
        people = access.get(LINK_PEOPLE, link_id)
        return cls(
            link_id,
            msgspec.json.decode(record, type=LinkTerms),
            () if people is None else msgspec.json.decode(people, type=tuple[str, ...]),
        )

    @classmethod
    def all_of(cls, access: RoomAccess) -> list[ShareLink]:
        """Return the links of a room, the oldest first."""
        found = [cls.find(access, link_id) for link_id in access.of(LINK)]
        return sorted((link for link in found if link), key=lambda link: link.terms.made_at)

    @staticmethod
    def make(terms: LinkTerms) -> tuple[str, str, Change]:
        """Return the secret and the id of a new link, and the change that a room keeps it by."""
        secret = _PREFIX + new_id()
        link_id = link_id_of(secret)
        return secret, link_id, {(LINK, link_id): msgspec.json.encode(terms)}

    @staticmethod
    def removal(link_ids: Iterable[str]) -> Change:
        """Return the change that takes links back."""
        return {(kind, link_id): None for link_id in link_ids for kind in (LINK, LINK_PEOPLE)}

    def joined_by(self, people: Iterable[str]) -> ShareLink:
        """Return the link after some people came in by it; others than these are left out.

        As many of them as ``people_limit`` has room for, in their order.
        """
        known = dict.fromkeys(self.people)
        for person in people:
            if len(known) < self.terms.people_limit:
                known.setdefault(person)
        return ShareLink(self.id, self.terms, tuple(known))

    def people_change(self) -> Change:
        """Return the change by which a room keeps who came in."""
        return {(LINK_PEOPLE, self.id): msgspec.json.encode(self.people)}


class LinkHolder:
    """Shows the secret of a link, which gives a ticket and nothing else.

    So everybody who comes in by a link is counted.
    """

    identity = Identity("link")
    expires_at: float | None = None
    steady = True

    def __init__(self, secret: str) -> None:
        self.link_id = link_id_of(secret)

    def grants(self, access: RoomAccess) -> Grants:
        """Return nothing."""
        return NOTHING

    def may_create(self) -> bool:
        """Return ``False``."""
        return False

    def revalidate(self) -> bool:
        """Return ``True``: it ends with the link, which the room's access tells."""
        return True


class LinkPerson:
    """Somebody who came in by a link: may do what that gives, as long as the room has it.

    ``link``: as it was then; ``person``: the digest by which it counts whoever it is.
    """

    steady = True

    def __init__(self, room: str, link: ShareLink, person: str, identity: Identity) -> None:
        self.room = room
        self.link_id = link.id
        self.person = person
        self.identity = identity
        self.expires_at = link.terms.expires_at
        self._grants = compile_grants(*link.terms.grants)

    def grants(self, access: RoomAccess) -> Grants:
        """Return what the link gives in its own room, nothing elsewhere or once it is gone."""
        here = access.name == self.room and access.get(LINK, self.link_id) is not None
        return self._grants if here else NOTHING

    def may_create(self) -> bool:
        """Return ``False``."""
        return False

    def revalidate(self) -> bool:
        """Return ``True``: whether the link was taken back the room's access tells."""
        return True


def is_link(text: str) -> bool:
    """Return True if a text has the form of a link's secret."""
    return text.startswith(_PREFIX)


def link_id_of(secret: str) -> str:
    """Return the id of the link with a secret: half of its digest, in hexadecimal."""
    # No salt and no stretching: it is 192 random bits.
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()[:_ID_LENGTH]


def person_of(link_id: str, browser: str) -> str:
    """Return the digest by which a link counts a browser, of which it says nothing else."""
    told = f"{link_id} {browser}".encode(errors="replace")
    return hashlib.sha256(told).hexdigest()[:_PERSON_LENGTH]


def terms_from(
    content: object, *, now: float, people_limit: int, made_by: str | None = None
) -> LinkTerms:
    """Read what a link that is made now shall give from JSON.

    An object with ``grants`` (as a policy has them, without ``admin``) and, as far as wanted,
    ``name``, ``lifetime_seconds`` (a day if it is missing, ``null`` for ever), ``people_limit``
    (at most, and by default, that of the server) and ``ask_name``. Raises
    :class:`~driftdb_jupyter.protocol.errors.BadMessage`, which names what is wrong.
    """
    if not isinstance(content, Mapping):
        raise BadMessage("expected a link as an object with grants")
    unknown = [name for name in content if name not in _FIELDS]
    if unknown:
        raise BadMessage(f"expected {', '.join(_FIELDS)} in a link, got {str(unknown[0])[:80]!r}")
    grants = grants_from(content.get("grants"), "grants")
    if not any(grant.can for grant in grants):
        raise BadMessage(f"expected grants of a link: {', '.join(ROLES)} or others, got none")
    if any("admin" in grant.can for grant in grants):
        raise BadMessage(
            "expected grants of a link without admin: whoever has the link could make others"
        )
    seconds = _number(content.get("lifetime_seconds", _DAY_SECONDS), "lifetime_seconds")
    if seconds is not None and seconds > _LIFETIME_LIMIT_SECONDS:
        raise BadMessage("expected lifetime_seconds of at most 100 years, or null for ever")
    limit = _number(content.get("people_limit"), "people_limit")
    if limit is not None and (limit != int(limit) or limit > people_limit):
        raise BadMessage(f"expected people_limit as a whole number up to {people_limit}")
    name, asks_name = content.get("name", ""), content.get("ask_name", False)
    if not isinstance(name, str) or len(name) > _NAME_LENGTH or not (name.isprintable()):
        raise BadMessage(f"expected name as printable text of at most {_NAME_LENGTH} characters")
    if not isinstance(asks_name, bool):
        raise BadMessage("expected ask_name as true or false")
    return LinkTerms(
        grants=(*grants, _PRESENT) if asks_name else grants,
        name=name,
        made_at=now,
        made_by=made_by,
        expires_at=None if seconds is None else now + seconds,
        people_limit=people_limit if limit is None else int(limit),
        asks_name=asks_name,
    )


def _number(given: object, where: str) -> float | None:
    if given is None:
        return None
    number = isinstance(given, (int, float)) and not isinstance(given, bool)
    if not number or not 0 < given < float("inf"):  # type: ignore[operator]  # it is a number
        raise BadMessage(f"expected {where} as a number above 0, or null")
    return given  # type: ignore[return-value]  # it is a number
