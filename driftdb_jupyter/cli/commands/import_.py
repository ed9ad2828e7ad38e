"""``driftdb import``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from ...command.parameter import arguments, at_most_one, option
from ...command.printing import put
from ...command.types import File
from ...protocol.errors import DriftDBError
from ..amounts import number_of
from ..configured import Settings
from ..progress import counted
from ..status import Misuse
from ..stored import data_option, opened, rooms_command
from ..subcommand import standard_input

if TYPE_CHECKING:
    from ..exported import ExportedRooms

__all__ = ["command"]


@rooms_command(
    examples="""
    driftdb import lecture.jsonl
    driftdb import --room lecture-2 --replace < lecture.jsonl
    """,
)
@arguments("path", "[FILE]", type=File(), callback=at_most_one("one file"))
@data_option
@option("--room", default="", help="The room's name, of one room; by default the one in the file.")
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
    """Bring back rooms that were exported, from a file or from the standard input.

    The policy of a room comes with it, its owners only with --owners. Each room is brought back
    as a whole or not at all; the first that can't be ends the command.
    """
    from ..exported import ExportedRooms

    left_out = count = 0
    with _source(path) as (name, source):
        exported = ExportedRooms(source, name)
        head, pieces = exported.next_room()
        with opened(data, settings, new=True) as store:  # not before it is sure there is a room
            try:
                while True:
                    called = room or head.room
                    whole = _only(exported, pieces) if room else pieces
                    whole = counted(whole, f"Importing {called}")
                    left_out += store.put(called, whole, replace=replace, owners=owners)
                    count += 1
                    if not exported.has_more:
                        break
                    head, pieces = exported.next_room()
            except DriftDBError:
                if count:
                    _tell(count, left_out, " before the one that can't be")
                raise
    _tell(count, left_out)


def _tell(count: int, left_out: int, where: str = "") -> None:
    """Say how many rooms were imported, unless it is the one that was asked for."""
    if count > 1 or where:
        put(f"Imported {number_of(count, 'room')}{where}.")
    if left_out:
        the_rooms, it = ("the room", "it") if count == 1 else ("the rooms", "them")
        put(
            f"Left out {number_of(left_out, 'record')} of who owns {the_rooms}; import {it} with"
            " --owners if you trust whoever wrote the file."
        )


def _only(exported: ExportedRooms, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Pass on the pieces of a room behind which there must be no other."""
    yield from pieces
    if exported.has_more:
        raise Misuse("expected one room to be called as --room says, got more than one")


@contextmanager
def _source(path: str | None) -> Iterator[tuple[str, BinaryIO]]:
    if path is None or path == "-":
        yield "the standard input", standard_input()
        return
    with open(path, "rb") as file:
        yield path, file
