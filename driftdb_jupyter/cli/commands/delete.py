"""``driftdb delete``."""

from __future__ import annotations

from ...command.parameter import arguments
from ..configured import Settings
from ..status import Misuse
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
    """Delete rooms, and tell everybody who is in one. This can't be undone."""
    if not names:
        raise Misuse("expected the names of rooms, got none")
    with opened(data, settings) as store:
        for name in names:
            store.delete(name)
