"""The health check, for load balancers and monitoring."""

from __future__ import annotations

from http import HTTPStatus

from ..._version import __version__
from .request import Request
from .site import Site

__all__ = ["Health"]


class Health(Request):
    """``GET /health``: whether the server can do all that it promises.

    Status 200 if it can, 503 if not.
    """

    def initialize(self, site: Site, *, details: bool = False) -> None:
        """``details``: whether everybody may know the version, the numbers and the trouble."""
        super().initialize(site)
        self._details = details

    def prepare(self) -> None:
        """Check the head; where there are details also the host: no website is to read them."""
        super().prepare()
        if self._details:
            self.site.gate.check_host(self.request)

    def get(self) -> None:
        """Answer with the status, and with how much is going on where that may be known."""
        self.set_header("Cache-Control", "no-store")
        trouble = self.hub.broker.trouble
        if trouble is not None:
            self.set_status(HTTPStatus.SERVICE_UNAVAILABLE)
        health: dict[str, object] = {"status": "ok" if trouble is None else "trouble"}
        if self._details:
            health["version"] = __version__
            health["rooms"] = len(self.hub.rooms)
            health["peers"] = self.hub.peer_count
            shared = self.hub.broker.shared
            if shared is not None:
                health["server"] = shared.server
                health["behind_seconds"] = round(shared.behind_seconds, 1)
            if trouble is not None:
                health["trouble"] = trouble
            if self.hub.broker.warning is not None:
                health["warning"] = self.hub.broker.warning
        self.answer(health)

    def head(self) -> None:
        """Answer with the status alone."""
        self.get()
