"""The status of a connection, as a state machine without I/O: whether to connect, and when."""

from __future__ import annotations

from typing import Literal

from ...protocol.errors import DriftDBError, Forbidden, RoomNotFound, TooLarge
from ..transport.backoff import Backoff

__all__ = ["Status", "Supervisor"]

Status = Literal["connecting", "connected", "reconnecting", "stopped", "closed"]


class Supervisor:
    """The status of a connection, and how long to wait before the next attempt.

    ::

        connecting ──opened──▶ connected ──ended──▶ reconnecting ──(delay)──▶ opened …
             └──────ended──▶ stopped ──asked──▶ connecting
        anything ──close──▶ closed

    An attempt that failed is the last until somebody asks for another where none ever went well,
    where the server refused (permission, room, length), and after ``fault_limit_count`` faults of
    the client itself in a row.
    """

    fault_limit_count = 5
    healthy_seconds = 60.0
    """A connection that lasted so long was no attempt in a row of faults."""

    def __init__(self, backoff: Backoff | None = None) -> None:
        self.status: Status = "connecting"
        self.error: DriftDBError | None = None
        self.backoff = backoff or Backoff()
        self._ever_opened = False
        self._faults = 0

    def opened(self) -> None:
        """Note that there is a connection."""
        self._ever_opened = True
        self._set("connected", None)

    def answered(self) -> None:
        """Note that the server answered: the next delay is a short one."""
        self.backoff.reset()

    def ended(
        self, error: DriftDBError | None, *, fault: bool = False, lasted_seconds: float = 0
    ) -> float | None:
        """Note that an attempt or a connection ended; returns the seconds until the next attempt.

        ``None``: not before somebody asks. ``error`` says why, if there is something to say;
        ``fault``: it is one of the client itself.
        """
        if not fault or lasted_seconds >= self.healthy_seconds:
            self._faults = 0
        self._faults += fault
        final = (
            isinstance(error, (Forbidden, RoomNotFound, TooLarge))
            or not (self._ever_opened or fault)
            or self._faults >= self.fault_limit_count
        )
        if final:
            self._faults = 0
        self._set("stopped" if final else "reconnecting", error)
        return None if final else self.backoff.next_delay()

    def asked(self) -> bool:
        """Note that somebody asks for an attempt; False where there is nothing to try."""
        if self.status == "stopped":
            self._set("connecting", None)
            return True
        return self.status == "reconnecting"

    def close(self) -> None:
        """Close for good."""
        self.status, self.error = "closed", None

    def forked(self) -> None:
        """Start over in a forked child, unless it is closed."""
        self._ever_opened, self._faults = False, 0
        self._set("connecting", None)

    def _set(self, status: Status, error: DriftDBError | None) -> None:
        if self.status != "closed":
            self.status, self.error = status, error
