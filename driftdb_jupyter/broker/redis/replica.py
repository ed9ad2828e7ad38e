"""A room as one server has it: what the entries of its log make of it, applied in their order.

No I/O: whoever has entries gives them to :meth:`Replica.take`, in any order and any number of
times, and reads the log again where one is missing.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from weakref import WeakValueDictionary

from msgspec import Struct

from ...protocol.entry import Author
from ...protocol.errors import Refusal
from ...protocol.messages import Push
from ...protocol.value import Value
from ...rooms.room import Applied, Room
from .record import (
    AccessChanged,
    Begun,
    Bounds,
    ClientsForgotten,
    ClientsSeen,
    Person,
    Pushes,
    Record,
    decode_body,
)
from .snapshot import Head

__all__ = ["Gathered", "HistoryLost", "Replica"]

# Of the server's memory no replica may know: all decide alike.
_UNLIMITED = 2**62
# How many entries may wait for one that is missing; beyond them it is read from the log, with them.
_AHEAD_LIMIT = 1024
_MICROSECONDS = 1_000_000


class HistoryLost(Exception):
    """Redis has another history of the room than was applied here."""


class Gathered(Struct, gc=False):
    """A push of this server, with who sent it when it came."""

    push: Push
    values: Sequence[Value]
    client: str | None
    author: Author | None


class Replica(ABC):
    """A room after an entry of its log, and the entries that it is to be given next.

    ``number``, ``time``: of the newest entry that was applied. ``seen``: when each client pushed
    with an id last, in the order of that; in microseconds since 1970. ``log_bytes``: how long the
    entries were together that were applied since the newest snapshot that it knows of.
    """

    def __init__(self, room: Room, bounds: Bounds) -> None:
        self.room = room
        self.bounds = bounds
        self.number = 0
        self.time = 0
        self.seen: dict[str, int] = {}
        self.log_bytes = 0
        self._ahead: dict[int, Record] = {}
        self._authors: WeakValueDictionary[Person, Author] = WeakValueDictionary()

    @property
    def is_behind(self) -> bool:
        """Whether an entry is missing, before others that have come."""
        return bool(self._ahead)

    def head(self) -> Head:
        """Return where it is, as a snapshot begins."""
        room = self.room
        return Head(self.number, self.time, room.epoch, room.seq, room.newest_relay, self.bounds)

    def begin_at(self, head: Head, seen: dict[str, int]) -> None:
        """Go on from a snapshot, of which the room was made."""
        self.number, self.time, self.bounds = head.number, head.time, head.bounds
        self.seen = dict(sorted(seen.items(), key=lambda item: item[1]))

    def take(self, record: Record) -> None:
        """Apply an entry, once, and as soon as all before it were.

        Raises :class:`HistoryLost`, and :class:`msgspec.MsgspecError` for one that can't be read.
        """
        if record.number <= self.number:
            if record.number == self.number and record.time != self.time:
                raise HistoryLost
            return
        if record.number > self.number + 1:
            if len(self._ahead) < _AHEAD_LIMIT:
                self._ahead[record.number] = record
            return
        self._apply(record)
        while self._ahead:
            waiting = self._ahead.pop(self.number + 1, None)
            if waiting is None:
                break
            self._apply(waiting)

    def _apply(self, record: Record) -> None:
        if record.before != self.time:
            raise HistoryLost
        self.number, self.time = record.number, record.time
        self.log_bytes += len(record.body)
        if self._apply_own(record):
            return
        body = decode_body(record)
        if isinstance(body, Pushes):
            authors = [self._author(person) for person in body.people]
            for pushed in body.pushes:
                push, values = pushed.push()
                client = body.people[pushed.who][0]
                self._apply_push(Gathered(push, values, client, authors[pushed.who]))
        elif isinstance(body, Begun):
            self._begin(body)
        elif isinstance(body, AccessChanged):
            self._change_access(body)
        elif isinstance(body, ClientsForgotten):
            self._forget(body.clients)
        elif isinstance(body, ClientsSeen):
            self._see(body.clients)

    def _apply_push(self, gathered: Gathered) -> Applied | Refusal:
        """Apply a push, let the audience hear of it, and return what became of it."""
        push, client = gathered.push, gathered.client
        try:
            applied = self.room.apply(
                push,
                gathered.values,
                client=client,
                author=gathered.author,
                now=self.time / _MICROSECONDS,
                free_bytes=_UNLIMITED,
            )
        except Refusal as refusal:
            return refusal.with_traceback(None)
        if push.id is not None and client is not None:
            self.seen.pop(client, None)
            self.seen[client] = self.time
        self._broadcast(applied)
        return applied

    def _forget(self, clients: Sequence[str]) -> None:
        for client in clients:
            self.room.producers.forget(client)
            self.seen.pop(client, None)

    def _see(self, clients: Sequence[str]) -> None:
        for client in clients:
            if self.seen.pop(client, None) is not None:
                self.seen[client] = self.time

    def _begin(self, begun: Begun) -> None:
        self.bounds = begun.bounds
        self.room.quota = begun.bounds.quota
        if begun.epoch is not None:
            self.room.epoch = begun.epoch

    def _change_access(self, changed: AccessChanged) -> None:
        self.room.note_access({(kind, name): content for kind, name, content in changed.records})

    def _author(self, person: Person) -> Author | None:
        _, client, user = person
        if client is None:
            return None
        author = self._authors.get(person)
        if author is None:
            author = Author(client, None if user is None else Value.from_json(user))
            self._authors[person] = author
        return author

    @abstractmethod
    def _apply_own(self, record: Record) -> bool:
        """Apply an entry whose pushes came to this server; returns whether it is one."""

    @abstractmethod
    def _broadcast(self, applied: Applied) -> None:
        """Let the audience hear of a push."""
