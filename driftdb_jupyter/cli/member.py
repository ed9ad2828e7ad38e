"""The parts that all commands share that take part in a room."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, TypeVar

from ..client.settings import Settings
from ..client.transport.location import Location
from ..command.parameter import option
from ..command.printing import say
from ..command.types import Number
from ..protocol.errors import Away, NotConnected, WrongKind
from .location import room_location, server_location
from .status import KeyInUse, Misuse

if TYPE_CHECKING:  # imported when there is work to do
    from ..client.connection.connection import Connection
    from ..client.room import Room
    from ..client.session.kind import Kind
    from ..client.transport.key_contents import KeyContents

__all__ = ["SECONDS", "Member", "force_option", "room_options"]

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")

SECONDS = Number(at_least=0.1, no_more=threading.TIMEOUT_MAX)
"""A time; one that is longer than a thread can wait is cut to that."""

_SECTION = "which room"
_USUAL_TIMEOUT_SECONDS = 10.0
_PAUSE_SECONDS = 0.5


@dataclass
class Member:
    """Takes part in the room that the options or the environment name.

    ``room`` and ``url`` are empty, and ``patience_seconds`` is ``None``, if they are not given.
    A server that can't be reached is tried again if ``patience_seconds`` is given, or if the
    command ``insists``, as long as ``wanted`` says that there is still something to do.
    """

    room: str = ""
    url: str = ""
    patience_seconds: float | None = None
    insists: bool = False
    wanted: Callable[[], bool] = lambda: True

    @property
    def timeout_seconds(self) -> float:
        """The number of seconds that the room may take to answer."""
        return _USUAL_TIMEOUT_SECONDS if self.patience_seconds is None else self.patience_seconds

    def settings(self) -> Settings:
        """Return the client's settings; raises :class:`.Misuse` for a bad one."""
        try:
            return Settings.from_environment()
        except ValueError as error:
            raise Misuse(str(error)) from None

    def location(self) -> Location:
        """Return where the room is; raises :class:`.Misuse` if none is named."""
        return self._named(partial(room_location, self.room, self.url))

    def new_room(self) -> Location:
        """Have the server make a room, and return where it is."""
        return self._named(partial(server_location, self.url))

    def read_keys(self, prefix: str) -> dict[str, KeyContents]:
        """Return what the keys with this prefix hold.

        Raises as :func:`.key_contents.read_keys` does.
        """
        from ..client.transport.key_contents import read_keys

        location, settings = self.location(), self.settings()
        return self._reached(
            lambda seconds: read_keys(location, settings, prefix=prefix, timeout_seconds=seconds)
        )

    def check_kind(self, key: str, wanted: Kind) -> None:
        """Raise :class:`.KeyInUse` if a key is in use as another kind of object."""
        from ..client.transport.key_contents import check_kind

        location, settings = self.location(), self.settings()
        try:
            self._reached(
                lambda seconds: check_kind(location, settings, key, wanted, timeout_seconds=seconds)
            )
        except WrongKind as error:
            raise KeyInUse(f"{error.plain} Write to another key, or add --force.") from None

    @contextmanager
    def joined(self) -> Iterator[Room]:
        """Connect to the room; when it is left, writes that are still waiting are dropped.

        Raises the error of the connection if there is none.
        """
        from ..client.room import Room

        connection = self._reached(partial(_connected, self.location(), self.settings()))
        try:
            yield Room(connection)
        finally:
            connection.close()

    def _named(self, find: Callable[[], Location]) -> Location:
        from ..client.transport.naming import named

        try:
            location = find()
        except ValueError as error:
            raise Misuse(str(error)) from None
        settings = self.settings()
        return self._reached(lambda seconds: named(location, settings, timeout_seconds=seconds))

    def _reached(self, ask: Callable[[float], T]) -> T:
        """Call ``ask(timeout_seconds)``, and again while the server is away and time is left.

        Raises what ``ask`` raises; :class:`.Away` when no time is left.
        """
        end = time.monotonic() + self.timeout_seconds
        insists = self.insists or self.patience_seconds is not None
        has_said = False
        while True:
            try:
                return ask(max(round(end - time.monotonic(), 1), 0.1))
            except Away as error:
                late = time.monotonic() + _PAUSE_SECONDS >= end
                if late or not insists or not self.wanted():
                    raise
                if not has_said:
                    say(f"waiting for the server: {error.plain}")
                    has_said = True
            time.sleep(_PAUSE_SECONDS)


def _connected(location: Location, settings: Settings, timeout_seconds: float) -> Connection:
    from ..client.connection.connection import Connection

    connection = Connection(location, settings)
    connection.start()
    connection.wait_until(lambda: connection.status != "connecting", timeout_seconds)
    status, error = connection.status, connection.error
    if status in ("connected", "reconnecting"):
        return connection
    connection.close()
    raise error or NotConnected(f"{location.url} gave no answer within {timeout_seconds:g} s")


_ROOM = option(
    "--room",
    default="",
    section=_SECTION,
    help="The room, by its name or its URL. By default DRIFTDB_ROOM, in a notebook's shell the "
    "notebook's own.",
)
_URL = option(
    "--url",
    default="",
    section=_SECTION,
    help="The server's URL, or the room's. By default DRIFTDB_URL, else http://127.0.0.1:8080/.",
)
_TIMEOUT = option(
    "--timeout",
    metavar="SECONDS",
    type=SECONDS,
    section=_SECTION,
    help="How long the room may take to answer; by default 10 seconds. Commands that write try "
    "again that long if the server can't be reached, commands that read only if this is given.",
)


force_option = option(
    "--force",
    is_flag=True,
    help="Write even if the key is in use as something else (a state, a stream, …).",
)


def room_options(
    *, insists: bool = False, room: bool = True, timeout: bool = True
) -> Callable[[F], F]:
    """Add ``--room``, ``--url`` and ``--timeout``; the function gets them as a ``member``.

    ``room`` and ``timeout``: whether the command has these two options. ``insists``: see
    :class:`Member`.
    """

    def decorate(function: F) -> F:
        @wraps(function)
        def run(*, url: str, room: str = "", timeout: float | None = None, **others: Any) -> Any:
            return function(member=Member(room, url, timeout, insists), **others)

        decorated: Any = run
        for wanted, add in ((timeout, _TIMEOUT), (True, _URL), (room, _ROOM)):
            if wanted:
                decorated = add(decorated)
        made: F = decorated
        return made

    return decorate
