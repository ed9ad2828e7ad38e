"""The notices that replicas give their session.

Changes, turns to write, and requests to ask again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ...protocol.errors import Refusal

__all__ = ["Event", "Notices"]


class Event(NamedTuple):
    """The effect of a frame or a write: the key's replica changed, unless ``error`` is set.

    ``key`` is ``None`` where the server refused a message that wasn't a push of ours;
    ``presence`` where it is who is there that changed.
    """

    key: str | None
    error: Refusal | None = None
    presence: bool = False


class Notices:
    """Collects what the replicas of a session report, until the session looks at it.

    Replicas are named by their keys, so that one that was forgotten meanwhile does no harm.
    """

    def __init__(self, *, page: int) -> None:
        self.page = page
        """The number of values that a replica asks for at once."""
        self.outbox: list[bytes] = []
        """Frames to send on the connection that is open now."""
        self._touched: dict[str, None] = {}  # in the order of their writes
        self._overtaken: dict[str, None] = {}
        self._restores: dict[Callable[[], object], None] = {}
        self._events: dict[Event, None] = {}
        self._touched_last: str | None = None  # since both were looked at

    # What replicas call.

    def touched(self, key: str) -> None:
        """Note that a key's replica changed, and may have something to send."""
        if self._touched_last is not key:
            self._touched_last = key
            self._touched[key] = None
            self._events[Event(key)] = None

    def overtaken(self, key: str) -> None:
        """Note that updates of a state have to be made again."""
        self._overtaken[key] = None

    def restore(self, restore: Callable[[], object]) -> None:
        """Have a follower offer what the room forgot."""
        self._restores[restore] = None

    def presence_touched(self, key: str) -> None:
        """Note that the people present changed, or that there is something to send."""
        self._events[Event(key, presence=True)] = None

    def ask(self, frame: bytes) -> None:
        """Send a ``get`` on the open connection; a new connection asks anyway."""
        self.outbox.append(frame)

    # What the session calls.

    def emit(self, event: Event) -> None:
        """Note an event."""
        self._events[event] = None

    def take_touched(self) -> list[str]:
        """Return the keys that may have something to send, once."""
        touched, self._touched, self._touched_last = self._touched, {}, None
        return list(touched)

    def take_overtaken(self) -> list[str]:
        """Return the keys whose updates have to be made again, once."""
        overtaken, self._overtaken = self._overtaken, {}
        return list(overtaken)

    def take_restores(self) -> list[Callable[[], object]]:
        """Return the calls that offer what the room forgot, once."""
        restores, self._restores = self._restores, {}
        return list(restores)

    def take_events(self) -> list[Event]:
        """Return what happened since the last call, each change of a key once."""
        events, self._events, self._touched_last = self._events, {}, None
        return list(events)

    def forget_events(self) -> None:
        """Drop what happened: nobody is there to hear it."""
        self._events, self._touched_last = {}, None

    def forget_touched(self) -> None:
        """Drop what was to be sent."""
        self._touched, self._touched_last = {}, None
