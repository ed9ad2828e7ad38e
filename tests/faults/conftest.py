from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from .disk import Disk, build


@pytest.fixture(scope="session")
def disk_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is preloaded into a process to give it a bad disk."""
    try:
        return build(tmp_path_factory.mktemp("library"))
    except RuntimeError as error:
        pytest.skip(str(error))


@pytest.fixture
def disk(disk_library: Path, tmp_path: Path) -> Callable[..., Disk]:
    """Makes a bad disk in a folder of the test; options as those of :class:`Disk`."""

    def make(*, recorded: bool = False) -> Disk:
        folder = tmp_path / "disk"
        folder.mkdir()
        return Disk(folder, disk_library, recorded=recorded)

    return make
