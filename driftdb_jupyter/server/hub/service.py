"""The standalone server as a service that JupyterHub starts and knows (docs/jupyterhub.md)."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from tornado.web import RequestHandler
from traitlets import Dict, Float, Int, TraitError, Unicode, validate
from traitlets.config import Configurable

from ...protocol.errors import BadMessage, DriftDBError
from ..http.bearers import Maker
from ..http.site import Route, Site
from .cookie_secret import cookie_secret
from .room_policies import RoomPolicies
from .tokens import HubTokens

__all__ = ["HubService", "Place", "service_place", "unsupported"]


class Place:
    """Where the hub says that its service is to listen: ``host``, ``port`` and ``base_url``."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        url = urlsplit(environ.get("JUPYTERHUB_SERVICE_URL", ""))
        if url.scheme != "http" or not url.hostname:
            raise DriftDBError(
                "expected JUPYTERHUB_SERVICE_URL to be the http:// URL that the service listens"
                ' on: give it a "url" in c.JupyterHub.services'
            )
        self.host = url.hostname
        self.port = url.port or 80
        self.base_url = environ.get("JUPYTERHUB_SERVICE_PREFIX", "/")


def service_place(environ: Mapping[str, str] = os.environ) -> Place | None:
    """Return where to listen as a service of a hub; ``None`` where no hub started this process.

    What runs in a server of a person has most of the same variables, and is no service. Raises
    :class:`.DriftDBError`.
    """
    if not environ.get("JUPYTERHUB_SERVICE_NAME") or environ.get("JUPYTERHUB_USER"):
        return None
    return Place(environ)


def unsupported(environ: Mapping[str, str] = os.environ) -> str | None:
    """Return what doesn't work at the hub that started this process, ``None`` where all does."""
    if environ.get("JUPYTERHUB_HOST"):
        return (
            "the hub has a domain for each person (subdomain_host): views in notebooks go through"
            " their kernels, and wait while these are busy. See docs/jupyterhub.md"
        )
    return None


class HubService(Configurable):
    """The settings of a service of JupyterHub."""

    rooms = Dict(
        key_trait=Unicode(),
        default_value={"*": {"anyone": "write"}},
        config=True,
        help="The policies of rooms by their names, or by a beginning and *, as long as they have "
        "none of their own; the longest that fits counts. anyone: whoever the hub lets use the "
        "service. Rooms of a person or group (user:NAME:…, group:NAME:…) are under none that "
        "doesn't name them.",
    )
    patience_seconds = Float(
        600.0,
        min=0.0,
        config=True,
        help="How long whoever the hub knew may stay, and come again, while the hub doesn't "
        "answer, in seconds.",
    )
    fresh_seconds = Float(
        10.0,
        min=0.0,
        config=True,
        help="How long an answer of the hub about a token counts for new requests, in seconds. "
        "Those who are connected are asked about every credential_check_seconds.",
    )

    answer_timeout_seconds = Float(
        10.0,
        min=0.1,
        config=True,
        help="How long the hub may take to say whose a token is, in seconds; then it counts as one "
        "that doesn't answer.",
    )
    login_limit = Int(
        20_000,
        min=1,
        config=True,
        help="How many logins that browsers have begun are remembered until they are ended, for "
        "ten minutes at most; of more, the oldest are forgotten, and begin anew.",
    )
    token_limit = Int(
        10_000,
        min=1,
        config=True,
        help="For how many tokens is remembered what the hub says of them, the good and the others "
        "counted apart; of more, those that were asked about the longest ago are forgotten.",
    )

    @validate("rooms")
    def _policies(self, proposal: Any) -> Any:
        try:
            RoomPolicies(proposal["value"])
        except BadMessage as error:
            raise TraitError(f"rooms: {error}") from None
        return proposal["value"]

    def prepare(self, folder: str) -> None:
        """Make what asks the hub; ``folder`` keeps what has to outlive this process.

        Raises :class:`.DriftDBError` without the extra ``hub``, and :class:`OSError`.
        """
        try:
            from .auth import HubLogin
            from .request import Callback, LogIn, hub_request, token_credential
        except ImportError as error:
            raise DriftDBError(
                f"{error}: install driftdb-jupyter[hub] where the hub starts its services"
            ) from None
        login = HubLogin(parent=self)
        login.limit = self.login_limit
        login.tokens = HubTokens(
            login.ask,
            fresh_seconds=self.fresh_seconds,
            patience_seconds=self.patience_seconds,
            answer_seconds=self.answer_timeout_seconds,
            limit=self.token_limit,
        )
        policies = RoomPolicies(self.rooms)
        self.cookie_secret = cookie_secret(folder)
        self.request: type[RequestHandler] = hub_request(login, policies)
        self.credential: Maker = token_credential(login, policies)
        self._log_in = LogIn
        self._callback = Callback
        self._login = login

    def routes(self, site: Site) -> list[Route]:
        """Return the routes of logging in."""
        callback = re.escape(site.prefix) + "oauth_callback"
        options = {"site": site, "login": self._login}
        return [site.route("login", self._log_in), (callback, self._callback, options)]
