from __future__ import annotations

import pytest

from driftdb_jupyter.server.jupyter.used_service import UsedService

HUB = {
    "DRIFTDB_SERVICE_URL": "http://127.0.0.1:10101/services/driftdb",
    "JUPYTERHUB_USER": "ada",
    "JUPYTERHUB_API_TOKEN": "the-token",
}


@pytest.mark.parametrize("missing", HUB)
def test_without_all_that_the_hub_tells_there_is_none(missing: str) -> None:
    assert UsedService.of({name: value for name, value in HUB.items() if name != missing}) is None


def test_a_kernel_is_told_of_the_service_and_of_the_server_that_names_notebooks() -> None:
    service = UsedService.of(HUB | {"JUPYTERHUB_PUBLIC_HUB_URL": "https://hub.example/hub/"})
    assert service is not None
    assert service.room("own-1") == "user:ada:own-1"
    own = {
        "DRIFTDB_URL": "http://127.0.0.1:8888/user/ada/driftdb/",
        "DRIFTDB_SECRET": "the-secret",
        "DRIFTDB_MESSAGE_LIMIT_BYTES": "1024",
        "DRIFTDB_NOT_KEPT": "the disk is full",
        "DRIFTDB_PUBLIC_URL": "https://hub.example/user/ada/driftdb/",
        "DRIFTDB_CERTFILE": "cert.pem",
    }
    assert service.kernel_environment(own) == {
        "DRIFTDB_URL": "http://127.0.0.1:10101/services/driftdb/",
        "DRIFTDB_PUBLIC_URL": "https://hub.example/services/driftdb/",
        "DRIFTDB_TOKEN": "the-token",
        "DRIFTDB_NOTEBOOKS_URL": "http://127.0.0.1:8888/user/ada/driftdb/",
        "DRIFTDB_NOTEBOOKS_SECRET": "the-secret",
        "DRIFTDB_CERTFILE": "cert.pem",
    }
