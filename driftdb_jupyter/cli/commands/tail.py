"""``driftdb tail``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...command.parameter import arguments, one, option
from ...command.printing import flush, put
from ...command.types import Text
from ..member import Member, room_options
from ..subcommand import make_command

if TYPE_CHECKING:
    from ...client.session.log import Heard

__all__ = ["command"]


class _Count(Text):
    """A number of the newest values; ``None`` for all."""

    name = "count"

    def read(self, text: str) -> int | None:
        """Return the number; raises :class:`ValueError` for anything else."""
        if text != "all" and not text.isdecimal():
            raise ValueError(f"expected a number or all, got {text!r}")
        return None if text == "all" else int(text)


@make_command(
    examples="""
    driftdb tail build
    driftdb tail -f -n all build | grep --line-buffered error
    driftdb tail -n all --json measurements > measurements.jsonl
    """,
)
@arguments("key", "KEY", callback=one("a key"))
@option(
    "-n",
    "--lines",
    metavar="N",
    type=_Count(),
    default="10",
    show_default=True,
    help="How many of the newest values to print, or `all`.",
)
@option("-f", "--follow", is_flag=True, help="Go on with what comes.")
@option("--json", is_flag=True, help="Print JSON Lines: key, seq, value, and its time and author.")
@room_options()
def command(member: Member, key: str, lines: int | None, follow: bool, json: bool) -> None:
    """Print the newest values of a stream, one a line.

    A text is printed as it is, anything else as JSON. `-f` follows the stream, even if the
    connection or the server is gone for a while; Ctrl-C ends it.
    """
    from ..hearing import Hearing, wait_for_any

    with member.joined() as room:
        hearing = Hearing(room, key, timeout_seconds=member.timeout_seconds)
        held = hearing.take()
        _print(key, held[0 if lines is None else max(len(held) - lines, 0) :], json=json)
        while follow:
            wait_for_any(room, [hearing])
            _print(key, hearing.take(), json=json)


def _print(key: str, values: list[Heard], *, json: bool) -> None:
    from ..record import record, text_of

    for heard in values:
        heard = heard.of_state()  # a state may have written it
        put(record(key, heard).line() if json else text_of(heard.value))
    flush()
