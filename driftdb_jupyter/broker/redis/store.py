"""The store: Redis as one server sees it, and what all servers have agreed on there."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, NamedTuple

import msgspec
from redis import exceptions
from redis.asyncio.connection import AbstractConnection

from ...access.room_access import RoomAccess
from ...protocol.errors import Unavailable
from ...protocol.name import new_id
from ..served_time import ServedTime
from .connecting import (
    ROOM,
    ROOM_WHEN_FULL,
    RedisPlace,
    RedisUnusable,
    denied,
    exchange,
    explain,
    identify,
    is_foreign,
    lacks_right,
    quoted,
)
from .keys import Keys, RoomKeys
from .record import Bounds
from .tasks import Tasks

__all__ = ["MICROSECONDS", "RoomDamaged", "Store", "WrittenPieces", "read_access", "written_bounds"]

_log = logging.getLogger("driftdb_jupyter")

# How many questions may be on their way at a time, each over a connection.
_CONVERSATIONS = 32
# To how many rooms something is done in one pipeline.
_ROOMS_AT_ONCE = 256
_TEMPORARY_SECONDS = 600
_LOST = "Redis has lost what was written; try again"
# How long the log has nothing more of an error that comes again and again.
_QUIET_SECONDS = 60.0
# What adds to what a room holds, and is refused by a Redis that is full.
_GROWING = frozenset({"create", "put", "access", "here", "replace"})

MICROSECONDS = 1_000_000
"""How many there are in a second: Redis's times are in them."""


class RoomDamaged(Unavailable):
    """A room of which Redis has something else, or not all, so that it can't be read."""


class WrittenPieces(NamedTuple):
    """A snapshot that was written aside: its key, and how many pieces and bytes it has."""

    key: str
    piece_count: int
    byte_count: int


class Store:
    """What a server asks Redis, and has it do.

    ``server``: the id of this server. ``generation``: what it knows of whether Redis may have lost
    something, and ``bounds`` those that all servers go by; both once :meth:`ready` has returned.
    ``served``: in which times a server ran. ``lost`` is called when there is another generation.
    ``closing``: why no more is asked, in words. ``warning``: what is wrong with Redis's settings.
    """

    def __init__(
        self,
        place: RedisPlace,
        tasks: Tasks,
        *,
        prefix: str,
        bounds: Bounds,
        clock: Callable[[], float] | None,
        monotonic: Callable[[], float],
    ) -> None:
        self.server = secrets.token_hex(8)
        self.place = place
        self.keys = Keys(prefix)
        self.generation: str | None = None
        self.bounds = bounds
        self.served: ServedTime | None = None
        self.lost: Callable[[], object] = _nothing
        self.closing: str | None = None
        self.warning: str | None = None
        self.is_doubting = False
        self._tasks = tasks
        self._told: dict[str, float] = {}  # errors, and when the log was told of them
        self._own_bounds = bounds
        self._clock = clock
        self._monotonic = monotonic
        self._known_time = 0.0, 0.0  # what Redis's clock showed, and what the monotonic one did
        self._renewing = asyncio.Lock()
        self._conversations = asyncio.Semaphore(_CONVERSATIONS)
        place.prepare = self._prepare

    def clock(self) -> float:
        """Return the time by Redis's clock, in seconds since 1970, once :meth:`ready` has returned.

        All times in Redis are by that one: a server's own may be set to anything.
        """
        if self._clock is not None:
            return self._clock()
        redis_time, known_at = self._known_time
        return redis_time + self._monotonic() - known_at

    async def ask_time(self) -> None:
        """Have :meth:`clock` go by what Redis's clock shows now; raises :class:`Unavailable`."""
        if self._clock is None:
            seconds, microseconds = await self.ask("TIME")
            redis_time = int(seconds) + int(microseconds) / MICROSECONDS
            self._known_time = redis_time, self._monotonic()

    def now_argument(self) -> str:
        """Return the time that scripts are to take for now, empty for Redis's own."""
        return "" if self._clock is None else str(int(self._clock() * MICROSECONDS))

    async def ready(self) -> None:
        """Know the generation, and the bounds."""
        if self.generation is None:
            await self.ask("PING")
        if self.served is None:
            await self._begin_serving()

    async def has(self, keys: RoomKeys) -> bool:
        """Return whether there is a room of that name, whatever is in memory."""
        return bool(await self.ask("EXISTS", keys.facts))

    async def write_pieces(self, keys: RoomKeys, pieces: Iterator[bytes]) -> WrittenPieces:
        """Write a snapshot aside; raises :class:`Unavailable`, also where Redis loses pieces."""
        key, count, byte_count = f"{keys.snapshot}:{secrets.token_hex(8)}", 0, 0
        try:
            for piece in pieces:
                there, _ = await self.ask_all(
                    ("RPUSH", key, piece), ("EXPIRE", key, _TEMPORARY_SECONDS)
                )
                count += 1
                byte_count += len(piece)
                if there != count:
                    raise Unavailable(_LOST)
        except Unavailable:
            await self.discard(key)
            raise
        return WrittenPieces(key, count, byte_count)

    async def discard(self, key: str) -> None:
        """Remove what was written aside, if Redis answers: it takes memory until it expires."""
        with suppress(Unavailable):
            await self.ask("UNLINK", key)

    async def do(
        self,
        name: str | None,
        operation: str,
        *parts: Any,
        written: str = "",
        generation: str | None = None,
    ) -> Any:
        """Have the script do something to a room; raises :class:`Unavailable`.

        ``generation``: the only one in which it may be done, for what follows from what was applied
        in it; else it is done in any.
        """
        for _ in range(2):
            await self.ready()
            now = generation or self.generation
            reply = await self.ask(*self._command(name, operation, parts, written, now))
            if reply == [b"torn"]:
                break
            if reply != [b"generation"]:
                return reply
            await self.renew_generation()
            if generation is not None:
                break
        raise Unavailable(_LOST)

    async def do_each(
        self,
        operation: str,
        parts: Mapping[str, Sequence[Any]],
        *,
        generation: str | None = None,
    ) -> None:
        """Have the script do something to many rooms, as :meth:`do`, but to none that is damaged.

        ``parts``: what it is given for each, by the room's name. Raises :class:`Unavailable`.
        """
        await self.ready()
        now, names = generation or self.generation, list(parts)
        for first in range(0, len(names), _ROOMS_AT_ONCE):
            some = names[first : first + _ROOMS_AT_ONCE]
            replies = await self.ask_all(
                *[self._command(name, operation, parts[name], "", now) for name in some],
                damaged_allowed=True,
            )
            if [b"generation"] in replies:
                await self.renew_generation()
                raise Unavailable(_LOST)

    def _command(
        self,
        name: str | None,
        operation: str,
        parts: Sequence[Any],
        written: str,
        generation: str | None,
    ) -> tuple[Any, ...]:
        """Return the call of the script."""
        keys = self.keys.of(name or "")
        given = (*keys.room, written or keys.snapshot)
        script = ROOM if operation in _GROWING else ROOM_WHEN_FULL
        return (
            *("EVALSHA", script.sha, len(given), *given),
            *(operation, generation, self.now_argument(), name or "", keys.channel),
            *parts,
        )

    async def ask(self, *command: Any) -> Any:
        """Return what Redis answers to a command; raises :class:`Unavailable`."""
        (reply,) = await self.ask_all(command)
        return reply

    async def ask_all(self, *commands: tuple[Any, ...], damaged_allowed: bool = False) -> list[Any]:
        """Return what Redis answers to commands; raises :class:`Unavailable`.

        ``damaged_allowed``: what has something else under its key is answered with ``None``.
        """
        converse = partial(self._converse, commands, damaged_allowed=damaged_allowed)
        with self._explaining():
            try:
                return await converse()
            except exceptions.ResponseError as error:
                # The scripts were flushed, or a new connection tells which right is missing.
                if not (isinstance(error, exceptions.NoScriptError) or lacks_right(error)):
                    raise
                self.place.outdate()
                return await converse()

    @contextmanager
    def _explaining(self) -> Iterator[None]:
        """Raise :class:`Unavailable` for what goes wrong with Redis."""
        try:
            yield
        except (exceptions.RedisError, OSError, RedisUnusable) as error:
            raise self.unavailable(error) from None

    def unavailable(self, error: Exception) -> Unavailable:
        """Return what an error means; tells the log, unless that was told of it lately."""
        reason, now = explain(error), self._monotonic()
        is_answer = isinstance(error, (exceptions.ResponseError, RedisUnusable))
        if is_answer and now - self._told.get(reason, -_QUIET_SECONDS) >= _QUIET_SECONDS:
            self._told[reason] = now
            _log.error("%s: %s (%s)", self.place.shown, reason, quoted(error))
        return RoomDamaged(reason) if is_foreign(error) else Unavailable(reason)

    async def _converse(
        self, commands: Sequence[tuple[Any, ...]], *, damaged_allowed: bool
    ) -> list[Any]:
        async with self._conversations:
            if self.closing is not None:  # perhaps since this waits
                raise Unavailable(self.closing)
            connection = await self.place.borrow()
            try:
                replies = await exchange(connection, commands)
            finally:
                await self.place.release(connection)
        for place, reply in enumerate(replies):
            if isinstance(reply, Exception):
                if not (damaged_allowed and is_foreign(reply)):
                    raise reply
                replies[place] = None
        return replies

    def doubt(self) -> None:
        """Have another generation, because Redis has another history than was applied here."""
        if not self.is_doubting:
            self.is_doubting = True
            self._tasks.spawn(self._begin_another())

    async def _begin_another(self) -> None:
        try:
            _log.error("Redis has lost what was written: all rooms begin another epoch")
            generation = await self.do(None, "doubt", new_id())
            self._enter(generation.decode())
        finally:
            self.is_doubting = False

    async def renew_generation(self) -> None:
        """Find out which generation it is now, and whether Redis is as it should be.

        That is done over a new connection, for the address may lead to another Redis by now. Raises
        :class:`Unavailable`.
        """
        async with self._renewing:
            with self._explaining():
                connection = await self.place.connect()
            await connection.disconnect(nowait=True)

    async def _prepare(self, connection: AbstractConnection) -> None:
        """Look at a connection before it is used: whose rooms it leads to, and in which state."""
        process, warning = await identify(connection)
        if warning != self.warning:
            self.warning = warning
            if warning is not None:
                _log.warning("%s: %s", self.place.shown, warning)
        missing = await self._run(connection, "rights")
        if missing:
            raise denied([command.decode() for command in missing])
        generation, bounds = await self._run(
            connection, "begin", process, new_id(), self.server, written_bounds(self._own_bounds)
        )
        decided = msgspec.json.decode(bounds, type=Bounds)
        if decided != self.bounds:
            self.bounds = decided
            if decided != self._own_bounds:
                _log.warning(
                    "Other servers that share these rooms have other limits of rooms, which hold"
                    " here, too, as long as one of them runs"
                )
        self._enter(generation.decode())

    async def _run(self, connection: AbstractConnection, operation: str, *parts: Any) -> Any:
        """Have the script do something to no room, on a connection that isn't in use yet."""
        keys = self.keys.of("")
        await connection.send_command(
            *("EVALSHA", ROOM_WHEN_FULL.sha, len(keys.room) + 1, *keys.room, keys.snapshot),
            *(operation, "", self.now_argument(), "", keys.channel, *parts),
        )
        return await connection.read_response()

    def _enter(self, generation: str) -> None:
        """Go on in a generation; what was applied in another is read anew."""
        if generation == self.generation:
            return
        before, self.generation = self.generation, generation
        if before is not None:
            _log.warning("Redis may have lost something: all rooms begin another epoch")
            # Where the address leads to another Redis now, no connection stays at the old one.
            self.place.outdate()
            self.lost()

    async def _begin_serving(self) -> None:
        """Find out in which times a server ran."""
        await self.ask_time()
        ran_at, gaps = await self.ask("HMGET", self.keys.served, "ran_at", "gaps")
        known = [] if gaps is None else msgspec.json.decode(gaps, type=list[tuple[float, float]])
        if self.served is None:
            self.served = ServedTime(
                clock=self.clock,
                monotonic=self._monotonic,
                gaps=known,
                ran_at=None if ran_at is None else float(ran_at),
            )

    async def note_served_time(self) -> None:
        """Note that a server runs."""
        assert self.served is not None
        await self.ask_time()
        self.served.look()
        gaps = msgspec.json.encode(self.served.gaps)
        await self.ask("HSET", self.keys.served, "ran_at", self.clock(), "gaps", gaps)


def _nothing() -> None:
    """Do nothing."""


def written_bounds(bounds: Bounds) -> bytes:
    """Return the form of bounds in Redis."""
    return msgspec.json.encode(bounds)


def read_access(name: str, fields: Any) -> RoomAccess:
    """Return who may do what in a room, from the hash that holds the records."""
    pairs = (
        fields.items() if isinstance(fields, dict) else zip(fields[::2], fields[1::2], strict=True)
    )
    records: dict[tuple[str, str], bytes | None] = {}
    for field, content in pairs:
        kind, _, record = field.decode().partition("\0")
        records[kind, record] = content
    return RoomAccess(name, records)
