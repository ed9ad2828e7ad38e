"""``driftdb delete``."""

from __future__ import annotations

from ...command.parameter import arguments
from ..configured import Settings
from ..status import Misuse, NoRooms
from ..stored import data_option, opened, rooms_command

__all__ = ["command"]


@rooms_command(
    examples="""
    driftdb delete lecture
    """,
)
@arguments("names", "ROOM …")
@data_option
def command(settings: Settings, names: tuple[str, ...], data: str) -> None:
    """Delete rooms, and tell everybody who is in one. This can't be undone.

    If there is no room of one of the names, none is deleted.
    """
    if not names:
        raise Misuse("expected the names of rooms, got none")
    with opened(data, settings) as store:
        there = {room.name for room in store.rooms()}
        if missing := [name for name in names if name not in there]:
            raise NoRooms(
                f"expected the name of a room, got {', '.join(map(repr, missing))}: there is none"
            )
        for name in dict.fromkeys(names):
            store.delete(name)
