"""``driftdb presence``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...command.parameter import arguments, at_most_one, option
from ...command.printing import check_pipe, flush, put
from ...protocol.errors import NotConnected
from ...text.terminal import one_line
from ..member import Member, room_options
from ..subcommand import make_command

if TYPE_CHECKING:
    from ...client.objects.presence import Person, Presence
    from ...client.room import Room

__all__ = ["command"]

_LOOK_SECONDS = 1.0
_MARKS = {"here": "  ", "join": "+ ", "leave": "- ", "change": "= "}


@make_command(
    examples="""
    driftdb presence
    driftdb presence cursors -f --json
    """,
)
@arguments("key", "[KEY]", callback=at_most_one("at most one key"))
@option("-f", "--follow", is_flag=True, help="Follow who joins and leaves.")
@option(
    "--json",
    is_flag=True,
    help="Print JSON Lines: event (here, join, leave, change), client, name, value, user.",
)
@room_options()
def command(member: Member, key: str | None, follow: bool, json: bool) -> None:
    """Print who is in a room, one line for each person, without being seen there.

    `-f` follows who joins (+), leaves (-) or has another value (=); Ctrl-C ends it. The key is
    `presence` if none is given.
    """
    from ...client.objects.presence import Presence
    from ...client.values.encoding import encode, same

    def show(event: str, person: Person) -> None:
        if json:
            line = {
                "event": event,
                "client": person.client,
                "name": person.name,
                "value": person.value,
                "user": person.user,
            }
            put(encode(line).decode())
        else:
            mark = _MARKS[event] if follow else ""
            put(f"{mark}{one_line(person.name)}\t{encode(person.value).decode()}")

    with member.joined() as room:
        presence = Presence(
            "presence" if key is None else key, room=room, timeout_seconds=member.timeout_seconds
        )
        changes = room.connection.changes
        here = _by_client(presence)
        for person in here.values():
            show("here", person)
        while follow:
            flush()
            changes = _wait_for_changes(room, changes)
            before, here = here, _by_client(presence)
            for client, person in before.items():
                if client not in here:
                    show("leave", person)
            for client, person in here.items():
                if client not in before:
                    show("join", person)
                elif not same(person.value, before[client].value):
                    show("change", person)


def _by_client(presence: Presence) -> dict[str, Person]:
    return {person.client: person for person in presence.people}


def _wait_for_changes(room: Room, seen: int) -> int:
    """Wait for a change; raises the connection's error if there will be none any more."""
    connection = room.connection
    while not connection.wait_until(lambda: connection.changes != seen, _LOOK_SECONDS):
        check_pipe()
    if connection.status in ("stopped", "closed"):
        raise connection.error or NotConnected(f"the connection to {room.url} was closed")
    return connection.changes
