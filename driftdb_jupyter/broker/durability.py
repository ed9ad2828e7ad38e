"""Durability: what an ack promises, and the broker that keeps the promise.

``memory``: it was applied. ``batched``: it was applied and committed to the journal, so that it
survives the death of this process. ``synced``: it is on the disk, and survives the machine's, too.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from typing import Literal, TypeAlias

from ..rooms.memory_budget import MemoryBudget
from ..rooms.quota import Quota
from ..rooms.window import WindowLimits
from .broker import Broker
from .file.journal import JournalUnusable
from .journaled.broker import JournalBroker
from .memory import MemoryBroker

__all__ = ["Durability", "open_broker"]

_log = logging.getLogger("driftdb_jupyter")

Durability: TypeAlias = 'Literal["memory", "batched", "synced"]'


def open_broker(
    path: str | None,
    *,
    durability: Durability = "batched",
    commit_interval_seconds: float = 0.01,
    room_limit: int = 100_000,
    disk_limit_bytes: int = 0,
    producer_limit: int = 10_000,
    quota: Quota | None = None,
    window_limits: WindowLimits | None = None,
    memory: MemoryBudget | None = None,
    allow_memory: bool = True,
) -> Broker:
    """Return the broker for a server's settings.

    Waits for the disk, so call it before there is a loop.

    ``path`` is the journal's file; without one, or with ``memory``, rooms are kept in memory. So
    they are where the journal can't be used, if ``allow_memory``: then the broker's ``trouble``
    says why, without the path, which the log has. Else :class:`~.journal.JournalUnusable` is
    raised. The file is left as it is. The other options: see :class:`~.journaled.JournalBroker`.
    """
    trouble = None
    if path is not None and durability != "memory":
        try:
            return JournalBroker(
                path,
                mode=durability,
                commit_interval_seconds=commit_interval_seconds,
                room_limit=room_limit,
                disk_limit_bytes=disk_limit_bytes,
                producer_limit=producer_limit,
                quota=quota,
                window_limits=window_limits,
                memory=memory,
            )
        except (JournalUnusable, sqlite3.Error, OSError) as error:
            reason = str(error)
            if not isinstance(error, JournalUnusable):
                said = getattr(error, "strerror", None) or error
                reason = f"the journal {path} can't be opened ({said})"
            if not allow_memory:
                raise JournalUnusable(reason) from None
            _log.error("Rooms are not kept: %s", reason)
            trouble = reason.replace(os.path.join(os.path.dirname(path), ""), "")
            trouble += "; until then rooms are kept in memory and end with the server"
    return MemoryBroker(
        room_limit=room_limit,
        producer_limit=producer_limit,
        quota=quota,
        window_limits=window_limits,
        memory=memory,
        trouble=trouble,
    )
