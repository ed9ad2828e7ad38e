"""``driftdb get``."""

from __future__ import annotations

from ...command.failure import Failure
from ...command.parameter import arguments, one, option
from ...command.printing import put
from ..member import Member, room_options
from ..status import NOTHING
from ..subcommand import make_command

__all__ = ["command"]


@make_command(
    examples="""
    driftdb get slider
    driftdb get config --json | jq .value
    """,
)
@arguments("key", "KEY", callback=one("a key"))
@option("--json", is_flag=True, help="Print an object: key, seq, value, and its time and author.")
@room_options()
def command(member: Member, key: str, json: bool) -> None:
    """Print the value of a key: a state's value, or the newest value of a stream.

    A text is printed as it is, anything else as JSON. Exits with 3 if the key is empty.
    """
    from ..record import record, text_of

    found = member.read_keys(key).get(key)
    if found is None or found.newest is None:
        raise Failure(f"expected a key that holds something, got {key!r}", NOTHING)
    put(record(key, found.newest).line() if json else text_of(found.newest.value))
