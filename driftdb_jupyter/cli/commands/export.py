"""``driftdb export``."""

from __future__ import annotations

from contextlib import suppress

from ...command.parameter import arguments
from ...command.printing import put_pieces
from ...protocol.errors import RoomNotFound
from ..configured import Settings
from ..progress import counted
from ..stored import data_option, opened, rooms_command

__all__ = ["command"]


@rooms_command(
    examples="""
    driftdb export lecture > lecture.jsonl
    driftdb export lecture | gzip > lecture.jsonl.gz
    driftdb export --data ./rooms lecture | driftdb import --data ./others
    driftdb export --data ./rooms | driftdb import --owners --redis redis://127.0.0.1
    """,
)
@arguments("names", "[ROOM …]")
@data_option
def command(settings: Settings, names: tuple[str, ...], data: str) -> None:
    """Write rooms to the standard output, as JSON Lines; without a name all of them."""
    with opened(data, settings) as store:
        for name in dict.fromkeys(names):
            put_pieces(counted(store.export(name), f"Exporting {name}"))
        for room in [] if names else store.rooms():
            with suppress(RoomNotFound):  # it was deleted meanwhile
                put_pieces(counted(store.export(room.name), f"Exporting {room.name}"))
