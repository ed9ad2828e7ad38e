"""Whether the server is well, for those who watch it."""

from __future__ import annotations

from .._version import __version__
from .hub import Hub
from .request import Request

__all__ = ["Health"]


class Health(Request):
    """``GET /health``: that the server is well, for those who watch it."""

    def initialize(self, hub: Hub) -> None:
        """``hub``: whose rooms and peers are counted."""
        self.hub = hub

    def get(self) -> None:
        """Answer with the version, and how much is going on."""
        self.set_header("Cache-Control", "no-store")
        trouble = self.hub.broker.trouble
        health = {
            "status": "ok" if trouble is None else "trouble",
            "version": __version__,
            "rooms": self.hub.room_count,
            "peers": self.hub.peer_count,
        }
        self.write(health if trouble is None else {**health, "trouble": trouble})
