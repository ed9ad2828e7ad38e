"""``driftdb new``."""

from __future__ import annotations

from ...command.parameter import option
from ...command.printing import put
from ..member import Member, room_options
from ..subcommand import make_command

__all__ = ["command"]


@make_command(
    examples="""
    export DRIFTDB_ROOM=$(driftdb new)
    driftdb new --url http://192.168.1.5:8080/ --json
    """,
)
@option("--json", is_flag=True, help="Print an object: room, url and page.")
@room_options(insists=True, room=False)
def command(member: Member, json: bool) -> None:
    """Make a room and print its URL."""
    import msgspec

    from ...client.link import page_url

    location = member.new_room()
    if json:
        made = {"room": location.room, "url": location.url, "page": str(page_url(location))}
        put(msgspec.json.encode(made).decode())
    else:
        put(location.url)
