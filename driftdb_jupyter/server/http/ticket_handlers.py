"""The request for a ticket (protocol, "Tickets")."""

from __future__ import annotations

from .handlers import RoomRequest
from .site import Route, Site

__all__ = ["NewTicket", "ticket_routes"]


class NewTicket(RoomRequest):
    """``POST /room/ID/ticket``."""

    is_message = True

    async def post(self, name: str) -> None:
        """Answer with a ticket, which stands once for what the request came with."""
        await self.demand_grants(await self.room_access(name))
        self.set_header("Cache-Control", "no-store")
        self.answer(self.hub.tickets.issue(self.lasting_credential(), name))


def ticket_routes(site: Site) -> list[Route]:
    """Return the route of tickets."""
    return [site.route(r"room/([^/]+)/ticket", NewTicket)]
