"""The notice that the room is away."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ..command.printing import say
from ..protocol.errors import NotConnected

if TYPE_CHECKING:
    from ..client.connection.connection import Connection

__all__ = ["Outage"]

_MOMENT_SECONDS = 1.0
"""Outages up to this long are not reported."""


class Outage:
    """Says once for each outage that a command waits for the room."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._has_said = False

    def report(self, *, at_once: bool = False) -> None:
        """Say that the room is away, if it is: after a moment, or ``at_once``."""
        since = self._connection.offline_since
        if since is None:
            self._has_said = False
        elif not self._has_said and (at_once or time.time() - since > _MOMENT_SECONDS):
            self._has_said = True
            why = self._connection.error or NotConnected("the connection was lost; trying again")
            say(f"waiting for the room: {why.plain}")
