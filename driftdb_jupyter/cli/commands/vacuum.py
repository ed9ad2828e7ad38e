"""``driftdb vacuum``."""

from __future__ import annotations

from ...command.printing import put
from ..amounts import size_of
from ..configured import Settings
from ..progress import working
from ..stored import data_option, opened, rooms_command

__all__ = ["command"]


@rooms_command()
@data_option
def command(settings: Settings, data: str) -> None:
    """Give the space of deleted rooms and values back to the disk."""
    with opened(data, settings) as store:
        with working("Giving space back"):
            size = store.vacuum()
        put(f"Gave {size_of(size)} back to the disk.")
