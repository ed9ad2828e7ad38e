"""The presences of all rooms that a server knows of, and what servers tell each other of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from ...protocol.errors import Unavailable
from ...rooms.memory_budget import MemoryBudget
from ...rooms.presence import PresenceLimits
from ..presence import PresenceAudience
from .presence import RedisPresence, field_of, read_told, written_told
from .store import Store
from .tasks import Tasks

__all__ = ["Presences"]


class Presences:
    """The presence of each room of this server, by name."""

    def __init__(
        self, store: Store, tasks: Tasks, memory: MemoryBudget, monotonic: Callable[[], float]
    ) -> None:
        self._store = store
        self._tasks = tasks
        self._memory = memory
        self._monotonic = monotonic
        self._presences: dict[str, RedisPresence] = {}
        self._untold: dict[RedisPresence, None] = {}
        self._telling: asyncio.Task[None] | None = None

    def __contains__(self, name: str) -> bool:
        return name in self._presences

    @property
    def server(self) -> str:
        """The id of this server."""
        return self._store.server

    def presence(
        self, name: str, audience: PresenceAudience, *, limits: PresenceLimits, grace_seconds: float
    ) -> RedisPresence:
        """Return what knows who is there in a room (see :class:`..broker.Broker`)."""
        presence = RedisPresence(
            name,
            audience,
            self,
            limits=limits,
            memory=self._memory,
            grace_seconds=grace_seconds,
            clock=self._monotonic,
        )
        before = self._presences.get(name)
        if before is not None:
            presence.take_over(before)
        self._presences[name] = presence
        return presence

    def hear(self, name: str, told: bytes) -> None:
        """Take what another server has told of a room."""
        presence = self._presences.get(name)
        if presence is not None:
            presence.hear(read_told(told))

    def take_all(self, name: str, all_told: Iterable[bytes]) -> None:
        """Know what is told of a room, and nothing else."""
        presence = self._presences.get(name)
        if presence is not None:
            presence.take_all([read_told(each) for each in all_told])

    def tell_again(self) -> None:
        """Have the others told of all that are here."""
        for presence in self._presences.values():
            presence.tell_again()

    def want_told(self, presence: RedisPresence) -> None:
        """Have a presence tell the other servers soon."""
        self._untold[presence] = None
        if self._telling is None or self._telling.done():
            self._telling = self._tasks.spawn(self.tell())

    async def read_anew(self, names: Iterable[str]) -> None:
        """Read again who is there in some rooms."""
        for name in names:
            if name in self._presences:
                self.take_all(name, await self._store.ask("HVALS", self._store.keys.of(name).here))

    async def look_for_ended(self, alive: set[str]) -> None:
        """Show those no more who were present at servers that have ended."""
        shown = {server for each in self._presences.values() for server in each.servers()}
        for server in shown - alive:
            for name, presence in list(self._presences.items()):
                places = presence.server_ended(server)
                if places:
                    fields = [part for place in places for part in (field_of(place), b"", b"")]
                    await self._store.do(name, "here", *fields)

    async def tell(self) -> None:
        """Tell the other servers what they have not been told yet."""
        await asyncio.sleep(0)  # what else this tick brings goes along
        while self._untold:
            presence = next(iter(self._untold))
            del self._untold[presence]
            told = presence.take_told()
            if presence.is_closed and self._presences.get(presence.name) is presence:
                del self._presences[presence.name]
            parts = [
                part
                for each in told
                for part in (
                    field_of(each.place),
                    b"" if each.value is None else written_told(each),
                    written_told(each),
                )
            ]
            if parts:
                try:
                    await self._store.do(presence.name, "here", *parts)
                except Unavailable:
                    self._presences.get(presence.name, presence).tell_again(told)
                    await asyncio.sleep(1.0)
