"""A copy of the rooms in Redis, in a file as servers without Redis keep them."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Sequence
from tempfile import TemporaryDirectory

from ...protocol.errors import Unavailable
from ...rooms.room import Room
from ..journaled.broker import JournalBroker

__all__ = ["write_backup"]


async def write_backup(
    target: str,
    names: Sequence[str],
    read: Callable[[str], Awaitable[Room | None]],
    *,
    progress: Callable[[int, int], None],
) -> int:
    """Write rooms to a file, each as it is when its turn comes; returns the file's size in bytes.

    ``read`` returns a room that nobody else has, ``None`` for one that is no more. ``progress`` is
    called with the number of rooms that are written, and of all. The file is there whole, or not at
    all. Raises :class:`Unavailable`, and what ``read`` raises.
    """
    folder = os.path.dirname(os.path.abspath(target))
    try:
        with TemporaryDirectory(prefix=".driftdb-", dir=folder) as aside:
            copy = JournalBroker(os.path.join(aside, "rooms.db"), room_limit=len(names) + 1)
            try:
                for done, name in enumerate(names, 1):
                    room = await read(name)
                    if room is not None:
                        await copy.restore(name, room)
                    progress(done, len(names))
                return await copy.backup(target, progress=lambda done, total: None)
            finally:
                await copy.close()
    except OSError as error:
        said = error.strerror or error
        raise Unavailable(f"the copy {target} can't be written ({said})") from error
