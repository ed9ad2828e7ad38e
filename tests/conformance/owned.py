"""A room with an owner, of which others are those that come with ``server.headers``."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from .peer import Room, fetch
from .servers import Server

__all__ = ["Owned", "owned"]


@dataclass
class Owned(Room):
    """A room, and what makes a request its owner's."""

    owner: dict[str, str] = field(default_factory=dict)


Kind = TypeVar("Kind", bound=Owned)


@asynccontextmanager
async def owned(server: Server, kind: type[Kind]) -> AsyncIterator[Kind]:
    """Make a room; under Jupyter others may only read it, for the time being."""
    answer = await fetch(server.root + "new?admin=true", method="POST", headers=server.headers)
    if server.jupyter is None:
        owner = {"Authorization": f"Bearer {answer.json['admin']}"}
    else:
        secret = server.extension.kernel_environment()["DRIFTDB_SECRET"]
        owner = {"Authorization": f"DriftDB {secret}"}
        server.rights.refused.add("write")
    room = kind(server, answer.json["room"], owner=owner)
    yield room
    await room.empty()
    if server.jupyter is not None:
        server.rights.restore()
