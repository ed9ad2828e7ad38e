"""The exit statuses of the command (docs/cli.md, "How it ends")."""

from __future__ import annotations

from ..command.failure import BROKEN_PIPE, FAILED, INTERRUPTED, USAGE
from ..protocol.errors import (
    Conflict,
    DriftDBError,
    NoServer,
    NotConnected,
    RoomNotFound,
    TimedOut,
    Unreachable,
)

__all__ = [
    "BROKEN_PIPE",
    "CONFLICT",
    "FAILED",
    "INTERRUPTED",
    "NOTHING",
    "TERMINATED",
    "UNREACHED",
    "USAGE",
    "FileFailed",
    "KeyInUse",
    "Misuse",
    "NoRooms",
    "status_of",
]

NOTHING = 3
UNREACHED = 4
CONFLICT = 5
TERMINATED = 143


class Misuse(DriftDBError):
    """Arguments, or a setting of the environment, that make no sense."""


class FileFailed(DriftDBError):
    """A file or pipe of this machine that can't be read or written."""


class KeyInUse(DriftDBError):
    """A key that is in use as something else than the command would write."""


class NoRooms(DriftDBError):
    """There are no rooms where some were expected."""


def status_of(error: DriftDBError) -> int:
    """Return the exit status for an error."""
    if isinstance(error, Misuse):
        return USAGE
    if isinstance(error, Conflict):
        return CONFLICT
    if isinstance(error, (NoRooms, RoomNotFound)):
        return NOTHING
    if isinstance(error, (NoServer, NotConnected, TimedOut, Unreachable)):
        return UNREACHED
    return FAILED
