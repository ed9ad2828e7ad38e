"""``driftdb import``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import chain
from typing import BinaryIO

from ...command.parameter import arguments, at_most_one, option
from ...command.printing import put
from ...command.types import File
from ..amounts import number_of
from ..configured import Settings
from ..progress import counted
from ..status import FileFailed
from ..stored import data_option, opened, rooms_command
from ..subcommand import standard_input

__all__ = ["command"]

_PIECE_BYTES = 64 * 1024


@rooms_command(
    examples="""
    driftdb import lecture.jsonl
    driftdb import --room lecture-2 --replace < lecture.jsonl
    """,
)
@arguments("path", "[FILE]", type=File(), callback=at_most_one("one file"))
@data_option
@option("--room", default="", help="The room's name; by default the one in the file.")
@option("--replace", is_flag=True, help="Replace a room that has this name.")
@option(
    "--owners",
    is_flag=True,
    help="Bring back the room's owners, too: the digests of their secrets. Whoever wrote the file "
    "may then administer the room.",
)
def command(
    settings: Settings, path: str | None, data: str, room: str, replace: bool, owners: bool
) -> None:
    """Bring back a room that was exported, from a file or from the standard input.

    Its policy comes with it, its owners only with --owners.
    """
    from ...rooms.dump import HEAD_LIMIT_BYTES, read_head

    with _source(path) as (name, source):
        pieces = _pieces(source, name, HEAD_LIMIT_BYTES + 1)
        first = next(pieces, b"")
        head = read_head(first)
        room = room or head.room
        with opened(data, settings, new=True) as store:  # not before it is sure there is a room
            whole = counted(chain([first], pieces), f"Importing {room}")
            left_out = store.put(room, whole, replace=replace, owners=owners)
    if left_out:
        put(
            f"Left out {number_of(left_out, 'record')} of who owns the room; import it with"
            " --owners if you trust whoever wrote the file."
        )


@contextmanager
def _source(path: str | None) -> Iterator[tuple[str, BinaryIO]]:
    if path is None or path == "-":
        yield "the standard input", standard_input()
        return
    with open(path, "rb") as file:
        yield path, file


def _pieces(source: BinaryIO, name: str, line_limit_bytes: int) -> Iterator[bytes]:
    """Read the first line, or so much of it, and then pieces of any length."""
    try:
        yield source.readline(line_limit_bytes)
        yield from iter(partial(source.read, _PIECE_BYTES), b"")
    except OSError as error:
        raise FileFailed(f"can't read {name}: {error.strerror}") from None
