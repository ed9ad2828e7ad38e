from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from driftdb_jupyter.client.room import Room

from ..client.served import fresh_room
from ..server.processes import COMMAND, environment, started
from .shell import Shell


@pytest.fixture(scope="package")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A standalone server in a process of its own."""
    folder: Path = tmp_path_factory.mktemp("server")
    command = [*COMMAND, "serve", "--port=0", "--data=rooms"]
    with started(command, cwd=folder, env=environment()) as process:
        yield process.server.root


@pytest.fixture
def room(server_url: str) -> Iterator[Room]:
    """A new room, as a program is in it."""
    with fresh_room(server_url) as here:
        yield here


@pytest.fixture
def shell(room: Room) -> Shell:
    """A shell in that room."""
    return Shell(room.url)
