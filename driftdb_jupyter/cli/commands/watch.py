"""``driftdb watch``."""

from __future__ import annotations

from ...command.parameter import arguments, option
from ...command.printing import flush, put
from ...command.types import Number
from ...text.terminal import one_line
from ..member import Member, room_options
from ..status import Misuse
from ..subcommand import make_command

__all__ = ["command"]


@make_command(
    examples="""
    driftdb watch slider
    driftdb watch slider chat --json
    driftdb watch deploy --changes -n 1  # waits for somebody
    """,
)
@arguments("keys", "KEY …")
@option(
    "-n",
    "--count",
    metavar="N",
    type=Number(at_least=0),
    default=0,
    show_default=True,
    help="End after N values; 0: never.",
)
@option("--json", is_flag=True, help="Print JSON Lines: key, seq, value, and its time and author.")
@option("--changes", is_flag=True, help="Leave out the values that are there already.")
@room_options()
def command(member: Member, keys: tuple[str, ...], count: int, json: bool, changes: bool) -> None:
    """Print the values of some keys as they change; Ctrl-C ends it.

    It begins with the value that each key has now, and also prints what is relayed. With several
    keys each line begins with the key and a tab.
    """
    if not keys:
        raise Misuse("expected keys, got none")
    from ...client.session.log import Heard
    from ..hearing import Hearing, wait_for_any
    from ..record import record, text_of

    printed = 0

    def enough() -> bool:
        return printed >= count > 0

    def show(key: str, values: list[Heard]) -> None:
        nonlocal printed
        for heard in values:
            if enough():
                return
            printed += 1
            heard = heard.of_state()
            if json:
                put(record(key, heard).line())
            else:
                before = f"{one_line(key)}\t" if len(keys) > 1 else ""
                put(before + text_of(heard.value))

    with member.joined() as room:
        hearings = [
            Hearing(room, key, timeout_seconds=member.timeout_seconds)
            for key in dict.fromkeys(keys)
        ]
        for hearing in hearings:
            held = hearing.take()
            show(hearing.key, [] if changes else held[-1:])
        while not enough():
            flush()
            wait_for_any(room, hearings)
            for hearing in hearings:
                show(hearing.key, hearing.take())
