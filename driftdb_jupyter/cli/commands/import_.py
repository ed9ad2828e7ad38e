"""``driftdb import``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from typing import BinaryIO

from ...command.parameter import arguments, at_most_one, option
from ...command.types import File
from ..configured import Settings
from ..progress import counted
from ..status import FileFailed
from ..stored import data_option, opened, rooms_command
from ..subcommand import standard_input

__all__ = ["command"]


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
def command(settings: Settings, path: str | None, data: str, room: str, replace: bool) -> None:
    """Bring back a room that was exported, from a file or from the standard input."""
    from ...rooms.dump import read_head

    with _source(path) as (name, source):
        lines = _lines(source, name)
        first = next(lines, b"")
        head = read_head(first)
        room = room or head.room
        with opened(data, settings, new=True) as store:  # not before it is sure there is a room
            pieces = counted(chain([first], lines), f"Importing {room}")
            store.put(room, pieces, replace=replace)


@contextmanager
def _source(path: str | None) -> Iterator[tuple[str, BinaryIO]]:
    if path is None or path == "-":
        yield "the standard input", standard_input()
        return
    with open(path, "rb") as file:
        yield path, file


def _lines(source: BinaryIO, name: str) -> Iterator[bytes]:
    try:
        yield from source
    except OSError as error:
        raise FileFailed(f"can't read {name}: {error.strerror}") from None
