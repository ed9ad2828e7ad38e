"""The requests by which the owner of a room makes, lists and takes back share links."""

from __future__ import annotations

import time
from collections.abc import Awaitable
from typing import Any

import msgspec

from ...access.grants import Grants
from ...access.share_link import terms_from
from ...protocol.errors import BadMessage, Forbidden
from .address import is_on_this_machine, link_path, room_address
from .gathered import Gathered
from .handlers import RoomRequest
from .request import NoSuchRoom
from .site import Route, Site

__all__ = ["Links", "OneLink", "link_routes"]


class _OfOwner(RoomRequest):
    def demand_rights(self) -> Awaitable[None] | None:
        """Refuse whoever may not administer the room, before a body is read."""
        if self.request.method not in ("GET", "POST", "DELETE"):
            return None  # a preflight
        return self._demand_admin(self.path_args[0])

    async def _demand_admin(self, name: str) -> None:
        grants: Grants = await self.demand_grants(await self.room_access(name))
        if not grants.is_admin:
            raise Forbidden("you may not administer this room", key="", action="admin")

    @property
    def _by(self) -> str | None:
        return self.credential.identity.subject


class Links(Gathered, _OfOwner):
    """``/room/ID/links``: the share links of a room."""

    @property
    def body_limit_bytes(self) -> int:
        """The longest link that is read, which may name as many keys as a policy."""
        return self.hub.settings.access_limit_bytes

    async def get(self, name: str) -> None:
        """List them, without their secrets, which the server doesn't know."""
        self.set_header("Cache-Control", "no-store")
        self.answer(await self.hub.links.all_of(name) or [])

    async def post(self, name: str) -> None:
        """Make one, and tell its URL once."""
        body = self.whole_body()
        await self._demand_admin(name)  # while it came, that may have been taken away
        try:
            content = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise BadMessage(f"expected a link as JSON: {error}") from None
        limit = self.hub.settings.link_people_limit
        terms = terms_from(content, now=time.time(), people_limit=limit, made_by=self._by)
        await self.room(name)  # which makes one whose first use this is
        self.demand_rate(self.hub.access_changes.count(name))
        made = await self.hub.links.make(name, terms, address=self.who)
        if made is None:
            raise NoSuchRoom
        secret, link_id = made
        self.set_header("Cache-Control", "no-store")
        self.answer({"id": link_id, **terms.shown(), **self._address(name, secret)})

    def _address(self, name: str, secret: str) -> dict[str, Any]:
        """Return where the link leads, and what it takes where others can't get there."""
        public, local = self.hub.settings.public_url, False
        if not public and is_on_this_machine(self.request):
            public = self.site.reach() or ""
            local = not public
        send = room_address(self.request, self.site.root, name, public=public)["http_url"]
        path = link_path(name, secret)
        url = send.removesuffix(path.partition("/shared")[0] + "/send") + path
        return {"url": url, "advice": self.site.advice if local else None}


class OneLink(_OfOwner):
    """``/room/ID/links/LINK``: one of them, by its id, or all of one name."""

    async def delete(self, name: str, link: str) -> None:
        """Take it back; answers with how many there were."""
        await self.room_access(name)
        self.demand_rate(self.hub.access_changes.count(name))
        self.answer(await self.hub.links.revoke(name, link, by=self._by, address=self.who))


def link_routes(site: Site) -> list[Route]:
    """Return the routes of share links, for the owners of rooms."""
    return [
        site.route(r"room/([^/]+)/links", Links),
        site.route(r"room/([^/]+)/links/([^/]+)", OneLink),
    ]
