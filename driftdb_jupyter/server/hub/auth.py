"""JupyterHub's own client for logins, asked without blocking the loop."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from jupyterhub.services.auth import HubOAuth
from tornado.web import RequestHandler

from .tokens import HubTokens

__all__ = ["HubLogin"]


# Of a longer one the login leads to the front page.
_PAGE_LIMIT = 2000


class HubLogin(HubOAuth):  # type: ignore[misc]  # JupyterHub has no types
    """Logs browsers in by OAuth, and says whose the token in their cookie is.

    ``tokens`` remembers what the hub says. ``limit``: how many logins are remembered that were
    begun, which anybody may do. A cookie counts as JupyterHub has it: what a page asks for brings
    its XSRF token, too; navigation and handshakes, whose origin is looked at, need none.
    """

    tokens: HubTokens
    limit = 20_000

    async def ask(self, token: str) -> dict[str, Any] | None:
        """Return what the hub says of a token now; raises where it can't be asked.

        Somebody who may not use the service at all is told of without any scopes.
        """
        model = await super().user_for_token(token, use_cache=False, sync=False)
        if model is None:
            return None
        allowed = self.check_scopes(self.access_scopes, model)
        return {**model, "scopes": model["scopes"] if allowed else []}

    def user_for_token(
        self, token: str, use_cache: bool = True, session_id: str = "", *, sync: bool = True
    ) -> Awaitable[dict[str, Any] | None]:
        """Return what to wait for: what the hub says of a token, as far as it is remembered."""
        assert not sync, "the loop would wait for the hub"
        return self.tokens.model(token)

    def _get_token_url(self, handler: RequestHandler) -> str:
        return ""  # a token in a URL ends up in logs

    def set_state_cookie(
        self, handler: RequestHandler, next_url: str | None = None, **more: Any
    ) -> str:
        """Begin a login that leads back to the page that was asked for."""
        request = handler.request  # its uri is fit for logs
        here = request.path + (f"?{request.query}" if request.query else "")
        page = here if len(here) <= _PAGE_LIMIT else None
        state: str = super().set_state_cookie(handler, next_url=page, **more)
        return state

    def generate_state(self, next_url: str | None = None, **more: Any) -> str:
        """Remember a login that was begun, and forget the oldest of too many."""
        begun = self._oauth_states
        while len(begun) >= self.limit:
            del begun[next(iter(begun.timestamps))]
        state: str = super().generate_state(next_url, **more)
        return state
