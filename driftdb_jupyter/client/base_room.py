"""The room as its shared objects see it: an address, and a connection to it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
import weakref
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, TypeVar, overload

from ..protocol.errors import DriftDBError, NotConnected
from .access import Access, Can
from .arguments import check_seconds, check_text, needed_text
from .connection.connection import Connection, Status, live_connections
from .duration import Duration
from .link import Link, page_url
from .runtime.background import at_end, background
from .runtime.turn_lock import TurnLock
from .sealed import Sealed
from .session.kind import META
from .session.messages import KeyInfo
from .session.outcome import Outcome
from .settings import Settings
from .share import ShareLink, list_links, make_link
from .tokens import named_token
from .transport.location import Location, locate
from .transport.naming import named
from .transport.room_access import read_policy, revoke_token, write_policy
from .waiting.handle import Handle

__all__ = ["BaseRoom", "find"]

R = TypeVar("R")
B = TypeVar("B", bound="BaseRoom")

_log = logging.getLogger("driftdb_jupyter")


class BaseRoom(Sealed):
    """A room, and this process's one connection to it; made by :func:`find`.

    The connection closes by itself (after all is written) when nobody holds the room any more;
    each shared object holds its own.
    """

    made: ClassVar[type[BaseRoom]]
    """The class of the rooms that are found: the newest subclass, which has methods for objects."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        BaseRoom.made = cls

    connection: Connection
    _settable = ("access",)

    def __init__(self, connection: Connection) -> None:
        vars(self)["connection"] = connection  # which nobody may set later
        self._given = 0  # how often room() returned it, and a ``with`` block didn't give it back
        self._found_by: weakref.WeakSet[object] = weakref.WeakSet()
        finalizer = weakref.finalize(self, connection.abandon)
        finalizer.atexit = False

    @property
    def name(self) -> str:
        """The room's name or id."""
        assert self.connection.location.room is not None
        return self.connection.location.room

    @property
    def url(self) -> str:
        """The room's URL, which ``room=`` and ``url=`` take elsewhere; it holds no secret.

        Behind a proxy whose server has a ``public_url``, that is the one which others can reach.
        """
        return self.connection.location.public_url

    @overload
    def link(self, key: str | None = None) -> Link: ...

    @overload
    def link(
        self,
        key: str | None = None,
        *,
        role: Can,
        keys: Iterable[str] | None = None,
        expires: Duration = "1d",
        name: str = "",
        people: int | None = None,
        ask_name: bool = False,
    ) -> ShareLink: ...

    def link(
        self,
        key: str | None = None,
        *,
        role: Can | None = None,
        keys: Iterable[str] | None = None,
        expires: Duration = "1d",
        name: str = "",
        people: int | None = None,
        ask_name: bool = False,
    ) -> Link | ShareLink:
        """Return the URL of the room's page; with ``key`` it shows that key alone.

        A cell shows it as a link. It is for whom the server lets in.

        With ``role`` (``"read"``, ``"write"``, or grants as :attr:`access` has them) it is a new
        share link, which lets in anybody who has it, also without an account, to do that and
        nothing else: in the whole room, or only with ``keys`` (by default the ``key`` that it
        shows). It ends after ``expires``, as ``"30m"``, ``"2h"``, ``"7d"``, a number of seconds or
        a time (``None``: never). ``name``: how it is listed. ``people``: how many may come in by
        it, each of them one browser. ``ask_name``: whether they have to give a name. Raises as
        :attr:`access` does (docs/links.md).
        """
        check_text("key", key)
        if role is not None:
            return make_link(
                self.connection.location,
                key=key,
                role=role,
                keys=keys,
                expires=expires,
                name=name,
                people=people,
                ask_name=ask_name,
            )
        if keys is not None or name or people is not None or ask_name or expires != "1d":
            raise TypeError('expected role= ("read" or "write") for a share link, got None')
        return page_url(self.connection.location, key)

    def links(self) -> list[ShareLink]:
        """Return the room's share links, the oldest first; for its owner.

        Raises as :attr:`access` does.
        """
        return list_links(self.connection.location)

    def revoke_token(self, token: str) -> None:
        """Take back a signed token, given whole or by its id; for the room's owner.

        Who is in by it is put out at once. Raises as :attr:`access` does, and :class:`ValueError`
        for a token without an id, and text that is neither.
        """
        revoke_token(self.connection.location, *named_token(token))

    def revoke_all_tokens(self) -> None:
        """Take back all signed tokens of the room that were issued up to now; for its owner.

        Raises as :attr:`access` does.
        """
        revoke_token(self.connection.location, None, None)

    @property
    def status(self) -> Status:
        """The state of the connection.

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
        """The number of writes that the room has not taken (or refused) yet."""
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

    @property
    def access(self) -> Access | None:
        """Who may do what in the room; ``None`` where it is open to whoever is let in at all.

        For its owner. Setting it takes a mapping, too, and a role that everybody has:
        ``room.access = "read"``. Everybody in the room finds out at once. Raises
        :class:`~driftdb_jupyter.protocol.errors.Forbidden` for who doesn't own the room, what a
        connection raises that can't be made, and, for what describes no access,
        :class:`~driftdb_jupyter.protocol.errors.BadMessage`.
        """
        content = read_policy(self.connection.location, Settings.from_environment())
        return None if content is None else Access.of(content)

    @access.setter
    def access(self, access: Access | Mapping[str, Any] | str | None) -> None:
        if isinstance(access, str):
            access = Access(access)
        content = None if access is None else Access.of(access).content
        write_policy(self.connection.location, Settings.from_environment(), content)

    def keys(
        self, prefix: str = "", *, timeout_seconds: float | None = None
    ) -> Mapping[str, KeyInfo]:
        """Return which keys hold something and begin with ``prefix``, each with how much that is.

        Keys that begin with ``$`` are the protocol's own (docs/protocol.md, "Which keys there
        are"), and are there only if ``prefix`` begins with it, too.

        Raises as :meth:`.Handle.result` does.
        """
        needed_text("prefix", prefix)
        found = self._handle(self.connection.list_keys(prefix)).result(timeout_seconds)
        if prefix.startswith("$"):
            return found
        return {key: info for key, info in found.items() if not key.startswith("$")}

    def delete(self, key: str) -> Handle[None]:
        """Empty a key for everybody; the handle tells when that is done.

        It may be used as another kind of object then. A state that is in use somewhere begins
        again with its initial value. Raises
        :class:`~driftdb_jupyter.protocol.errors.QueueFull` and
        :class:`~driftdb_jupyter.protocol.errors.NotConnected`.
        """
        needed_text("key", key)
        self.connection.send(META + key, action="delete")
        outcome = self.connection.send(key, action="delete")
        return Handle(outcome, lambda _: None, connection=self.connection)

    def retry(self) -> None:
        """Try at once to connect again, where there is no connection; doesn't wait."""
        self.connection.retry()

    def flush(self, timeout_seconds: float = 10.0) -> None:
        """Wait until the room took (or refused) all that was written.

        Raises :class:`~driftdb_jupyter.protocol.errors.NotConnected` if it didn't in that time,
        or what stopped the connection.
        """
        check_seconds("timeout_seconds", timeout_seconds)
        if not self.connection.flush(timeout_seconds):
            raise self.error or NotConnected(
                f"{self.url} did not acknowledge all writes within {timeout_seconds:g} s; "
                f"the {self.waiting} that wait are sent as soon as it can be reached"
            )

    def close(self) -> None:
        """Close the connection for all of the process, after all is written.

        Raises :class:`~driftdb_jupyter.protocol.errors.NotConnected`, or what stopped the
        connection, if something was not written within ``DRIFTDB_FLUSH_SECONDS``: that is lost.
        """
        lost = self._close()
        if lost is not None:
            raise lost

    def given(self: B) -> B:
        """Count one more holder of the room, until a ``with`` block gives it back."""
        self._given += 1
        return self

    def found_by(self, user: object) -> None:
        """Stay open at the end of others' ``with`` blocks, as long as the user lives."""
        self._found_by.add(user)

    def __enter__(self: B) -> B:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Close it as :meth:`close` does, unless others in this process use it, too."""
        self._given -= 1
        if self._given > 0 or len(self._found_by):
            self.flush(Settings.read("flush_seconds"))
            return
        lost = self._close()
        if lost is not None and kind is None:
            raise lost
        if lost is not None:  # what the block raised is not to be hidden
            _log.warning("%s", lost)

    async def __aenter__(self: B) -> B:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        """Leave the block as ``with`` does, without stopping the loop."""
        await asyncio.to_thread(self.__exit__, kind, *rest)

    def __repr__(self) -> str:
        return f"<Room {self.url} ({self.status})>"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Print it in a cell, which keeps that: so without the status, which is of the moment."""
        printer.text(f"<Room {self.url}>")

    def _close(self) -> DriftDBError | None:
        """Close it; returns why something was not written."""
        connection, seconds = self.connection, Settings.read("flush_seconds")
        error = None
        if not connection.flush(seconds, last=True) and (waiting := self.waiting):
            error = connection.stopped
            if error is None:
                error = NotConnected(
                    f"{self.url} did not acknowledge all writes within {seconds:g} s before it "
                    f"was closed: {waiting} may be lost"
                )
                error.__cause__ = self.error
        connection.close()
        return error

    def _handle(self, outcome: Outcome[R]) -> Handle[R]:
        return Handle(outcome, lambda result: result, connection=self.connection)


def find(
    name_or_url: str | None = None,
    *,
    url: str | None = None,
    token: str | Callable[[], str] | None = None,
    guest_name: str | None = None,
    timeout_seconds: float = 10.0,
) -> BaseRoom:
    """Return the process's one room of that name or URL; see :func:`.room.room`."""
    check_seconds("timeout_seconds", timeout_seconds)
    location = locate(name_or_url, url=url, token=token, guest_name=guest_name)
    settings = Settings.from_environment()
    with _lock:
        location = named(location, settings, timeout_seconds=timeout_seconds)
        known = _rooms.get(location)
        if known is None or known.status == "closed":
            known = _rooms[location] = BaseRoom.made(Connection(location, settings))
    known.connection.start()
    return known


BaseRoom.made = BaseRoom

_lock = TurnLock()
_rooms: weakref.WeakValueDictionary[Location, BaseRoom] = weakref.WeakValueDictionary()


def _at_end() -> None:
    """Have all arrive that was written, then close."""
    connections = live_connections()
    if not connections:
        return
    flush_seconds = Settings.read("flush_seconds")
    deadline = time.monotonic() + flush_seconds
    for connection in connections:
        connection.hurry()  # all at the same time
    for connection in connections:
        done = connection.flush(max(0, deadline - time.monotonic()), last=True)
        if not done and (waiting := connection.waiting):
            _log.warning(
                "%s did not acknowledge all writes within %g s before the end of the process "
                "(%d may be lost)",
                connection.location.url,
                flush_seconds,
                waiting,
            )
        connection.close()

    async def gone() -> None:
        await asyncio.gather(*(connection.gone() for connection in connections))

    with contextlib.suppress(TimeoutError):
        background().run(gone(), timeout_seconds=1.0)


at_end(_at_end)
