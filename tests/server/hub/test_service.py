from __future__ import annotations

import pytest

from driftdb_jupyter.server.hub.service import unsupported


def test_a_hub_that_is_supported_in_part_is_named() -> None:
    assert "subdomain_host" in str(unsupported({"JUPYTERHUB_HOST": "https://hub.example"}))


@pytest.mark.parametrize("more", [{}, {"JUPYTERHUB_SSL_CERTFILE": "/certs/service.crt"}])
def test_a_usual_hub_is_supported(more: dict[str, str]) -> None:
    environ = {"JUPYTERHUB_HOST": "", "JUPYTERHUB_SERVICE_NAME": "driftdb"}
    assert unsupported(environ | more) is None
