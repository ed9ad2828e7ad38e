"""The service of a JupyterHub whose rooms the kernels of a person's server use."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urljoin, urlsplit

from ..hub.room_names import owned_room

__all__ = ["UsedService"]

_URL = "DRIFTDB_SERVICE_URL"
# What is of this server's rooms alone.
_OWN = (
    "DRIFTDB_MESSAGE_LIMIT_BYTES",
    "DRIFTDB_NOT_KEPT",
    "DRIFTDB_PUBLIC_URL",
    "DRIFTDB_SECRET",
)


class UsedService:
    """A service at ``url``, its root as kernels reach it, for a person with a token of the hub.

    The path of the URL is the one by which browsers reach it, below the hub's own origin.
    ``public``: a URL at that origin, where the hub tells it.
    """

    def __init__(self, url: str, person: str, token: str, *, public: str = "") -> None:
        self.url = url.rstrip("/") + "/"
        self._public = public
        self._person = person
        self._token = token

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> UsedService | None:
        """Return that which the hub's spawner was told of; ``None`` without one."""
        url, person = environ.get(_URL), environ.get("JUPYTERHUB_USER")
        token = environ.get("JUPYTERHUB_API_TOKEN")
        public = environ.get("JUPYTERHUB_PUBLIC_HUB_URL", "")
        return cls(url, person, token, public=public) if url and person and token else None

    def room(self, name: str) -> str:
        """Return the room of the person's that stands for one of this server's own."""
        return owned_room("user", self._person, name)

    def kernel_environment(self, own: Mapping[str, str]) -> dict[str, str]:
        """Return the variables by which a kernel finds the service's rooms.

        ``own`` are those for this server's rooms: it goes on to say which room is a notebook's.
        The token goes into headers alone.
        """
        environment = {name: value for name, value in own.items() if name not in _OWN}
        if "DRIFTDB_URL" in own:
            environment["DRIFTDB_NOTEBOOKS_URL"] = own["DRIFTDB_URL"]
            environment["DRIFTDB_NOTEBOOKS_SECRET"] = own["DRIFTDB_SECRET"]
        if self._public:
            environment["DRIFTDB_PUBLIC_URL"] = urljoin(self._public, urlsplit(self.url).path)
        return environment | {"DRIFTDB_URL": self.url, "DRIFTDB_TOKEN": self._token}
