from __future__ import annotations

import pytest

from driftdb_jupyter.server.hub.service import unsupported


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({"JUPYTERHUB_SSL_CERTFILE": "/certs/service.crt"}, "internal_ssl"),
        ({"JUPYTERHUB_HOST": "https://hub.example"}, "subdomain_host"),
    ],
)
def test_a_hub_that_is_supported_in_part_is_named(environ: dict[str, str], told: str) -> None:
    assert told in str(unsupported(environ))


def test_a_usual_hub_is_supported() -> None:
    assert unsupported({"JUPYTERHUB_HOST": "", "JUPYTERHUB_SERVICE_NAME": "driftdb"}) is None
