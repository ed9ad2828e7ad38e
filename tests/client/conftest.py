from __future__ import annotations

from collections.abc import Iterator

import pytest

from .fakes import FakeServer, serving


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with serving() as server:
        yield server


@pytest.fixture(autouse=True)
def _no_server_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every test start as in a plain process, whatever runs the tests."""
    for name in ("DRIFTDB_URL", "DRIFTDB_SECRET", "DRIFTDB_CERTFILE", "JPY_SESSION_NAME"):
        monkeypatch.delenv(name, raising=False)
