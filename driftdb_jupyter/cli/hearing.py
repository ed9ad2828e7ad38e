"""What is pushed under keys, as a command hears it."""

from __future__ import annotations

from collections.abc import Sequence

from ..client.bookmark import Bookmark
from ..client.log_replica import Heard, Missed, StartedOver
from ..client.room import Room
from ..protocol.errors import NotConnected, Refusal
from .terminal import check_pipe

__all__ = ["Hearing", "wait_for_any"]

_LOOK_SECONDS = 1.0


class Hearing:
    """Hears each push of a key once, however slowly it is asked.

    What a stream still holds is read again where too much came to remember it all.
    """

    def __init__(self, room: Room, key: str, *, timeout_seconds: float) -> None:
        """Wait for the room's answer; raises as :meth:`.Connection.wait_ready` does."""
        self.key = key
        self._connection = room.connection
        with self._connection.guard:  # so that nothing comes in between
            self._replica = self._connection.listen(key, self, keep=False, stamps=True)
            self._follower = self._replica.follow()
        self._connection.wait_ready(self._replica, timeout_seconds)
        self._bookmark = Bookmark(skip=False)
        self._behind = False

    def __bool__(self) -> bool:
        """Whether something came that was not taken."""
        return bool(self._follower)

    def take(self) -> list[Heard]:
        """Return what came since the last call; at first what the stream holds."""
        with self._connection.guard:
            news = self._follower.take()
        fresh: list[Heard] = []
        for each in news:
            if isinstance(each, Missed):
                self._behind = True
                self._connection.read_anew(self._replica)
            elif not self._behind or isinstance(each, StartedOver):
                self._behind = False
                fresh += self._bookmark.pick(each)
        return fresh

    def deliver(self) -> None:
        """Nothing: who hears asks (the callbacks call this)."""

    def refused(self, error: Refusal) -> None:
        """Nothing: nothing is written."""


def wait_for_any(room: Room, hearings: Sequence[Hearing]) -> None:
    """Wait until there is something to take; raises why nothing will come any more.

    Also where nobody reads any more what is printed: :class:`BrokenPipeError`.
    """
    connection = room.connection

    def decided() -> bool:
        return any(hearings) or connection.status in ("stopped", "closed")

    with connection.guard:
        while not connection.guard.wait_for(decided, _LOOK_SECONDS):
            check_pipe()
        if not any(hearings):
            raise connection.error or NotConnected(f"the connection to {room.url} was closed")
