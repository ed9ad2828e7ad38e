"""The parts that all shared objects have in common: a key in a room, and its state there."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast

from ...protocol.errors import DriftDBError, Forbidden, NotConnected, Refusal
from ..arguments import check_key, check_seconds
from ..base_room import BaseRoom, find
from ..runtime.callbacks import callbacks
from ..runtime.cells import Topic, cells
from ..sealed import Sealed
from ..session.outcome import Outcome
from ..session.presence import PresenceReplica
from ..session.replica import Replica
from ..waiting.handle import Handle
from ..waiting.wait import Wait

if TYPE_CHECKING:
    from ..room import Room
    from .chart import ChartStyle

__all__ = ["Shared", "brief", "brief_of"]

_log = logging.getLogger("driftdb_jupyter")
R = TypeVar("R")
T = TypeVar("T")
S = TypeVar("S", bound="Shared")


class Shared(Sealed):
    """An object with a name (``key``) that everybody in a room shares."""

    _home: BaseRoom
    _key: str
    _topic: Topic
    _refusal: Refusal | None = None
    _logged: Refusal | None = None
    _newest: Outcome[Any] | None = None
    _closed = False

    missed = 0
    """The number of values that came faster than they were taken, and are gone."""

    @property
    def key(self) -> str:
        """Its name in the room."""
        return self._key

    @property
    def room(self) -> Room:
        """The room that it is in."""
        return cast("Room", self._home)

    @property
    def error(self) -> DriftDBError | None:
        """Why a write was refused, until a later one is taken; or why there is no connection.

        Or why the key may not be read, as long as that is so.
        """
        refusal = self._refusal
        if refusal is not None:
            of_reading = isinstance(refusal, Forbidden) and refusal.action == "read"
            withheld = of_reading and self._home.connection.is_withheld(self._key)
            if not withheld if of_reading else self._is_taken():
                self._refusal = None
        return self._refusal or self._home.error

    def retry(self) -> None:
        """Try at once to connect again, where there is no connection; doesn't wait."""
        self._home.retry()

    def refused(self, error: Refusal) -> None:
        """Keep why a write was refused (the connection calls this)."""
        if self._is_taken():
            self._logged = None
        self._refusal = error
        callbacks.schedule(self)

    def has_news(self) -> bool:
        """Return True unless nobody is to be told of a change (the connection calls this)."""
        return True

    def deliver(self) -> None:
        """Tell of what is new, on the callbacks' thread (the callbacks call this)."""
        self._report()

    def __repr__(self) -> str:
        return f"{self._class_name()}({self._key!r}, room={self._home.name!r})"

    @classmethod
    async def create(cls: type[S], *args: Any, **options: Any) -> S:
        """Make one in async code, where ``cls(...)`` would stop the loop until the room answers.

        ``state = await SharedState.create("k", 0, room="r")``. Takes and raises what the class
        does.
        """
        callbacks.notice_loop()
        return await asyncio.to_thread(cls, *args, **options)

    def _enter(
        self, key: str, room: str | BaseRoom | None, url: str | None, timeout_seconds: float
    ) -> None:
        """Find the room; raises what :func:`.room.room` does, and errors of the arguments."""
        check_key(key)
        check_seconds("timeout_seconds", timeout_seconds)
        if isinstance(room, BaseRoom):
            if url is not None:
                raise ValueError("expected either a Room as room= or url=, got both")
            self._home = room
        else:
            self._home = find(room, url=url, timeout_seconds=timeout_seconds)
            self._home.found_by(self)
        self._key = key
        self._topic = (self._home.connection.location, key)
        cells.use(self._topic)
        callbacks.notice_loop()

    def _style_as(self, style: ChartStyle | None) -> None:
        """Have it shown as a chart that looks so, ``None``: as without one."""
        raise NotImplementedError

    @classmethod
    def _class_name(cls) -> str:
        """Return what messages call it."""
        return cls.__name__

    def _check_open(self) -> None:
        """Raise :class:`~driftdb_jupyter.protocol.errors.NotConnected` after :meth:`close`."""
        if self._closed:
            raise NotConnected(
                f"this {self._class_name()} {self._key!r} was closed: make another one to write"
            )

    def _miss(self, number: int) -> None:
        """Count values that came faster than they were taken, in all; say so the first time."""
        if number and not self.missed:
            _log.warning(
                "%s %r: %d values came faster than they were taken, and are gone; "
                "its .missed counts them",
                self._class_name(),
                self._key,
                number,
            )
        self.missed = number

    def _wait_ready(
        self, replica: Replica | PresenceReplica, timeout_seconds: float, *, presence: bool = False
    ) -> None:
        """Wait for the room's answer (see :meth:`.Connection.wait_ready`); on errors, leave."""
        connection = self._home.connection
        try:
            connection.wait_ready(replica, timeout_seconds)
        except BaseException:
            connection.unsubscribe(self._key, self, presence=presence)
            raise

    def _handle(self, outcome: Outcome[R], read: Callable[[R], T]) -> Handle[T]:
        if self._logged is not None and self._is_taken():
            self._logged = None  # what is refused after that is said again
        self._newest = outcome
        return Handle(outcome, read, connection=self._home.connection)

    def _is_taken(self) -> bool:
        """Return True if the room took the newest write."""
        newest = self._newest
        return newest is not None and newest.done() and newest.exception() is None

    def _wait(self, read: Callable[[], T], predicate: Callable[[T], object]) -> Wait[T]:
        name = f"{self._class_name()} {self._key!r}"
        return Wait(self._home.connection, read, predicate, name=name)

    def _report(self) -> None:
        refusal = self._refusal
        if refusal is not None and refusal.code != getattr(self._logged, "code", None):
            self._logged = refusal
            of_reading = isinstance(refusal, Forbidden) and refusal.action == "read"
            what = "the room" if of_reading else "the room refused a write"
            _log.warning("%s %r: %s: %s", self._class_name(), self._key, what, refusal)


def brief(value: object, length: int = 1000) -> str:
    """Return a value's ``repr``, cut: a notebook keeps what a cell shows."""
    return brief_of(lambda: value, length)


def brief_of(read: Callable[[], object], length: int = 1000) -> str:
    """Return what :func:`brief` does of a value that is yet to be read, and may not be readable.

    Raises nothing: a ``repr`` stands in logs and tracebacks, which may be of that very error.
    """
    try:
        text = repr(read())
    except Exception as error:
        text = f"<{type(error).__name__}: {error}>"
    return text if len(text) <= length else f"{text[:length]}…"
