"""``driftdb restore``."""

from __future__ import annotations

from pathlib import Path

from ...command.parameter import arguments, one, option
from ...command.printing import put
from ...command.types import File
from ..amounts import number_of
from ..configured import Settings
from ..progress import steps
from ..status import FileFailed
from ..stored import data_option, in_redis, opened, rooms_command

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
    if not source.exists():
        raise FileFailed(f"expected the file of a backup, got {path}: there is no such file")
    journal = None if in_redis(data, settings) else journal_path(data, new=True)
    with steps("Restoring rooms") as progress:
        if journal is not None and running(journal) is None and not journal.exists():
            done = restore_file(source, journal, progress=progress)
        else:
            with opened(data, settings) as store:
                done = store.restore(source, replace=replace, progress=progress)
    put(f"Restored {number_of(done.rooms, 'room')}, {done.replaced:,} in the place of others.")
    if done.left:
        it, they = ("it was", "it") if done.left == 1 else ("they were", "them")
        put(f"Left {number_of(done.left, 'room')} as {it}: the backup doesn't have {they}.")
