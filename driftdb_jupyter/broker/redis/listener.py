"""The listener: hears what is published on the channels of the rooms that are open here."""

from __future__ import annotations

import asyncio
import logging
import math
import random
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from redis import exceptions
from redis.asyncio.connection import AbstractConnection

from ...protocol.errors import Unavailable
from .connecting import RedisPlace, explain
from .tasks import ended

__all__ = ["Listener"]

_log = logging.getLogger("driftdb_jupyter")

_FIRST_PAUSE_SECONDS = 0.05
_LONGEST_PAUSE_SECONDS = 2.0
_SUBSCRIBE_AT_ONCE = 500
# A connection that has not answered as many pings is taken for dead.
_PINGS = 5


class Listener:
    """One connection that is subscribed to channels, and made anew when it breaks.

    ``heard`` is called with each message and its channel. ``missed`` is called when messages may
    have been: the connection is another one. ``failing``: why nothing is heard, in words.
    """

    def __init__(
        self,
        place: RedisPlace,
        *,
        heard: Callable[[str, bytes], object],
        missed: Callable[[], object],
        timeout_seconds: float,
    ) -> None:
        self.failing: str | None = None
        self._place = place
        self._heard = heard
        self._missed = missed
        self._timeout_seconds = timeout_seconds
        self._channels: dict[str, asyncio.Future[None]] = {}
        self._connection: AbstractConnection | None = None
        self._pings = 0
        self._dropping: asyncio.Future[None] | None = None
        self._task = asyncio.ensure_future(self._run())

    async def subscribe(self, channel: str) -> None:
        """Hear a channel; when this returns, nothing published later is missed unnoticed.

        Raises :class:`~...protocol.errors.Unavailable`.
        """
        confirmed = self._channels.get(channel)
        if confirmed is None:
            confirmed = self._channels[channel] = asyncio.get_running_loop().create_future()
            if self._connection is not None:
                await self._say(self._connection, "SUBSCRIBE", channel)
        try:
            await asyncio.wait_for(asyncio.shield(confirmed), self._timeout_seconds)
        except asyncio.TimeoutError:
            raise Unavailable(self.failing or "Redis does not answer") from None

    async def unsubscribe(self, channel: str) -> None:
        """Hear a channel no more."""
        if self._channels.pop(channel, None) is not None and self._connection is not None:
            await self._say(self._connection, "UNSUBSCRIBE", channel)

    async def ping(self) -> None:
        """Ask the connection for a sign of life, and let go of one that gives none."""
        connection = self._connection
        if connection is None:
            return
        self._pings += 1
        if self._pings > _PINGS:
            self.drop_connection()
        else:
            await self._say(connection, "PING")

    def drop_connection(self) -> None:
        """Use another connection from now on."""
        if self._connection is not None:
            self._dropping = asyncio.ensure_future(self._connection.disconnect(nowait=True))
            self._connection = None

    async def close(self) -> None:
        """End."""
        await ended(self._task)

    async def _run(self) -> None:
        failures = 0
        while True:
            connection: AbstractConnection | None = None
            try:
                connection = await self._place.connect()
                self._connection, self._pings = connection, 0
                await self._resubscribe(connection)
                failures, self.failing = 0, None
                await self._hear(connection)
            except Exception as error:
                reason = explain(error)
                if failures and reason != self.failing:
                    self.failing = reason
                    _log.error("%s: nothing is heard: %s", self._place.shown, reason)
                failures += 1
            finally:
                self._connection = None
                if connection is not None:
                    await connection.disconnect(nowait=True)
            pause = min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2**failures)
            await asyncio.sleep(random.uniform(pause / 2, pause))

    async def _resubscribe(self, connection: AbstractConnection) -> None:
        channels = list(self._channels)
        for first in range(0, len(channels), _SUBSCRIBE_AT_ONCE):
            await connection.send_command(
                "SUBSCRIBE", *channels[first : first + _SUBSCRIBE_AT_ONCE], check_health=False
            )
        if channels:
            # What is published after its reply is heard: so what was before can be read then.
            await connection.send_command("PING", "missed", check_health=False)

    async def _hear(self, connection: AbstractConnection) -> None:
        while True:
            message: Any = await connection.read_response(timeout=math.inf)
            kind = message[0]
            if kind == b"message":
                try:
                    self._heard(message[1].decode(), message[2])
                except Exception:
                    _log.exception("A message can't be taken")
            elif kind == b"subscribe":
                confirmed = self._channels.get(message[1].decode())
                if confirmed is not None and not confirmed.done():
                    confirmed.set_result(None)
            elif kind == b"pong":
                self._pings = 0
                if message[1] == b"missed":
                    self._missed()

    async def _say(self, connection: AbstractConnection, *command: str) -> None:
        # Whoever reads finds out, too, and what it was about is said again. One that has ended
        # would be made anew by what is said over it.
        if not connection.is_connected:
            return
        with suppress(exceptions.RedisError, OSError):
            await connection.send_command(*command, check_health=False)
