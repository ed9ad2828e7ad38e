"""Requests to a service of JupyterHub: by the browser's login, or with a token of the hub."""

from __future__ import annotations

from collections.abc import Awaitable
from http import HTTPStatus

from jupyterhub.services.auth import HubOAuthCallbackHandler, HubOAuthenticated
from tornado.web import HTTPError, RequestHandler

from ...access.credential import Credential
from ...protocol.name import new_id
from ..http.bearers import Maker
from ..http.handlers import RoomInfo, RoomRequest
from ..http.pages import PageHandler
from ..http.request import Request, Unauthorized
from ..http.site import Site
from .auth import HubLogin
from .credential import HubCredential, Model
from .room_names import owned_room
from .room_policies import RoomPolicies

__all__ = ["Callback", "HubRequest", "LogIn", "hub_credential", "hub_request", "token_credential"]


class LogIn(RoomRequest):
    """``GET /login``: logs the browser in, if the hub knows it.

    Widgets ask it in the pages of other servers of the hub; the redirects to the hub and back set
    the cookie that their sockets bring.
    """

    def get(self) -> None:
        """Answer with nothing: it is logged in."""
        self.set_header("Cache-Control", "no-store")
        self.set_status(HTTPStatus.NO_CONTENT)


class HubRequest(HubOAuthenticated, RoomRequest):  # type: ignore[misc]  # JupyterHub has no types
    """A request of somebody whom the hub knows.

    A page sends whoever isn't logged in to the hub's login; everything else is refused.
    """

    policies: RoomPolicies
    credential: Credential

    async def prepare(self) -> None:
        """Find out who asks, before the body is read."""
        self.admit()
        if self.is_public:
            return
        self.site.gate.check_origin(self.request)
        shown = self.shown_credential()
        if shown is not None:
            self.credential = await shown if isinstance(shown, Awaitable) else shown
        else:
            known = await self._known_by_cookie()
            if known is None:
                return
            self.credential = known
        waiting = self.demand_rights()
        if waiting is not None:
            await waiting

    async def _known_by_cookie(self) -> Credential | None:
        """Return the credential of the browser's login; ``None`` where it was sent to log in."""
        login: HubLogin = self.hub_auth
        model: Model | None = await login.get_user(self, sync=False)
        page = isinstance(self, PageHandler)
        if model is None:
            if not (page or isinstance(self, LogIn)):
                raise HTTPError(HTTPStatus.FORBIDDEN)
            self.redirect(self.get_login_url())
            return None
        self.current_user = model
        if page:
            _ = self.xsrf_token  # the cookie that the page's own requests take it from
        return hub_credential(login, self.policies, model, login.get_token(self))

    def check_xsrf_cookie(self) -> None:
        """Refuse a page's request without its XSRF token.

        But for those that do nothing, and tell no other page anything: widgets ask them in pages
        of other servers of the hub, which have no token of this one.
        """
        if not (isinstance(self, (LogIn, RoomInfo))):
            super().check_xsrf_cookie()

    def check_origin(self, origin: str) -> bool:
        """Allow a socket: :meth:`prepare` has looked."""
        return True

    def new_room_name(self) -> str:
        """Return the name of a new room: one of the person's."""
        subject = self.credential.identity.subject
        return new_id() if subject is None else owned_room("user", subject, new_id())


class Callback(HubOAuthCallbackHandler, Request):  # type: ignore[misc]  # JupyterHub has no types
    """``GET /oauth_callback``: the end of a browser's login."""

    def initialize(  # type: ignore[override]  # the routes give it
        self, site: Site, *, login: HubLogin
    ) -> None:
        """``login``: what began it."""
        super().initialize(site)
        self.hub_auth = login

    async def prepare(self) -> None:
        """Count the request, because the hub is asked then; see who is logged in already."""
        self.admit()
        self.current_user = await self.hub_auth.get_user(self, sync=False)

    def set_default_headers(self) -> None:
        """Have no other page see where this one was."""
        super().set_default_headers()
        self.set_header("Referrer-Policy", "no-referrer")
        self.set_header("Cache-Control", "no-store")


def hub_credential(
    login: HubLogin, policies: RoomPolicies, model: Model, token: str
) -> HubCredential:
    """Return the credential of a token, of which the hub tells ``model``."""
    return HubCredential(model, policies, lambda: login.tokens.model(token, anew=True))


def hub_request(login: HubLogin, policies: RoomPolicies) -> type[RequestHandler]:
    """Return the base class of a site's requests."""

    class OfService(HubRequest):
        hub_auth = login

    OfService.policies = policies
    return OfService


def token_credential(login: HubLogin, policies: RoomPolicies) -> Maker:
    """Return what makes a credential of a token of the hub that a program shows."""

    async def made(text: str) -> Credential:
        model = await login.tokens.model(text)
        if model is None:
            raise Unauthorized("the hub knows no such token, or no longer")
        return hub_credential(login, policies, model, text)

    return made
