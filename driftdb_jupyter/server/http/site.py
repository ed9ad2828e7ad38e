"""The differences between the two servers: the extension of Jupyter and the standalone one."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tornado.web import RequestHandler

from ...access.credential import Guest
from ..hosting.hub import Hub
from .bearers import Bearers
from .forwarded import Proxies
from .gate import Gate

__all__ = ["Route", "Site"]

Route = tuple[str, type[RequestHandler], dict[str, Any]]


@dataclass(frozen=True)
class Site:
    """The parts of a server that the handlers of both kinds of server use.

    ``prefix`` begins the pattern of every route, and is literal text; ``root`` is the whole path
    that clients see, with a slash at both ends. ``request`` is the base class that decides who may
    come in. ``names_allowed``: whether a room may have a chosen name and is made by its first use.
    ``reach`` returns the root's URL as other machines have it now, ``None`` where they can't reach
    it; ``advice`` is the command that starts a server that they can reach. ``gate``: which pages
    and names are let in, where no other server looks at that. ``proxies`` are believed.
    ``has_owners``: whether who makes a room may have a secret that makes its holder the owner.
    ``create_token``: what making rooms needs, ``None`` for nothing. ``bearers``: which secrets and
    tokens a request may come with, ``guest`` what it has that shows none.
    """

    hub: Hub
    prefix: str
    root: str
    request: type[RequestHandler]
    names_allowed: bool
    advice: str = ""
    reach: Callable[[], str | None] = lambda: None
    create_token: str | None = None
    gate: Gate = field(default_factory=Gate)
    proxies: Proxies = field(default_factory=Proxies)
    has_owners: bool = False
    bearers: Bearers = field(default_factory=Bearers)
    guest: Guest = field(default_factory=Guest)

    def route(self, pattern: str, handler: type[RequestHandler]) -> Route:
        """Return the route below the site's prefix to a handler, based on this site's ``request``.

        ``pattern`` is a regular expression. The handler is initialized with the site.
        """
        kind = type(handler.__name__, (self.request, handler), {"__doc__": handler.__doc__})
        return re.escape(self.prefix) + pattern, kind, {"site": self}
