"""``driftdb new``."""

from __future__ import annotations

from typing import Any

import msgspec
from traitlets import Bool

from ..client.link import page_url
from ..client.locate import Location
from .address import server_location
from .member import MemberCommand
from .terminal import put

__all__ = ["NewCommand"]


class NewCommand(MemberCommand):
    """Make a room, and print its URL."""

    name = "driftdb-new"
    description = __doc__
    insists = True
    examples = """
    export DRIFTDB_ROOM=$(driftdb new)
    driftdb new --url http://192.168.1.5:8080/ --json
    """
    aliases: dict[Any, Any] = {  # noqa: RUF012
        name: trait for name, trait in MemberCommand.aliases.items() if name != "room"
    }
    flags: dict[Any, Any] = {  # noqa: RUF012
        **MemberCommand.flags,
        "json": ({"NewCommand": {"json": True}}, "Print an object: room, url and page."),
    }
    json = Bool(False, config=True, help="Whether to print JSON.")

    def run(self) -> None:
        """Ask the server for a room."""
        self.no_argument()
        location = self.location()
        if self.json:
            made = {"room": location.room, "url": location.url, "page": str(page_url(location))}
            put(msgspec.json.encode(made).decode())
        else:
            put(location.url)

    def find(self) -> Location:
        """A room that there isn't yet."""
        return server_location(self.url)
