"""The requests by which the owner of a room takes back tokens."""

from __future__ import annotations

import math
from collections.abc import Awaitable

from tornado.web import RequestHandler

from ...access.tokens.claims import TEXT_LIMIT
from ...protocol.errors import BadMessage, Forbidden
from ..hosting.revoking import revoke_tokens
from .handlers import RoomRequest
from .request import NoSuchRoom
from .site import Route, Site

__all__ = ["Tokens", "end_of_token", "token_routes"]


class Tokens(RoomRequest):
    """``/room/ID/tokens``: all tokens of a room; ``/room/ID/tokens/TOKEN``: the one with an id."""

    def demand_rights(self) -> Awaitable[None] | None:
        """Refuse whoever may not administer the room."""
        return self._demand_admin(self.path_args[0]) if self.request.method == "DELETE" else None

    async def _demand_admin(self, name: str) -> None:
        grants = await self.demand_grants(await self.room_access(name))
        if not grants.is_admin:
            raise Forbidden("you may not administer this room", key="", action="admin")

    async def delete(self, name: str, token_id: str | None = None) -> None:
        """Take it back, or them all."""
        if token_id is not None and len(token_id) > TEXT_LIMIT:
            raise BadMessage(f"expected the id of a token of at most {TEXT_LIMIT} characters")
        self.demand_rate(self.hub.access_changes.count(name))
        by = self.credential.identity.subject
        until = end_of_token(self)
        if not await revoke_tokens(self.hub, name, token_id, until=until, by=by, address=self.who):
            raise NoSuchRoom
        self.answer(None)


def end_of_token(request: RequestHandler) -> float | None:
    """Return when the token that is taken back ends (``?until=``, in seconds since 1970)."""
    text = request.get_query_argument("until", None)
    if text is None:
        return None
    try:
        until = float(text)
    except ValueError:
        until = math.nan
    if not 0 <= until < 2**53:
        raise BadMessage("expected ?until= to be seconds since 1970")
    return until


def token_routes(site: Site) -> list[Route]:
    """Return the routes of tokens."""
    return [
        site.route(r"room/([^/]+)/tokens", Tokens),
        site.route(r"room/([^/]+)/tokens/([^/]+)", Tokens),
    ]
