"""Rooms, as a kernel or a script holds them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from ..protocol.errors import DriftDBError, NotConnected
from .connection.connection import Connection, Status, live_connections
from .link import Link, page_url
from .runtime.background import at_end, background, on_fork
from .session.messages import KeyInfo
from .session.receipt import Receipt
from .settings import Settings
from .transport.location import Location, locate
from .transport.naming import named
from .waiting.handle import Handle

if TYPE_CHECKING:
    from .objects.binding import Bindings
    from .objects.dictionary import SharedDict
    from .objects.presence import Presence
    from .objects.pubsub import PubSub
    from .objects.reducer import SharedReducer
    from .objects.state import SharedState
    from .objects.stream.stream import Stream

__all__ = ["Room", "room"]

R = TypeVar("R")

_log = logging.getLogger("driftdb_jupyter")


class Room:
    """A room, and this process's one connection to it; made by :func:`room`.

    The connection closes by itself (after all is written) when nobody holds the room any more;
    each shared object holds its own.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        finalizer = weakref.finalize(self, connection.abandon)
        finalizer.atexit = False

    @property
    def name(self) -> str:
        """The room's name or id."""
        assert self.connection.location.room is not None
        return self.connection.location.room

    @property
    def url(self) -> str:
        """The room's URL, which ``room=`` and ``url=`` take elsewhere; it holds no secret."""
        return self.connection.location.url

    def link(self, key: str | None = None) -> Link:
        """The URL of the room's page, for any browser; with ``key`` that one alone is shown.

        A cell shows it as a link.
        """
        return page_url(self.connection.location, key)

    @property
    def status(self) -> Status:
        """How the connection is.

        ``connecting``, ``connected``, ``reconnecting``, ``stopped`` (:attr:`error` says why and
        :meth:`retry` tries again) or ``closed``.
        """
        return self.connection.status

    @property
    def error(self) -> DriftDBError | None:
        """Why there is no connection now, or why the server takes no writes at the moment."""
        return self.connection.error or self.connection.held

    @property
    def waiting(self) -> int:
        """How many writes the room has not taken (or refused) yet."""
        return self.connection.waiting

    @property
    def offline_since(self) -> float | None:
        """Since when the connection is gone, in seconds since 1970 as :func:`time.time` has them.

        ``None``: there is one, or never was.
        """
        return self.connection.offline_since

    @property
    def recovered(self) -> bool | None:
        """Whether all that was missed came after the last reconnect; ``None``: not known (yet).

        ``False``: the server lost its memory, or this client was away for too long. What the room
        holds now is known, what happened in between is not.
        """
        return self.connection.recovered

    # What is in it. The classes come from the package, for a kernel's are shown in cells.

    def state(self, key: str, initial: Any = None, **options: Any) -> SharedState:
        """A value: :class:`~driftdb_jupyter.SharedState`."""
        return cast("SharedState", self._shared("SharedState", key, initial, **options))

    def dict(
        self, key: str, initial: Mapping[str, Any] | None = None, **options: Any
    ) -> SharedDict:
        """Several values: :class:`~driftdb_jupyter.SharedDict`."""
        return cast("SharedDict", self._shared("SharedDict", key, initial, **options))

    def pubsub(self, key: str, **options: Any) -> PubSub:
        """A channel: :class:`~driftdb_jupyter.PubSub`."""
        return cast("PubSub", self._shared("PubSub", key, **options))

    def stream(self, key: str, **options: Any) -> Stream:
        """A list to append to: :class:`~driftdb_jupyter.Stream`."""
        return cast("Stream", self._shared("Stream", key, **options))

    def reducer(
        self, key: str, fn: Callable[[Any, Any], Any], initial: Any = None, **options: Any
    ) -> SharedReducer:
        """A value made by actions: :class:`~driftdb_jupyter.SharedReducer`."""
        return cast("SharedReducer", self._shared("SharedReducer", key, fn, initial, **options))

    def presence(self, key: str = "presence", value: Any = None, **options: Any) -> Presence:
        """Who is here: :class:`~driftdb_jupyter.Presence`."""
        return cast("Presence", self._shared("Presence", key, value, **options))

    def bind(self, widgets: Mapping[str, Any], *, trait: str = "value") -> Bindings:
        """Share a trait of each widget under the key that it has here.

        See :func:`~driftdb_jupyter.client.objects.binding.bind`, also for a widget with its trait,
        ``(widget, "trait")``.
        """
        bindings: Bindings = self._package().bind_all(widgets, trait=trait, room=self)
        return bindings

    def keys(
        self, prefix: str = "", *, timeout_seconds: float | None = None
    ) -> Mapping[str, KeyInfo]:
        """Which keys hold something and begin with ``prefix``, each with how much that is.

        Raises as :meth:`.Handle.result` does.
        """
        return self._handle(self.connection.list_keys(prefix)).result(timeout_seconds)

    def delete(self, key: str) -> Handle[None]:
        """Empty a key for everybody; the handle tells when that is done.

        A state that is in use somewhere begins again with its initial value. Raises
        :class:`~driftdb_jupyter.protocol.errors.QueueFull` and
        :class:`~driftdb_jupyter.protocol.errors.NotConnected`.
        """
        receipt = self.connection.send(key, action="delete")
        return Handle(receipt, lambda _: None, why=lambda: self.error)

    def retry(self) -> None:
        """Try at once to connect again, where there is no connection; doesn't wait."""
        self.connection.retry()

    def flush(self, timeout_seconds: float = 10.0) -> None:
        """Wait until the room took (or refused) all that was written.

        Raises :class:`~driftdb_jupyter.protocol.errors.NotConnected` if it didn't in that time,
        or what stopped the connection.
        """
        if not self.connection.flush(timeout_seconds):
            raise self.error or NotConnected(
                f"{self.url} did not acknowledge all writes within {timeout_seconds:g} s; "
                f"the {self.waiting} that wait are sent as soon as it can be reached"
            )

    def close(self) -> None:
        """Close the connection, after all is written (or some seconds: ``flush_seconds``)."""
        settings = Settings.from_environment()
        self.connection.flush(settings.flush_seconds, last=True)
        self.connection.close()

    def __enter__(self) -> Room:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Room {self.url} ({self.status})>"

    def _shared(self, name: str, *args: Any, **options: Any) -> Any:
        return getattr(self._package(), name)(*args, room=self, **options)

    @staticmethod
    def _package() -> Any:
        return sys.modules[__name__.partition(".")[0]]

    def _handle(self, receipt: Receipt[R]) -> Handle[R]:
        return Handle(receipt, lambda result: result, why=lambda: self.error)


def room(
    name_or_url: str | None = None, *, url: str | None = None, timeout_seconds: float = 10.0
) -> Room:
    """Return a room: the notebook's own, or the one of that name or URL.

    ``url`` is another server's URL (with a name: that room there, without: a new one, the same
    for the whole process) or a room's. The room connects in the background;
    ``timeout_seconds`` bounds the wait for a name alone, where the server has to say it: of the
    notebook's own room the first time, and of a new one.

    Raises :class:`~driftdb_jupyter.protocol.errors.NoServer` where there is nothing to go by,
    :class:`ValueError` for a name or URL that is none, and where the server is asked
    :class:`~driftdb_jupyter.protocol.errors.Unreachable`,
    :class:`~driftdb_jupyter.protocol.errors.Forbidden` and
    :class:`~driftdb_jupyter.protocol.errors.RoomNotFound`.
    """
    location = locate(name_or_url, url=url)
    settings = Settings.from_environment()
    with _lock:
        location = named(location, settings, timeout_seconds=timeout_seconds)
        known = _rooms.get(location)
        if known is None or known.status == "closed":
            known = _rooms[location] = Room(Connection(location, settings))
    known.connection.start()
    return known


_lock = threading.RLock()
_rooms: weakref.WeakValueDictionary[Location, Room] = weakref.WeakValueDictionary()


def _at_end() -> None:
    """Have all arrive that was written, then close."""
    connections = live_connections()
    if not connections:
        return
    flush_seconds = Settings.from_environment().flush_seconds
    deadline = time.monotonic() + flush_seconds
    for connection in connections:
        if not connection.flush(max(0, deadline - time.monotonic()), last=True):
            _log.warning(
                "%s did not acknowledge all writes within %g s before the end of the process "
                "(%d may be lost)",
                connection.location.url,
                flush_seconds,
                connection.waiting,
            )
        connection.close()

    async def gone() -> None:
        await asyncio.gather(*(connection.gone() for connection in connections))

    with contextlib.suppress(TimeoutError):
        background().run(gone(), timeout_seconds=1.0)


def _forked() -> None:
    global _lock
    _lock = threading.RLock()


at_end(_at_end)
on_fork(_forked)
