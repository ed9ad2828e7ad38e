"""A hub over a broker that takes its time."""

from __future__ import annotations

import asyncio

from driftdb_jupyter.access.credential import Guest
from driftdb_jupyter.broker.broker import Audience
from driftdb_jupyter.broker.memory import MemoryBroker, MemorySequencer
from driftdb_jupyter.protocol.entry import Author
from driftdb_jupyter.protocol.errors import Unavailable
from driftdb_jupyter.protocol.json_codec import JSON
from driftdb_jupyter.server.hosting.guard import Guard
from driftdb_jupyter.server.hosting.hosted_room import HostedRoom
from driftdb_jupyter.server.hosting.hub import Hub
from driftdb_jupyter.server.hosting.peer import Peer
from driftdb_jupyter.server.settings import DriftDB

from .line import Line

__all__ = ["World", "join"]


class SlowBroker(MemoryBroker):
    """A broker whose rooms come from a disk: each step is noted, and waits until it may go on."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[str] = []
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.broken = False

    async def _step(self, step: str) -> None:
        self.steps.append(step)
        await self.go_on.wait()
        self.steps.append(f"{step} done")

    async def create(self, name: str) -> None:
        if self.broken:
            raise Unavailable("expected a disk, got none")
        await super().create(name)

    async def open(self, name: str, audience: Audience) -> MemorySequencer | None:
        await self._step("open")
        if self.broken:
            raise Unavailable("expected a disk, got none")
        return await super().open(name, audience)

    async def leave(self, name: str) -> None:
        await self._step("leave")
        await super().leave(name)

    async def delete(self, name: str) -> bool:
        await self._step("delete")
        if self.broken:
            raise Unavailable("expected a disk, got none")
        return await super().delete(name)


class World:
    """A hub over a slow broker with one room."""

    def __init__(self, **settings: float) -> None:
        self.broker = SlowBroker()
        self.hub = Hub(self.broker, DriftDB(**settings))

    async def room(self) -> HostedRoom:
        """The room, opened."""
        await self.broker.create("r")
        hosted = await self.hub.rooms.open("r")
        assert hosted is not None
        self.broker.steps.clear()
        return hosted

    async def settle(self) -> None:
        """Let everything go as far as it can."""
        for _ in range(20):
            await asyncio.sleep(0)


def join(
    hub: Hub, hosted: HostedRoom, line: Line, closed: list[int], *, subscription_limit: int = 1
) -> Peer:
    """Let a peer join that notes the code it is closed with."""
    peer = Peer(
        hosted,
        line.outbox,
        guard=Guard(Guest(), hosted.sequencer.room.access),
        author=Author("anna"),
        client=None,
        close=lambda code, reason: closed.append(code),
        codec=JSON,
        limits=hub.limits,
        subscription_limit=subscription_limit,
        unwritten=hub.new_unwritten(),
    )
    hub.join(peer, hosted)
    return peer
