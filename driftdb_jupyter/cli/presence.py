"""``driftdb presence``."""

from __future__ import annotations

from typing import Any

from traitlets import Bool

from ..client.presence import Person, Presence
from ..client.room import Room
from ..client.values import encode, same
from ..protocol.errors import NotConnected
from .member import MemberCommand
from .terminal import check_pipe, flush, one_line, put

__all__ = ["PresenceCommand"]

_LOOK_SECONDS = 1.0


class PresenceCommand(MemberCommand):
    """Print who is in a room, one a line, without being seen there.

    `-f` goes on with who comes (+), leaves (-) or has another value (=); Ctrl-C ends it. The key
    is `presence` where none is given.
    """

    name = "driftdb-presence"
    description = __doc__
    arguments = "[KEY]"
    examples = """
    driftdb presence
    driftdb presence cursors -f --json
    """
    flags: dict[Any, Any] = {  # noqa: RUF012
        **MemberCommand.flags,
        ("f", "follow"): ({"PresenceCommand": {"follow": True}}, "Go on with who comes and goes."),
        "json": (
            {"PresenceCommand": {"json": True}},
            "Print JSON Lines: event (here, join, leave, change), client, name, value, user.",
        ),
    }
    follow = Bool(False, config=True, help="Whether to go on with who comes and goes.")
    json = Bool(False, config=True, help="Whether to print JSON Lines.")

    def run(self) -> None:
        """Print who is there, then who comes and goes."""
        key = self.only_argument("at most one key") if self.extra_args else "presence"
        with self.joined() as room:
            presence = Presence(key, room=room, timeout_seconds=self.timeout_seconds)
            changes = room.connection.changes
            here = _by_client(presence)
            for person in here.values():
                self._print("here", person)
            while self.follow:
                flush()
                changes = _wait_for_changes(room, changes)
                before, here = here, _by_client(presence)
                for client, person in before.items():
                    if client not in here:
                        self._print("leave", person)
                for client, person in here.items():
                    if client not in before:
                        self._print("join", person)
                    elif not same(person.value, before[client].value):
                        self._print("change", person)

    def _print(self, event: str, person: Person) -> None:
        if self.json:
            line = {
                "event": event,
                "client": person.client,
                "name": person.name,
                "value": person.value,
                "user": person.user,
            }
            put(encode(line).decode())
            return
        mark = _MARKS[event] if self.follow else ""
        put(f"{mark}{one_line(person.name)}\t{encode(person.value).decode()}")


_MARKS = {"here": "  ", "join": "+ ", "leave": "- ", "change": "= "}


def _by_client(presence: Presence) -> dict[str, Person]:
    return {person.client: person for person in presence.people}


def _wait_for_changes(room: Room, seen: int) -> int:
    """Wait until anything may have changed; raises why nothing will any more."""
    connection = room.connection
    with connection.guard:
        while not connection.guard.wait_for(lambda: connection.changes != seen, _LOOK_SECONDS):
            check_pipe()
        if connection.status in ("stopped", "closed"):
            raise connection.error or NotConnected(f"the connection to {room.url} was closed")
        return connection.changes
