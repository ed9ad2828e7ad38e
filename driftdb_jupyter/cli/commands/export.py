"""``driftdb export``."""

from __future__ import annotations

from ...command.parameter import arguments, one
from ...command.printing import put_pieces
from ..configured import Settings
from ..progress import counted
from ..stored import data_option, opened, rooms_command

__all__ = ["command"]


@rooms_command(
    examples="""
    driftdb export lecture > lecture.jsonl
    driftdb export lecture | gzip > lecture.jsonl.gz
    driftdb export --data ./rooms lecture | driftdb import --data ./others
    """,
)
@arguments("name", "ROOM", callback=one("the name of one room"))
@data_option
def command(settings: Settings, name: str, data: str) -> None:
    """Write a room to the standard output, as JSON Lines."""
    with opened(data, settings) as store:
        put_pieces(counted(store.export(name), f"Exporting {name}"))
