"""A service of a hub that the tests play."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from driftdb_jupyter.server.hub.auth import HubLogin
from driftdb_jupyter.server.hub.service import HubService

from ...conformance.servers import Server, standalone

__all__ = ["PREFIX", "service"]

PREFIX = "/services/driftdb/"
_ENVIRONMENT = {
    "JUPYTERHUB_API_TOKEN": "of-the-service",
    "JUPYTERHUB_API_URL": "http://127.0.0.1:9/hub/api",
    "JUPYTERHUB_CLIENT_ID": "service-driftdb",
    "JUPYTERHUB_SERVICE_NAME": "driftdb",
    "JUPYTERHUB_SERVICE_PREFIX": PREFIX,
}


@contextmanager
def service(
    ask: Callable[[str], Awaitable[dict[str, Any] | None]], **settings: Any
) -> Iterator[Server]:
    """Run it; ``ask`` is what its hub says of a token."""

    async def asked(login: HubLogin, token: str) -> dict[str, Any] | None:
        return await ask(token)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(HubLogin, "ask", asked)
        for name, value in _ENVIRONMENT.items():
            patch.setenv(name, value)
        made = HubService()
        made.prepare("")
        with standalone(base_url=PREFIX, service=made, **settings) as server:
            yield server
