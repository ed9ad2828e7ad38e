"""The requests by which the owner of a room takes back tokens."""

from __future__ import annotations

from collections.abc import Awaitable

from tornado.httputil import HTTPServerRequest

from ...access.tokens.claims import TEXT_LIMIT, TOKEN_LIMIT_LENGTH, is_signed
from ...access.tokens.token import Token
from ...protocol.errors import BadMessage, Forbidden
from ..hosting.revoking import revoke_tokens
from .bearers import Bearers
from .handlers import RoomRequest
from .request import TOKEN_HEADER, NoSuchRoom, Unauthorized
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
        until = await end_of_token(self.request, self.site.bearers, name, token_id)
        if not await revoke_tokens(self.hub, name, token_id, until=until, by=by, address=self.who):
            raise NoSuchRoom
        self.answer(None)


async def end_of_token(
    request: HTTPServerRequest, bearers: Bearers, room: str, token_id: str | None
) -> float | None:
    """Return when the token that a request takes back ends, in seconds since 1970, if it is known.

    ``DriftDB-Token`` is that token. Of its end it is believed only what is signed with a key that
    the server takes tokens by: else a token could be taken back for a shorter time than it is good.
    """
    text = request.headers.get(TOKEN_HEADER, "")
    if token_id is None or not is_signed(text) or len(text) > TOKEN_LIMIT_LENGTH:
        return None
    try:
        shown = bearers.credential(text)
        token = await shown if isinstance(shown, Awaitable) else shown
    except Unauthorized:
        return None
    if not isinstance(token, Token) or token.claims.id != token_id:
        return None
    return token.claims.expires_at if token.claims.are_for(room) else None


def token_routes(site: Site) -> list[Route]:
    """Return the routes of tokens."""
    return [
        site.route(r"room/([^/]+)/tokens", Tokens),
        site.route(r"room/([^/]+)/tokens/([^/]+)", Tokens),
    ]
