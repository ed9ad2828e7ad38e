"""The request for a ticket (protocol, "Tickets")."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

import msgspec

from ...access.credential import Credential
from ...access.share_link import LinkHolder
from ...protocol.errors import BadMessage, Forbidden
from .gathered import Gathered
from .handlers import RoomRequest
from .site import Route, Site

__all__ = ["NewTicket", "ticket_routes"]


class NewTicket(Gathered, RoomRequest):
    """``POST /room/ID/ticket``."""

    is_message = True

    async def post(self, name: str) -> None:
        """Answer with a ticket, which stands once for what the request came with."""
        if self.has_ticket:  # who saw one on its way would come in again and again
            raise Forbidden("a ticket gives no other ticket", key="", action="ticket")
        body = self.whole_body()
        credential = self.lasting_credential()
        if isinstance(credential, LinkHolder):
            credential = await self._enter(name, credential, body)
        else:
            await self.demand_grants(await self.room_access(name))
        ticket = self.hub.tickets.issue(credential, name, self.caller)
        self.set_header("Cache-Control", "no-store")
        self.answer(await ticket if isinstance(ticket, Awaitable) else ticket)

    async def _enter(self, name: str, holder: LinkHolder, body: bytes) -> Credential:
        """Let somebody in by a share link, who says by what ``browser`` and ``name`` (JSON)."""
        try:
            content: Any = msgspec.json.decode(body or b"{}")
            browser, called = content.get("browser", ""), content.get("name", "")
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, AttributeError):
            raise BadMessage("expected browser and name as a JSON object") from None
        if not isinstance(browser, str) or not isinstance(called, str):
            raise BadMessage("expected browser and name as texts")
        access = await self.hub.rooms.access(name)
        return await self.hub.links.enter(name, access, holder, browser=browser, name=called)


def ticket_routes(site: Site) -> list[Route]:
    """Return the route of tickets."""
    return [site.route(r"room/([^/]+)/ticket", NewTicket)]
