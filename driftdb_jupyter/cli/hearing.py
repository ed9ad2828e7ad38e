"""The pushes to some keys, as a command receives them."""

from __future__ import annotations

from collections.abc import Sequence

from ..client.room import Room
from ..client.session.bookmark import Bookmark
from ..client.session.log import Follower, Heard, Missed, StartedOver
from ..command.printing import check_pipe
from ..protocol.errors import NotConnected, Refusal
from .outage import Outage

__all__ = ["Hearing", "wait_for_any"]

_LOOK_SECONDS = 1.0


class Hearing:
    """Gives each push of a key once, however slowly :meth:`take` is called.

    If more came than is kept in memory, what the stream still holds is read again.
    """

    def __init__(self, room: Room, key: str, *, timeout_seconds: float) -> None:
        """Subscribe, and wait for the answer; raises as :meth:`.Connection.wait_ready` does."""
        self.key = key
        self._connection = room.connection
        self._follower = Follower()
        self._replica = self._connection.listen(
            key, self, keep=False, stamps=True, follower=self._follower
        )
        self._connection.wait_ready(self._replica, timeout_seconds)
        self._bookmark = Bookmark(skip=False)
        self._behind = False

    def __bool__(self) -> bool:
        """Return True if there is something to take."""
        return bool(self._follower)

    def take(self) -> list[Heard]:
        """Return what came since the last call; the first call returns what the stream holds."""
        news = self._follower.take()
        fresh: list[Heard] = []
        for each in news:
            if isinstance(each, Missed):
                self._behind = True
                self._connection.read_anew(self._replica)
            elif not self._behind or isinstance(each, StartedOver):
                self._behind = False
                picked, self._bookmark = self._bookmark.after(each)
                fresh += picked
        return fresh

    def deliver(self) -> None:
        """Do nothing when something came: :meth:`take` asks for it."""

    def has_news(self) -> bool:
        """Return False: nobody is told."""
        return False

    def refused(self, error: Refusal) -> None:
        """Do nothing: it writes nothing that could be refused."""


def wait_for_any(room: Room, hearings: Sequence[Hearing]) -> None:
    """Wait until there is something to take; say so if the room is away.

    Raises the connection's error if nothing will come any more, and :class:`BrokenPipeError` if
    the reader of the standard output has closed it.
    """
    connection = room.connection

    def decided() -> bool:
        return any(hearings) or connection.status in ("stopped", "closed")

    outage = Outage(connection)
    while not connection.wait_until(decided, _LOOK_SECONDS):
        check_pipe()
        outage.report()
    if not any(hearings):
        raise connection.error or NotConnected(f"the connection to {room.url} was closed")
