"""A state as one client sees it: the room's value under the client's own newest write."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..protocol.errors import Refusal, TooLarge
from .form import meant, written
from .replica import Replica

if TYPE_CHECKING:
    from .frames import Value
    from .session import Session

__all__ = ["StateReplica"]


class StateReplica(Replica):
    """The value of one key; made by :meth:`.session.Session.state`. All values are JSON text.

    The value shown is the newest own write that isn't acknowledged yet, else the room's, else the
    last that the room held before it forgot, else the initial one. At most one write is in
    flight, and a newer one replaces the one that waits behind it: so others see a smooth stream
    at the pace of the round trip that always ends with the last value, and the own value never
    jumps back while a write is under way. After the ack the room's value shows, so that all
    replicas end equal.
    """

    def __init__(self, session: Session, key: str) -> None:
        super().__init__(session, key)
        self.initial: bytes | None = None
        self.confirmed: bytes | None = None
        self.shown: bytes | None = None
        """The value shown; a single attribute, so that any thread may read it at any time."""
        self._lost: bytes | None = None  # what the room held in an epoch that has gone
        self._queued: bytes | None = None
        self._written: bytes | None = None  # in flight, with its id
        self._written_id = 0
        self._offer_id = 0
        self._untakable: bytes | None = None  # an initial value that is too large for the server

    @property
    def settled(self) -> bool:
        """Whether nothing is under way: every own push was acknowledged."""
        return self._queued is None and self._written is None and not self._offer_id

    @property
    def waiting(self) -> int:
        """How many own writes were not even pushed."""
        return int(self._queued is not None)

    def write(self, value: bytes) -> bool:
        """Show a value, and send it as soon as possible; False where that would change nothing.

        Raises :class:`~driftdb_jupyter.protocol.errors.TooLarge`.
        """
        pending = self._written if self._queued is None else self._queued
        if value == (self.confirmed if pending is None and self.current else pending):
            return False
        self._session.check_size(self.key, written(value))
        self._queued = value
        self._settle()
        return True

    def offer(self, initial: bytes) -> None:
        """Take an initial value, if there is none yet: shown, and written, where the room has none.

        Raises :class:`~driftdb_jupyter.protocol.errors.TooLarge`.
        """
        if self.initial is None:
            self._session.check_size(self.key, written(initial))
            self.initial = initial
            self._settle()
            self._offer_if_empty()

    # What the session calls.

    def next_write(self) -> None:
        """Send the write that waits, if none is in flight."""
        if self._queued is not None and self._written is None and not self._offer_id:
            self._written, self._queued = self._queued, None
            self._written_id = self._session.push(self, written(self._written), action="replace")

    def acknowledged(self, push_id: int) -> None:
        """The room took an own push, and the broadcast of it has come already."""
        self._done(push_id)

    def refused(self, push_id: int, error: Refusal) -> None:
        """The room didn't take an own push."""
        if push_id == self._offer_id and isinstance(error, TooLarge):
            self._untakable = self.initial if self._lost is None else self._lost
        self._done(push_id)

    def disconnected(self) -> None:
        """The connection is gone. An offer goes with it: the next ``init`` decides anew."""
        super().disconnected()
        self._offer_id = 0

    def forked(self) -> None:
        """Drop the writes under way: in a fork they are its parent's to send."""
        super().forked()
        self._queued = self._written = None
        self._written_id = 0
        self._settle()

    def _started_over(self, values: list[Value], *, same_epoch: bool) -> None:
        if values:
            self._confirm(meant(bytes(values[-1].value)))
        elif same_epoch:
            self.confirmed = self._lost = None
        else:
            # The room forgot: what it held is offered anew (protocol, "What the shared objects
            # write").
            if self.confirmed is not None:
                self._lost = self.confirmed
            self.confirmed = None

    def _caught_up(self) -> None:
        self._settle()
        self._offer_if_empty()

    def _heard(self, value: bytes, seq: int) -> None:
        self._confirm(meant(value))

    def _emptied(self) -> None:
        self.confirmed = self._lost = None
        self._settle()
        self._offer_if_empty()

    def _offer_if_empty(self) -> None:
        offered = self.initial if self._lost is None else self._lost
        missing = self.current and self.confirmed is None and self.settled
        if missing and offered is not None and offered != self._untakable:
            self._offer_id = self._session.push(self, written(offered), action="replace", if_seq=0)

    def _done(self, push_id: int) -> None:
        if push_id == self._written_id:
            self._written, self._written_id = None, 0
        elif push_id == self._offer_id:
            self._offer_id = 0
        self._settle()

    def _confirm(self, value: bytes) -> None:
        self.confirmed, self._lost = value, None
        self._settle()

    def _settle(self) -> None:
        known = (self._queued, self._written, self.confirmed, self._lost, self.initial)
        self.shown = next((value for value in known if value is not None), None)
        self._session.touched(self)
