"""What the commands have in common that take part in a room."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

from traitlets import Unicode

from ..client.connection import Connection
from ..client.glance import Glance, glance
from ..client.locate import Location
from ..client.naming import named
from ..client.room import Room
from ..client.settings import Settings
from ..protocol.errors import Away, NotConnected
from .address import room_location
from .seconds import Seconds
from .subcommand import Subcommand

__all__ = ["MemberCommand"]

T = TypeVar("T")

_USUAL_TIMEOUT_SECONDS = 10.0
_PAUSE_SECONDS = 0.5


class MemberCommand(Subcommand):
    """Joins the room that ``--room`` and ``--url`` or the environment name."""

    groups = {"MemberCommand": "which room", **Subcommand.groups}  # noqa: RUF012
    aliases: dict[Any, Any] = {  # noqa: RUF012
        **Subcommand.aliases,
        "room": "MemberCommand.room",
        "url": "MemberCommand.url",
        "timeout": "MemberCommand.timeout",
    }

    room = Unicode(
        "",
        config=True,
        help="The room, by its name or its URL. By default DRIFTDB_ROOM, in a notebook's shell "
        "the notebook's own.",
    )
    url = Unicode(
        "",
        config=True,
        help="The server's URL, or the room's. By default DRIFTDB_URL, else "
        "http://127.0.0.1:8080/.",
    )
    timeout = Seconds(
        None,
        help="How long the room may take to answer, in seconds; by default 10. For so long a "
        "server that can't be reached is tried again: to write always, to read where this is "
        "given.",
    )
    insists = False
    """Whether a server that can't be reached is tried again where no ``--timeout`` is given."""

    @property
    def timeout_seconds(self) -> float:
        """How long the room may take to answer."""
        return _USUAL_TIMEOUT_SECONDS if self.timeout is None else self.timeout

    def settings(self) -> Settings:
        """The client's settings; ends where the environment holds one that is none."""
        try:
            return Settings.from_environment()
        except ValueError as error:
            self.misused(str(error))

    def location(self) -> Location:
        """Where the room is."""
        try:
            location = self.find()
        except ValueError as error:
            self.misused(str(error))
        settings = self.settings()
        return self.reached(lambda seconds: named(location, settings, timeout_seconds=seconds))

    def find(self) -> Location:
        """What the options and the environment say; raises :class:`ValueError`."""
        return room_location(self.room, self.url)

    def reached(self, ask: Callable[[float], T]) -> T:
        """What a server answers that is asked with so many seconds' time, now or again later.

        Raises what asking raises, :class:`~..protocol.errors.Away` when time is over.
        """
        end = time.monotonic() + self.timeout_seconds
        insists = self.insists or self.timeout is not None
        told = False
        while True:
            try:
                return ask(max(round(end - time.monotonic(), 1), 0.1))
            except Away as error:
                late = time.monotonic() + _PAUSE_SECONDS >= end
                if late or not insists or not self.wanted:
                    raise
                if not told:
                    self.say(f"waiting for the server: {error.plain}")
                    told = True
            time.sleep(_PAUSE_SECONDS)

    @property
    def wanted(self) -> bool:
        """Whether there is still something to try it for."""
        return True

    def glance(self, prefix: str) -> dict[str, Glance]:
        """What the room's keys hold that begin so; raises as :func:`.glance.glance` does."""
        location, settings = self.location(), self.settings()
        return self.reached(
            lambda seconds: glance(location, settings, prefix=prefix, timeout_seconds=seconds)
        )

    @contextmanager
    def joined(self) -> Iterator[Room]:
        """The room, once there is a connection; what was not written at the end is dropped.

        Raises why there is none.
        """
        connection = self.reached(partial(_connected, self.location(), self.settings()))
        try:
            yield Room(connection)
        finally:
            connection.close()


def _connected(location: Location, settings: Settings, timeout_seconds: float) -> Connection:
    connection = Connection(location, settings)
    connection.start()
    with connection.guard:
        connection.guard.wait_for(lambda: connection.status != "connecting", timeout_seconds)
        status, error = connection.status, connection.error
    if status in ("connected", "reconnecting"):
        return connection
    connection.close()
    raise error or NotConnected(f"{location.url} gave no answer within {timeout_seconds:g} s")
