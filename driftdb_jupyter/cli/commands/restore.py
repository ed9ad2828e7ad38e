"""``driftdb restore``."""

from __future__ import annotations

from pathlib import Path

from ...command.parameter import arguments, one, option
from ...command.types import File
from ..configured import Settings
from ..progress import steps
from ..stored import data_option, opened, rooms_command
from ..terminal import put

__all__ = ["command"]


@rooms_command(
    examples="""
    driftdb restore --data ./rooms monday.db
    driftdb restore monday.db --replace
    """,
)
@arguments("path", "FILE", type=File(), callback=one("the file of one backup"))
@data_option
@option("--replace", is_flag=True, help="Replace rooms that have the same names.")
def command(settings: Settings, path: str, data: str, replace: bool) -> None:
    """Bring back all rooms of a backup, also while a server runs; other rooms stay.

    Every room begins a new epoch, so that its clients start over from what it holds.
    """
    from ..journal import journal_path, restore_file
    from ..store import running

    source = Path(path).absolute()
    journal = journal_path(data, new=True)
    with steps("Restoring rooms") as progress:
        if running(journal) is None and not journal.exists():
            done = restore_file(source, journal, progress=progress)
        else:
            with opened(data, settings) as store:
                done = store.restore(source, replace=replace, progress=progress)
    put(f"{done.rooms:,} rooms were restored, {done.replaced:,} of them in the place of others.")
    if done.left:
        put(f"{done.left:,} rooms that are not in the backup were left as they are.")
