"""The presences of all rooms that a server knows of, and what servers tell each other of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ...protocol.errors import Unavailable
from ...rooms.memory_budget import MemoryBudget
from ...rooms.presence import PresenceLimits
from ..presence import PresenceAudience
from .presence import RedisPresence, field_of, read_told, written_told
from .store import Store
from .tasks import Tasks

__all__ = ["Presences"]

# How many presences go in one call.
_TOLD_AT_ONCE = 500
# How long it waits before it tries again to tell Redis.
_AGAIN_SECONDS = 1.0


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
        self._missed: set[str] = set()
        self._suspects: dict[str, int] = {}
        self._shown: set[str] = set()  # the servers that presences may be shown of
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

    def hear(self, name: str, message: bytes) -> None:
        """Take what another server has told of a room, as a channel carries it."""
        presence = self._presences.get(name)
        if presence is not None:
            time, before, content = message.split(b" ", 2)
            told = read_told(content)
            if not presence.hear_next(int(time), int(before), told):
                self._missed.add(name)
            self._shown.add(told.place.server)

    async def read(self, name: str) -> None:
        """Read who is there in a room."""
        if name not in self._presences:
            return
        keys = self._store.keys.of(name)
        # First the time: what is told in between is heard again.
        time, told = await self._store.ask_all(("HGET", keys.facts, "told"), ("HVALS", keys.here))
        presence = self._presences.get(name)
        if presence is not None:
            all_told = [read_told(each) for each in told]
            self._shown.update([each.place.server for each in all_told])
            presence.take_all(all_told, 0 if time is None else int(time))

    def changed(self, name: str, at: int) -> None:
        """Note when something was told of a room, in microseconds: it may not be heard."""
        presence = self._presences.get(name)
        if presence is not None and presence.time < at:
            self._suspects[name] = at

    async def look(self, alive: set[str]) -> None:
        """Read what was missed, and show those no more who were at servers that have ended.

        To be called every second or so, before :meth:`changed`.
        """
        suspects, self._suspects = self._suspects, {}
        for name, at in suspects.items():
            presence = self._presences.get(name)
            if presence is not None and presence.time < at:
                self._missed.add(name)
        for name in list(self._missed):
            self._missed.discard(name)
            try:
                await self.read(name)
            except Unavailable:
                self._missed.add(name)
                raise
        for server in self._shown - alive:
            self._shown.discard(server)
            try:
                await self._forget(server)
            except Unavailable:
                self._shown.add(server)
                raise

    async def _forget(self, server: str) -> None:
        """Show those no more who were at a server that has ended."""
        for name, presence in list(self._presences.items()):
            places = presence.server_ended(server)
            if places:
                fields = [field_of(place) for place in places]
                reply = await self._store.do(name, "ended", server, *fields)
                if reply[0] == b"alive":
                    self._missed.add(name)

    def tell_again(self) -> None:
        """Have the others told of all that are here."""
        for presence in self._presences.values():
            presence.tell_again()

    def want_told(self, presence: RedisPresence) -> None:
        """Have a presence tell the other servers soon."""
        self._untold[presence] = None
        if self._telling is None or self._telling.done():
            self._telling = self._tasks.spawn(self._keep_telling())

    def read_all_again(self) -> None:
        """Have it read again who is there in all rooms, with the next :meth:`look`."""
        self._missed.update(self._presences)

    async def _keep_telling(self) -> None:
        """Tell the other servers, and again while Redis can't be told."""
        await asyncio.sleep(0)  # what else this tick brings goes along
        while self._untold:
            try:
                await self.tell()
            except Unavailable:
                await asyncio.sleep(_AGAIN_SECONDS)

    async def tell(self) -> None:
        """Tell the other servers what they have not been told yet.

        Raises :class:`~...protocol.errors.Unavailable`; what was not told is still to be told then.
        """
        while self._untold:
            presence = next(iter(self._untold))
            del self._untold[presence]
            all_told = presence.take_told()
            told, rest = all_told[:_TOLD_AT_ONCE], all_told[_TOLD_AT_ONCE:]
            if rest:
                presence.tell_again(rest)
            elif presence.is_closed and self._presences.get(presence.name) is presence:
                del self._presences[presence.name]
            parts: list[bytes] = []
            for each in told:
                message = written_told(each)
                kept = b"" if each.value is None else message
                parts += field_of(each.place), kept, message
            if parts:
                try:
                    await self._store.do(presence.name, "here", *parts)
                except Unavailable:
                    self._presences.get(presence.name, presence).tell_again(told)
                    raise
