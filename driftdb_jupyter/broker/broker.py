"""What a broker does: it gives each room its order, and keeps it.

The hub and the handlers know nothing else of it, so that a journal or Redis can stand behind
the same words. A broker is free to answer later, but it answers in order: what one room's
sequencer was given first, it broadcasts and answers first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ..protocol.entry import Author
from ..protocol.errors import Refusal
from ..protocol.messages import Push
from ..protocol.value import Value
from ..rooms.room import Applied, Room

__all__ = ["Audience", "Broker", "Pusher", "Sequencer"]


class Pusher(Protocol):
    """Who pushed: it alone hears what became of its push."""

    @property
    def client(self) -> str | None:
        """The client's secret, ``None`` where it connected without one."""

    @property
    def author(self) -> Author | None:
        """The client as others see it, ``None`` where it has no name."""

    def answer(self, push: Push, outcome: Applied | Refusal) -> None:
        """Hear what became of a push, after its broadcast."""


class Audience(Protocol):
    """Everybody in a room who is connected to this process."""

    def broadcast(self, applied: Applied) -> None:
        """Hear of a push that was applied, in the room's order."""


class Sequencer(Protocol):
    """The authority over the order of one room."""

    @property
    def room(self) -> Room:
        """The room after all that was broadcast, and nothing else."""

    def push(self, push: Push, values: Sequence[Value], pusher: Pusher) -> None:
        """Give a push its place; the room's audience and the pusher hear what came of it."""


class Broker(Protocol):
    """All rooms of a server, or of several that share them."""

    async def create(self, name: str) -> None:
        """Make an empty room of that name, unless there is one.

        Raises :class:`~..protocol.errors.QuotaExceeded` where no more rooms are allowed.
        """

    async def open(self, name: str, audience: Audience) -> Sequencer | None:
        """Take part in a room; ``None`` where there is no room of that name."""

    async def close(self) -> None:
        """Keep what is to be kept, and end."""
