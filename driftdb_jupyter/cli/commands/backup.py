"""``driftdb backup``."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

from ...command.parameter import arguments, one, option
from ...command.printing import put
from ...command.types import File
from ..amounts import number_of, size_of
from ..configured import Settings
from ..progress import steps
from ..status import Misuse
from ..stored import data_option, opened, rooms_command

__all__ = ["command"]


@rooms_command(
    examples="""
    driftdb backup /mnt/backups/
    driftdb backup --data ./rooms monday.db --replace
    """,
)
@arguments("path", "FILE", type=File(), callback=one("one file or folder"))
@data_option
@option("--replace", is_flag=True, help="Replace a file of that name.")
def command(settings: Settings, path: str, data: str, replace: bool) -> None:
    """Copy all rooms to a file, as they are at one moment, also while a server runs.

    In a folder the file is given a name with the time of day.
    """
    target = Path(path).absolute()
    if path.endswith(("/", os.sep)) and not target.is_dir():
        raise Misuse(
            f"expected a folder or a file to write to, got {path}: there is no such folder"
        )
    if target.is_dir():
        target /= f"rooms-{datetime.now():%Y-%m-%dT%H%M%S}.db"
    with opened(data, settings) as store, steps("Copying rooms") as progress:
        count = len(store.rooms())
        size = store.backup(target, replace=replace, progress=progress)
    put(f"{number_of(count, 'room')}, {size_of(size)}: {os.path.relpath(target)}")
