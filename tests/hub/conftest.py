"""The hub that all tests share that don't stop it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .hub import RealHub

__all__ = ["hub"]


@pytest.fixture(scope="session")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealHub]:
    """A hub with its proxy and our service."""
    running = RealHub(tmp_path_factory.mktemp("hub"))
    with running.running():
        yield running
