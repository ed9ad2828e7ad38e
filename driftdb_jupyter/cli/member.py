"""What the commands have in common that take part in a room."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from traitlets import Unicode

from ..client.connection import Connection
from ..client.locate import Location
from ..client.naming import named
from ..client.room import Room
from ..client.settings import Settings
from ..protocol.errors import NotConnected
from .address import room_location
from .seconds import Seconds
from .subcommand import Subcommand

__all__ = ["MemberCommand"]


class MemberCommand(Subcommand):
    """Joins the room that ``--room`` and ``--url`` or the environment name."""

    groups = {"MemberCommand": "which room", **Subcommand.groups}  # noqa: RUF012
    aliases: dict[Any, Any] = {  # noqa: RUF012
        **Subcommand.aliases,
        "room": "MemberCommand.room",
        "url": "MemberCommand.url",
        "timeout": "MemberCommand.timeout_seconds",
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
    timeout_seconds = Seconds(10.0, help="How long the room may take to answer, in seconds.")

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
        return named(location, self.settings(), timeout_seconds=self.timeout_seconds)

    def find(self) -> Location:
        """What the options and the environment say; raises :class:`ValueError`."""
        return room_location(self.room, self.url)

    @contextmanager
    def joined(self) -> Iterator[Room]:
        """The room, once there is a connection; what was not written at the end is dropped.

        Raises why there is none.
        """
        connection = Connection(self.location(), self.settings())
        room = Room(connection)
        try:
            connection.start()
            with connection.guard:
                connection.guard.wait_for(
                    lambda: connection.status != "connecting", self.timeout_seconds
                )
            if connection.status != "connected":
                raise connection.error or NotConnected(
                    f"{room.url} gave no answer within {self.timeout_seconds:g} s"
                )
            yield room
        finally:
            connection.close()
