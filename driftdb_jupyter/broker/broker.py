"""The interface of a broker, which gives each room its order, and keeps it.

The hub and the handlers know nothing else of it, so that a journal or Redis can stand behind
the same words. A broker is free to answer later, but it answers in order: what one room's
sequencer was given first, it broadcasts and answers first.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from msgspec import Struct

from ..access.room_access import NO_CHANGE, Change, RoomAccess
from ..protocol.entry import Author
from ..protocol.errors import Refusal
from ..protocol.messages import Push
from ..protocol.value import Value
from ..rooms.memory_budget import MemoryBudget
from ..rooms.presence import PresenceLimits
from ..rooms.room import Applied, Room
from .presence import PresenceAudience, PresenceManager
from .shared import SharedStore

__all__ = ["NOBODY", "Audience", "Broker", "Commits", "Pusher", "RoomSummary", "Sequencer"]


class Pusher(Protocol):
    """The sender of a push, which alone hears what became of it."""

    @property
    def client(self) -> str | None:
        """The digest of the client's secret, ``None`` where it connected without one."""

    @property
    def author(self) -> Author | None:
        """The client as others see it, ``None`` where it has no name."""

    @property
    def hears_all(self) -> bool:
        """Whether :meth:`answer` must be called for every push.

        Otherwise the sequencer skips the call for a push without an id that is applied at once and
        leaves at most one value in its stream: most pushes are such, and needn't cost a call.
        """

    def answer(self, push: Push, outcome: Applied | Refusal) -> None:
        """Hear what became of a push, after its broadcast."""


class Audience(Protocol):
    """The connections to a room that this process has.

    It hears of every change in the room's order, and of who may do what. After any of the last
    three events it hears no more, and its sequencer takes no more pushes: whoever wants the room
    has to open it again.
    """

    def broadcast(self, applied: Applied) -> None:
        """Pass on a push that was applied.

        Raises nothing: if it can't be passed on to some, they are closed, and resume.
        """

    def access_changed(self) -> None:
        """Note that others may do other things in the room now.

        Raises nothing.
        """

    def deleted(self) -> None:
        """Note that the room was deleted."""

    def reset(self) -> None:
        """Another room, in another epoch, has taken the place of this one."""

    def out_of_service(self) -> None:
        """Note that a fault keeps the room from being kept; what it took last may be lost."""


class _Nobody:
    """The audience of a room in which nobody takes part."""

    def broadcast(self, applied: Applied) -> None:
        pass

    def access_changed(self) -> None:
        pass

    def deleted(self) -> None:
        pass

    def reset(self) -> None:
        pass

    def out_of_service(self) -> None:
        pass


NOBODY: Audience = _Nobody()


class Sequencer(Protocol):
    """The authority over the order of one room."""

    @property
    def room(self) -> Room:
        """The room after all that was broadcast, and nothing else."""

    @property
    def reads_wait(self) -> bool:
        """Whether what a connection reads waits until all that it pushed before is answered."""

    def behind(self, epoch: str, seq: int) -> Awaitable[bool] | None:
        """Return what to wait for where a client knows more than the room here; else ``None``.

        ``epoch``, ``seq``: up to which number of which epoch the client knows a key. The result is
        False where the room knows no more afterwards: nobody does.
        """

    def push(self, push: Push, values: Sequence[Value], pusher: Pusher) -> bool:
        """Give a push its place; the room's audience and the pusher hear what came of it.

        Returns whether the pusher is answered later: the push waits until then.
        """

    def joined(self, client: str) -> None:
        """Note that a client has opened a connection.

        While it is there its pushes are remembered.
        """

    def left(self, client: str) -> None:
        """Note that a client has closed a connection.

        From now on its pushes are remembered for a time.
        """


class RoomSummary(Struct, gc=False):
    """The facts about a room that can be told without opening it.

    ``seq``: the newest sequence number. ``keys``: how many streams hold something, and ``bytes``
    what their values take. ``used_at``: when somebody last took part, in seconds since 1970.
    """

    name: str
    seq: int
    keys: int
    bytes: int
    used_at: float


class Commits(Struct, gc=False):
    """Counts of a journal's commits since its server has started.

    ``failures`` of them went wrong; ``seconds`` they took together, ``last_seconds`` the last one.
    """

    count: int = 0
    failures: int = 0
    seconds: float = 0.0
    last_seconds: float = 0.0


class Broker(Protocol):
    """All rooms of a server, or of several that share them.

    ``memory``: what the server may hold, rooms and all else. ``commits``: those to its journal.
    """

    memory: MemoryBudget

    @property
    def commits(self) -> Commits:
        """The counts of the journal's commits; all 0 without one."""

    @property
    def keeps(self) -> bool:
        """Whether rooms are kept elsewhere: they outlive the server, and can leave its memory."""

    @property
    def journal(self) -> str | None:
        """The path of the file that keeps the rooms, ``None`` where none does."""

    @property
    def shared(self) -> SharedStore | None:
        """What other servers share with this one beside rooms; ``None`` where there are none."""

    @property
    def trouble(self) -> str | None:
        """The reason why the broker can't do all that it promises, as text; else ``None``."""

    @property
    def warning(self) -> str | None:
        """What should be set otherwise, though all is well as yet, as text; else ``None``."""

    def look(self) -> None:
        """Begin to find out whether rooms can still be kept; ``trouble`` tells what was found.

        To be called every second or so, for where nobody writes nothing else would notice.
        """

    async def has(self, name: str) -> bool:
        """Return True if there is a room of that name; doesn't load it.

        Raises :class:`~..protocol.errors.Unavailable` where that can't be read.
        """

    async def create(self, name: str) -> None:
        """Make an empty room of that name, unless there is one.

        Raises :class:`~..protocol.errors.QuotaExceeded` where no more rooms are allowed, and
        :class:`~..protocol.errors.Unavailable` where none can be made at the moment: then none is.
        """

    async def access(self, name: str) -> RoomAccess | None:
        """Return who may do what in a room, ``None`` where there is no such room.

        Doesn't load it; not to be changed. Raises :class:`~..protocol.errors.Unavailable` where
        that can't be read.
        """

    async def change_access(
        self, name: str, change: Change, *, expected: Change = NO_CHANGE
    ) -> bool:
        """Change who may do what in a room, and tell whether there is one.

        ``expected``: records that have to be so, for what was read may be another by now; else
        :class:`~..access.room_access.OutOfDate` is raised, and :meth:`access` tells the new ones.
        Its audience hears, unless all that changes is who came in by a link. It is kept when this
        returns. Raises :class:`~..protocol.errors.BadMessage` for a policy that can't be read,
        :class:`~..protocol.errors.QuotaExceeded` where the records would take more than they may,
        or more memory than is free, and :class:`~..protocol.errors.Unavailable` where they can't be
        written: then nothing has changed.
        """

    async def open(self, name: str, audience: Audience) -> Sequencer | None:
        """Take part in a room; ``None`` where there is no room of that name.

        A room has one audience, until :meth:`leave` or an event that ends it. Raises
        :class:`~..protocol.errors.Unavailable` where the room can't be had at the moment.
        """

    def presence(
        self, name: str, audience: PresenceAudience, *, limits: PresenceLimits, grace_seconds: float
    ) -> PresenceManager:
        """Return what knows who is there in a room, for a process that is about to open it.

        ``audience`` hears of every change, wherever it was made. ``grace_seconds``: how long a
        client that left is still shown.
        """

    async def leave(self, name: str) -> None:
        """Take part no more: a room that is kept elsewhere may leave memory."""

    async def restore(self, name: str, room: Room) -> None:
        """Take a whole room, under a name that no other has.

        Raises :class:`~..protocol.errors.BadMessage` where another has it, and as :meth:`create`.
        """

    async def replace(self, name: str, room: Room) -> None:
        """Take a whole room, in the place of the one that has the name, if any: both or neither.

        The audience of the other room hears :meth:`Audience.reset`. Raises as :meth:`create`: then
        the other room is as it was, and its audience too.
        """

    async def delete(self, name: str) -> bool:
        """Forget a room, and tell whether there was one; its audience hears of it.

        Raises :class:`~..protocol.errors.Unavailable` where that can't be written: then nothing
        has changed.
        """

    async def expire(self, *, room_seconds: float, client_seconds: float) -> list[str]:
        """Forget what has not been used for that long; returns the names of rooms deleted.

        Rooms in which nobody takes part nor did for ``room_seconds`` (0: none), and the pushes of
        clients that were gone for ``client_seconds``. Only time in which a server ran counts.
        """

    async def summaries(self) -> list[RoomSummary]:
        """All rooms, by name."""

    async def vacuum(self) -> int:
        """Give the disk back what deleted values took; returns how many bytes that was."""

    async def check(self) -> list[str]:
        """Describe what is damaged in the kept data; empty if nothing is."""

    async def backup(self, target: str, *, progress: Callable[[int, int], None]) -> int:
        """Copy all rooms, as they are at one moment, to a file of that path; returns its bytes.

        ``progress`` is called on any thread with how much is done of how much.
        Raises :class:`~..protocol.errors.BadMessage` where rooms are in memory alone, and
        :class:`~..protocol.errors.Unavailable` where the file can't be written: then it isn't
        there.
        """

    async def close(self) -> None:
        """Keep what is to be kept, and end."""
