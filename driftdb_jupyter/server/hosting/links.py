"""The share links of all rooms: made, listed, taken back, and entered by (docs/links.md)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import msgspec

from ...access.credential import Credential
from ...access.identity import Identity
from ...access.room_access import LINK, LINK_PEOPLE, OutOfDate, RoomAccess
from ...access.share_link import LinkHolder, LinkPerson, LinkTerms, ShareLink, person_of
from ...protocol.errors import Forbidden, QuotaExceeded
from ...protocol.value import Value
from ..process.audit import AuditLog, LinkMade, LinkRevoked
from .open_rooms import OpenRooms

__all__ = ["Links"]

_NAME_LENGTH = 60
_BROWSER_LENGTH = 100
_Place = tuple[str, str]


class Links:
    """The share links of the rooms of a hub.

    ``credentials`` returns those of everybody who is in a room now.
    """

    def __init__(
        self,
        rooms: OpenRooms,
        audit: AuditLog,
        *,
        credentials: Callable[[str], Iterable[Credential]],
    ) -> None:
        self._rooms = rooms
        self._audit = audit
        self._credentials = credentials
        # People who come in by a link for the first time, by room and link; of many who come at
        # once, as a class does, those who wait are written together.
        self._coming: dict[_Place, dict[str, asyncio.Future[bool]]] = {}
        self._writing: dict[_Place, asyncio.Task[None]] = {}

    async def make(
        self, room: str, terms: LinkTerms, *, address: str | None = None
    ) -> tuple[str, str] | None:
        """Make a link; returns its secret, which nobody is told again, and its id.

        ``None`` where there is no such room. Raises what :meth:`.OpenRooms.change_access` raises.
        """
        secret, link_id, change = ShareLink.make(terms)
        if not await self._rooms.change_access(room, change):
            return None
        roles = ",".join(sorted({action for grant in terms.grants for action in grant.can}))
        by = terms.made_by
        made = LinkMade(room=room, by=by, address=address, link=terms.name or link_id, role=roles)
        self._audit.tell(made)
        return secret, link_id

    async def all_of(self, room: str) -> list[dict[str, Any]] | None:
        """Return the links of a room as JSON has them, the oldest first; ``None`` without a room.

        ``people``: how many browsers came in by it; ``people_here``: how many of them are in the
        room now; ``connections``: how many connections those have.
        """
        access = await self._rooms.access(room)
        if access is None:
            return None
        here: dict[str, list[str]] = {}
        for credential in self._credentials(room):
            if isinstance(credential, LinkPerson):
                here.setdefault(credential.link_id, []).append(credential.person)
        return [
            {
                "id": link.id,
                **link.terms.shown(),
                "expired": link.terms.has_ended(now=time.time()),
                "people": len(link.people),
                "people_here": len(set(here.get(link.id, ()))),
                "connections": len(here.get(link.id, ())),
            }
            for link in ShareLink.all_of(access)
        ]

    async def revoke(
        self, room: str, named: str, *, by: str | None = None, address: str | None = None
    ) -> int | None:
        """Take back the link with an id, or all of a name; who is in by one is put out at once.

        Returns how many there were, ``None`` where there is no such room.
        """
        access = await self._rooms.access(room)
        if access is None:
            return None
        links = [link for link in ShareLink.all_of(access) if named in (link.id, link.terms.name)]
        if links:
            await self._rooms.change_access(room, ShareLink.removal(link.id for link in links))
        for link in links:
            name = link.terms.name or link.id
            self._audit.tell(LinkRevoked(room=room, by=by, address=address, link=name))
        return len(links)

    async def enter(
        self, room: str, access: RoomAccess | None, holder: LinkHolder, *, browser: str, name: str
    ) -> LinkPerson:
        """Let somebody in by a link, and count the person, once for each browser.

        ``access``: the room's, if there is a room. ``browser``: what the browser calls itself, a
        random text; ``name``: what the person does.
        Raises :class:`Forbidden` for a link that is none (any more), or that demands a name, and
        :class:`QuotaExceeded` where as many came in as may.
        """
        link = None if access is None else ShareLink.find(access, holder.link_id)
        if link is None or link.terms.has_ended(now=time.time()):
            raise _none()
        name = "".join(filter(str.isprintable, name)).strip()[:_NAME_LENGTH]
        if link.terms.asks_name and not name:
            raise Forbidden("this link asks for a name", key="", action="name")
        person = person_of(link.id, browser[:_BROWSER_LENGTH])
        if person not in link.people and not await self._count(room, link.id, person):
            now = await self._rooms.access(room)
            if now is None or ShareLink.find(now, link.id) is None:  # it was taken back meanwhile
                raise _none()
            raise QuotaExceeded(
                f"expected at most {link.terms.people_limit} people by this link, got one more"
            )
        told: dict[str, object] = {"guest": True}
        if name:  # which the person chose, and others are to see that
            told |= {"name": name, "display_name": f"{name} (guest)"}
        user = Value.from_json(msgspec.json.encode(told))
        return LinkPerson(room, link, person, Identity("link", user=user, link=link.id))

    async def _count(self, room: str, link_id: str, person: str) -> bool:
        """Count somebody who came in for the first time; returns whether there was room."""
        place = room, link_id
        coming = self._coming.setdefault(place, {})
        outcome = coming.get(person)
        if outcome is None:
            outcome = coming[person] = asyncio.get_running_loop().create_future()
        if place not in self._writing:
            self._writing[place] = asyncio.create_task(self._write(place))
        return await asyncio.shield(outcome)

    async def _write(self, place: _Place) -> None:
        try:
            while coming := self._coming.pop(place, None):
                try:
                    counted = await self._counted(place, coming)
                except Exception as error:
                    for outcome in coming.values():
                        outcome.set_exception(error)
                else:
                    for person, outcome in coming.items():
                        outcome.set_result(person in counted)
        finally:
            del self._writing[place]

    async def _counted(self, place: _Place, people: Iterable[str]) -> tuple[str, ...]:
        """Return who is counted for a link, with those of ``people`` whom it has room for."""
        room, link_id = place
        while True:
            access = await self._rooms.access(room)
            link = None if access is None else ShareLink.find(access, link_id)
            if access is None or link is None:  # it was taken back meanwhile
                return ()
            joined = link.joined_by(people)
            if joined.people == link.people:
                return joined.people
            before = {each: access.get(*each) for each in ((LINK, link_id), (LINK_PEOPLE, link_id))}
            with suppress(OutOfDate):  # another server has counted, or taken it back
                await self._rooms.change_access(room, joined.people_change(), expected=before)
                return joined.people


def _none() -> Forbidden:
    # One answer for all: who guesses learns nothing.
    return Forbidden("this link has expired, or was taken back", key="", action="read")
