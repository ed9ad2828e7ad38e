"""The courier: brings what was gathered for rooms to Redis, one pipeline after the other."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Sequence
from itertools import count
from typing import Any, Protocol

from msgspec import Struct
from redis import exceptions
from redis.asyncio.connection import AbstractConnection

from ...protocol.errors import Unavailable
from .connecting import PUSH, RedisPlace, exchange, explain, is_about_redis, quoted
from .record import Record
from .sequencer import RedisSequencer
from .tasks import ended

__all__ = ["Courier", "CourierHandle"]

_log = logging.getLogger("driftdb_jupyter")

# How many rooms' entries go in one pipeline.
_ROOMS = 256
_FIRST_PAUSE_SECONDS = 0.05
_LONGEST_PAUSE_SECONDS = 2.0
# After this number of failures in a row what is pushed is refused at once, and no longer kept
# waiting.
_PATIENCE = 3
# What was on its way when that number of connections broke goes alone; if as many break then, too,
# it is what they break at.
_BREAKS = 2
_BREAKS_REDIS = (
    "Redis ends the connection when it is sent this push: it may be longer than Redis takes"
    " (proto-max-bulk-len)"
)


class CourierHandle(Protocol):
    """The parts of a broker that the courier uses."""

    def now_argument(self) -> str:
        """Return the time that scripts are to take for now, empty for Redis's own."""

    @property
    def server(self) -> str:
        """The id of this server."""

    def taken(self, sequencer: RedisSequencer, record: Record) -> None:
        """Note that an entry is in the log."""

    def known(self, sequencer: RedisSequencer) -> None:
        """Note that the log has an entry already, whose number nobody heard."""

    def gone(self, sequencer: RedisSequencer) -> None:
        """Note that the room is no more, or another of its name."""

    def generation_ended(self) -> None:
        """Note that Redis may have lost what was applied."""

    def unavailable(self, error: Exception) -> Unavailable:
        """Return what an error of Redis means, which the log is told of."""


class _Parcel(Struct):
    """An entry on its way, and its batch's number.

    ``breaks``: how many connections have ended while it was.
    """

    sequencer: RedisSequencer
    batch: int
    body: bytes
    breaks: int = 0


class Courier:
    """Sends what sequencers have gathered, until :meth:`close`.

    One pipeline is on its way at a time, with one entry of each room; what comes meanwhile goes
    with the next. If the connection breaks, the same entries go again, in the same order, over
    another; the script takes none twice. What Redis refuses of one room, or ends the connection at
    again and again, is refused, and the others' goes on. ``failing``: why nothing can be sent, in
    words.
    """

    def __init__(self, place: RedisPlace, handle: CourierHandle) -> None:
        self.failing: str | None = None
        self._place = place
        self._handle = handle
        self._wanted: dict[RedisSequencer, None] = {}
        self._wake = asyncio.Event()
        self._batches = count(1)
        self._parcels: list[_Parcel] = []
        self._connection: AbstractConnection | None = None
        self._dropped: list[AbstractConnection] = []
        self._failures = 0
        self._task = asyncio.ensure_future(self._run())

    def want_send(self, sequencer: RedisSequencer) -> None:
        """Send what a sequencer has gathered, with the next pipeline."""
        self._wanted[sequencer] = None
        self._wake.set()

    def drop_connection(self) -> None:
        """Use another connection from now on."""
        if self._connection is not None:
            self._dropped.append(self._connection)
            self._connection = None

    async def close(self) -> None:
        """End; what is on its way is not waited for."""
        await ended(self._task)
        self.drop_connection()
        while self._dropped:
            await _disconnect(self._dropped.pop())

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._wanted or self._parcels:
                self._pack()
                try:
                    await self._send()
                except asyncio.CancelledError:
                    raise
                except Exception as error:
                    await self._failed(error)

    def _pack(self) -> None:
        if self._parcels:  # to be sent again
            return
        while self._wanted and len(self._parcels) < _ROOMS:
            sequencer = next(iter(self._wanted))
            del self._wanted[sequencer]
            batch = next(self._batches)
            try:
                body = sequencer.take_batch(batch)
            except Exception:
                _log.exception("%s: what was gathered can't be sent", sequencer)
                continue
            if body is not None:
                sequencer.is_sending = True
                self._parcels.append(_Parcel(sequencer, batch, body))

    async def _send(self) -> None:
        parcels, handle = self._parcels, self._handle
        if not parcels:
            return
        if parcels[0].breaks >= _BREAKS:
            parcels = parcels[:1]
        while self._dropped:
            await _disconnect(self._dropped.pop())
        connection = self._connection
        if connection is None:
            connection = self._connection = await self._place.connect()
        now = handle.now_argument()
        commands = []
        for parcel in parcels:
            sequencer = parcel.sequencer
            keys = sequencer.keys
            commands.append(
                (
                    *("EVALSHA", PUSH.sha, len(keys.push), *keys.push),
                    *(sequencer.generation, now, keys.name, keys.channel),
                    *(sequencer.id, handle.server, parcel.batch, parcel.body),
                )
            )
        try:
            replies = await exchange(connection, commands)
        except exceptions.ConnectionError as error:
            if type(error) is exceptions.ConnectionError:  # its kin are answers
                self._broke(parcels)
            raise
        self._parcels = self._parcels[len(parcels) :]
        doubt: Exception | None = None
        for parcel, reply in zip(parcels, replies, strict=True):
            if isinstance(reply, Exception):
                doubt = self._refused(parcel, reply) or doubt
            else:
                self._deliver(parcel, reply)
        if doubt is not None:
            raise doubt
        if self.failing is not None:
            _log.info("%s: all is well again", self._place.shown)
        self._failures, self.failing = 0, None

    def _deliver(self, parcel: _Parcel, reply: list[Any]) -> None:
        sequencer, handle = parcel.sequencer, self._handle
        sequencer.sent()
        if len(reply) == 3:
            head = b"%s %s %s " % tuple(reply)
            handle.taken(sequencer, Record.parse(head + parcel.body))
        elif reply[0] == b"known":
            handle.known(sequencer)
        elif reply[0] == b"gone":
            handle.gone(sequencer)
        else:
            handle.generation_ended()

    def _refused(self, parcel: _Parcel, error: Exception) -> Exception | None:
        """Act on an error in place of a reply; returns it if the connection is to go."""
        if isinstance(error, exceptions.ResponseError) and not is_about_redis(error):
            self._refuse(parcel, self._handle.unavailable(error).plain)
            return None
        self._parcels.append(parcel)
        return error

    def _refuse(self, parcel: _Parcel, reason: str) -> None:
        parcel.sequencer.sent()
        parcel.sequencer.refuse_batch(parcel.batch, reason)

    def _broke(self, parcels: Sequence[_Parcel]) -> None:
        """Note that a connection, once made, ended under what was sent over it."""
        for parcel in parcels:
            parcel.breaks += 1
        first = self._parcels[0]
        if first.breaks >= 2 * _BREAKS:
            _log.error("%s: %s: %s", self._place.shown, first.sequencer, _BREAKS_REDIS)
            del self._parcels[0]
            self._failures, self.failing = 0, None
            self._refuse(first, _BREAKS_REDIS)

    async def _failed(self, error: Exception) -> None:
        """Wait for a while before another connection is tried."""
        self.drop_connection()
        self._failures += 1
        reason = explain(error)
        if self.failing != reason and (self._failures > _PATIENCE or self.failing is not None):
            self.failing = reason
            _log.error("%s: %s (%s)", self._place.shown, reason, quoted(error))
        pause = min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2**self._failures)
        await asyncio.sleep(random.uniform(pause / 2, pause))


async def _disconnect(connection: AbstractConnection) -> None:
    try:
        await connection.disconnect(nowait=True)
    except Exception:
        _log.debug("A connection to Redis could not be closed", exc_info=True)
