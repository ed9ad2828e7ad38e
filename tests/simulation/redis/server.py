"""Servers of one room in a simulated Redis: their brokers, and all below, are the real ones."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from driftdb_jupyter.broker.redis.broker import RedisBroker
from driftdb_jupyter.broker.redis.presence import RedisPresence
from driftdb_jupyter.broker.redis.sequencer import RedisSequencer
from driftdb_jupyter.protocol.entry import Author
from driftdb_jupyter.protocol.errors import Unavailable
from driftdb_jupyter.protocol.value import Value
from driftdb_jupyter.rooms.presence import PresenceLimits
from driftdb_jupyter.rooms.quota import Quota
from driftdb_jupyter.rooms.room import Applied
from driftdb_jupyter.rooms.window import WindowLimits

from ..loop import SteppedLoop
from .network import Network, SimulatedPlace

__all__ = ["GRACE_SECONDS", "KEYS_LIMIT", "LEASE_SECONDS", "ROOM", "WINDOW", "Link", "Server"]

ROOM = "room"
LEASE_SECONDS = 5.0
GRACE_SECONDS = 5.0
KEYS_LIMIT = 3
WINDOW = WindowLimits(count=60, cost_bytes=2**20, seconds=10_000)


class Link(Protocol):
    """A client's connection."""

    is_alive: bool
    client: str
    author: Author

    def opened(self, room: RedisSequencer) -> None:
        """Go on in the room."""

    def hear(self, applied: Applied, epoch: str) -> None:
        """Hear of a push."""

    def closed(self) -> None:
        """See that the connection has ended."""


class Server:
    """A server process, from its start until it is killed.

    ``applied`` is called with each push that it applies in the room, and the room's epoch. It is
    ``is_frozen`` while the machine gives it no time. ``errors``: what must not be.
    """

    def __init__(
        self,
        number: int,
        network: Network,
        *,
        monotonic: Callable[[], float],
        applied: Callable[[Applied, str], None],
    ) -> None:
        self.loop = SteppedLoop(monotonic)
        self.is_frozen = False
        self.links: list[Link] = []
        self.errors: list[Exception] = []
        self.room: RedisSequencer | None = None
        self.presence: RedisPresence | None = None
        self._applied = applied
        self._opening: asyncio.Future[None] | None = None
        self._leaving: asyncio.Future[None] | None = None
        self._works: deque[Callable[[], object]] = deque()
        self._last = 0
        self._has_ended = False
        self._seated: set[Link] = set()
        self.broker = RedisBroker(
            SimulatedPlace(network, self.loop),
            lease_seconds=LEASE_SECONDS,
            timeout_seconds=2.0,
            # Servers whose settings differ decide alike.
            quota=Quota(keys=KEYS_LIMIT + number),
            window_limits=WINDOW,
            monotonic=monotonic,
        )

    def turn(self, work: Callable[[], object] | None = None) -> None:
        """Do what can be done now, and before that some work; later while it is frozen."""
        if work is not None:
            self._works.append(work)
        if self.is_frozen:
            return
        running: Any = asyncio._get_running_loop()
        if running is self.loop:  # it is what asks for that
            self._do_works()
            return
        self.loop.run()
        try:
            self._do_works()
            self.loop.turn()
        finally:
            asyncio._set_running_loop(running)

    def _do_works(self) -> None:
        while self._works:
            self._works.popleft()()

    def kill(self) -> None:
        """End at once, with the connections to Redis cut before: nobody hears of it."""
        self._works.clear()
        self._drop_links()
        self.is_frozen = False
        for task in asyncio.all_tasks(self.loop.itself):
            task.cancel()
        self.turn()
        self.loop.forget()
        self.is_frozen = True

    def begin(self, work: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        """Begin something that is not waited for; Redis may be away meanwhile."""

        self.turn(lambda: self._begin(work))

    def _begin(self, work: Callable[[], Coroutine[Any, Any, Any]]) -> asyncio.Future[None]:
        async def whole() -> None:
            try:
                await work()
            except Unavailable:
                pass
            except Exception as error:
                self.errors.append(error)

        return self.loop.create_task(whole())

    def connect(self, link: Link) -> None:
        """Take a client in, as soon as the room is open."""
        self.links.append(link)
        self.turn(lambda: self._take_in(link))

    def _take_in(self, link: Link) -> None:
        if self.room is not None:
            self._let_in(link)
        elif self._opening is None or self._opening.done():
            self._opening = self._begin(self._open)

    def disconnect(self, link: Link) -> None:
        """Note that a client has gone."""
        link.is_alive = False
        if link in self.links:
            self.links.remove(link)
            self.turn(lambda: self._left(link))

    def _left(self, link: Link) -> None:
        if link in self._seated and self.room is not None and self.presence is not None:
            self._seated.discard(link)
            self.room.left(link.client)
            self.presence.left(link.author.client)

    def look(self) -> None:
        """Do what is done every second."""

        def work() -> None:
            self.broker.look()
            if self.presence is not None:
                self.presence.expire()

        self.turn(work)

    def leave(self) -> None:
        """Let go of the room, in which nobody is."""
        if self.room is None or self.links or (self.presence and self.presence.leaving):
            return
        self.room = None
        self.turn(self._close_presence)
        self.turn(self._begin_leaving)

    def _begin_leaving(self) -> None:
        self._leaving = self._begin(lambda: self.broker.leave(ROOM))

    def _close_presence(self) -> None:
        if self.presence is not None:
            self.presence.close()
            self.presence = None

    async def _open(self) -> None:
        if self._leaving is not None:
            await asyncio.wait([self._leaving])
        try:
            self.presence = self.broker.presence(
                ROOM, self, limits=PresenceLimits(), grace_seconds=GRACE_SECONDS
            )
            self._has_ended = False
            room = await self.broker.open(ROOM, self)
            while room is None:
                await self.broker.create(ROOM)
                room = await self.broker.open(ROOM, self)
        except Unavailable:
            self.deleted()
            return
        if self._has_ended:
            return
        self.room = room
        self._last = room.room.seq
        for link in list(self.links):
            self._let_in(link)

    def _let_in(self, link: Link) -> None:
        assert self.room is not None
        assert self.presence is not None
        if not link.is_alive:
            return
        self._seated.add(link)
        self.room.joined(link.client)
        self.presence.joined(link.author.client)
        link.opened(self.room)

    def _drop_links(self) -> None:
        self._seated.clear()
        links, self.links = self.links, []
        for link in links:
            link.is_alive = False
            link.closed()

    # What an audience hears.

    def broadcast(self, applied: Applied) -> None:
        if self.room is None:
            return  # it is about to be opened, and nobody listens yet
        for entry in applied.broadcast:
            assert entry.seq == self._last + 1, "entries are applied in their order, once"
            self._last = entry.seq
        self._applied(applied, self.room.room.epoch)
        for link in list(self.links):
            link.hear(applied, self.room.room.epoch)

    def access_changed(self) -> None:
        pass

    def deleted(self) -> None:
        self.room = None
        self._has_ended = True
        self._close_presence()
        self._drop_links()

    reset = deleted

    def out_of_service(self) -> None:
        raise AssertionError("no entry of the log breaks a room")

    def presence_changed(self, key: str, author: Author, value: Value | None) -> None:
        pass
