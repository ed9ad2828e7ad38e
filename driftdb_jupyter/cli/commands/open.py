"""``driftdb open``."""

from __future__ import annotations

from ...command.failure import FAILED, Failure
from ...command.parameter import arguments, at_most_one, option
from ...command.printing import put
from ..member import Member, room_options
from ..subcommand import make_command

__all__ = ["command"]


@make_command(
    examples="""
    driftdb open
    driftdb open slider
    driftdb open --room lecture --print
    """,
)
@arguments("key", "[KEY]", callback=at_most_one("at most one key"))
@option("prints", "--print", is_flag=True, help="Print the URL, and open nothing.")
@room_options()
def command(member: Member, key: str | None, prints: bool) -> None:
    """Open the page of a room, or of one of its keys, in the browser."""
    import webbrowser

    from ...client.link import page_url

    url = page_url(member.location(), key)
    if prints:
        put(url)
    elif not webbrowser.open(url):
        raise Failure(f"there is no browser here; open {url}", FAILED)
