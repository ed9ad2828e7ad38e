"""The connections between servers and Redis: two queues each, moved by a schedule."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, cast

from redis import exceptions
from redis.asyncio.connection import AbstractConnection

from driftdb_jupyter.broker.redis.connecting import RedisPlace

from ..loop import SteppedLoop
from .redis import Redis

__all__ = ["Network", "SimulatedPlace", "Wire", "is_message"]

_TIMEOUT_SECONDS = 2.0


class Wire:
    """One connection, as either end has it: commands on their way up, and what comes down.

    ``is_stalled``: nothing moves on it unless it is named.
    """

    def __init__(self, redis: Redis, loop: SteppedLoop) -> None:
        self.redis = redis
        self.loop = loop
        self.up: deque[Sequence[bytes]] = deque()
        self.down: deque[Any] = deque()
        self.is_alive = True
        self.is_stalled = False
        self._arrived: deque[Any] = deque()
        self._reader: asyncio.Future[None] | None = None

    def take(self, count: int) -> int:
        """Have Redis do the next commands; returns how many."""
        taken = 0
        while self.up and taken < count:
            words = self.up.popleft()
            reply = self.redis.do(words, self)
            if words[0] in (b"SUBSCRIBE", b"UNSUBSCRIBE"):
                self.down.extend(reply)
            else:
                self.down.append(reply)
            taken += 1
        return taken

    def bring(self, count: int) -> int:
        """Let the server have the next replies and messages; returns how many."""
        brought = 0
        while self.down and brought < count:
            self._arrived.append(self.down.popleft())
            brought += 1
        if brought:
            self._wake()
        return brought

    def publish(self, channel: bytes, message: bytes) -> None:
        self.down.append([b"message", channel, message])

    def cut(self) -> None:
        """Lose all that is on its way: either end finds it closed."""
        self.is_alive = False
        self.up.clear()
        self.down.clear()
        self.redis.unsubscribe(self)
        self._wake()

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    # What redis-py's connections have.

    @property
    def is_connected(self) -> bool:
        return self.is_alive

    def pack_commands(self, commands: Sequence[Sequence[Any]]) -> Sequence[Sequence[Any]]:
        return commands

    async def send_packed_command(self, commands: Sequence[Sequence[Any]]) -> None:
        for command in commands:
            await self.send_command(*command)

    async def send_command(self, *words: Any, check_health: bool = True) -> None:
        if not self.is_alive:
            raise exceptions.ConnectionError("closed")
        self.up.append([_encoded(word) for word in words])

    async def read_response(self, timeout: float = _TIMEOUT_SECONDS) -> Any:
        timer = None
        while not self._arrived:
            if not self.is_alive:
                raise exceptions.ConnectionError("closed")
            self._reader = self.loop.create_future()
            if timer is None and timeout != math.inf:
                timer = self.loop.call_later(timeout, self._time_out)
            try:
                await self._reader
            except BaseException:  # what comes yet belongs to nobody
                self.cut()
                raise
        if timer is not None:
            timer.cancel()
        reply = self._arrived.popleft()
        if isinstance(reply, Exception):
            raise reply
        return reply

    def _time_out(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_exception(exceptions.TimeoutError("no answer"))

    async def on_connect(self) -> None:
        pass

    async def disconnect(self, *, nowait: bool = False) -> None:
        if self.is_alive:
            self.cut()


class Network:
    """All connections, and where new ones lead to: ``route``, which raises where nowhere."""

    def __init__(self, route: Callable[[SteppedLoop], Redis]) -> None:
        self.route = route
        self.wires: list[Wire] = []

    def connect(self, loop: SteppedLoop) -> Wire:
        """Return a new connection; raises :class:`redis.exceptions.ConnectionError`."""
        self.wires = [wire for wire in self.wires if wire.is_alive]
        wire = Wire(self.route(loop), loop)
        self.wires.append(wire)
        return wire

    def flow(self, *, deaf: bool = False) -> bool:
        """Bring everything on; returns whether there was something.

        If all are ``deaf`` the notifications are lost.
        """
        wires = self.moving()
        taken = sum([wire.take(1000) for wire in wires])
        if deaf:
            for wire in wires:
                wire.down = deque([each for each in wire.down if not is_message(each)])
        return taken + sum([wire.bring(1000) for wire in wires]) > 0

    def moving(self) -> list[Wire]:
        """Return the connections that aren't stalled."""
        return [wire for wire in self.wires if wire.is_alive and not wire.is_stalled]

    def cut(self, where: Callable[[Wire], bool]) -> None:
        """Cut connections."""
        for wire in self.wires:
            if wire.is_alive and where(wire):
                wire.cut()


class SimulatedPlace(RedisPlace):
    """The way of one server to Redis."""

    def __init__(self, network: Network, loop: SteppedLoop) -> None:
        super().__init__("redis://simulated")
        self._network = network
        self._loop = loop
        self._idle: list[Wire] = []

    async def borrow(self) -> AbstractConnection:
        while self._idle:
            wire = self._idle.pop()
            if wire.is_alive:
                return cast(AbstractConnection, wire)
        return await self.connect()

    async def release(self, connection: AbstractConnection) -> None:
        self._idle.append(cast(Wire, connection))

    def outdate(self) -> None:
        while self._idle:
            self._idle.pop().cut()

    async def connect(self) -> AbstractConnection:
        wire = self._network.connect(self._loop)
        connection = cast(AbstractConnection, wire)
        try:
            await self._prepare(connection)
        except BaseException:
            await wire.disconnect()
            raise
        return connection

    async def close(self) -> None:
        self.outdate()


def is_message(reply: Any) -> bool:
    """Return whether a reply is a notification."""
    return isinstance(reply, list) and reply[:1] == [b"message"]


def _encoded(word: Any) -> bytes:
    return word if isinstance(word, bytes) else str(word).encode()
