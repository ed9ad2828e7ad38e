"""A room that a journal keeps: what both ways of keeping it have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from itertools import count
from typing import Protocol

from ..protocol.entry import Author
from ..protocol.errors import Refusal
from ..protocol.messages import Push
from ..protocol.value import Value
from ..rooms.producer import Producers
from ..rooms.room import Applied, Room
from .batch import Batch, Draft
from .broker import Audience, Pusher
from .journal import Loaded, ProducerRow

__all__ = ["Answers", "Keeper", "KeptRoom"]

# Relays' ids are written along with what else is; so many of a client are reason enough.
_MANY_RUNS = 512


class Keeper(Protocol):
    """What a kept room needs of its broker."""

    producer_ids: count[int]

    @property
    def failing(self) -> str | None:
        """Why nothing can be written at the moment, in words; else ``None``."""

    def clock(self) -> float:
        """Seconds since 1970."""

    def want_commit(self, room: KeptRoom, *, urgent: bool) -> None:
        """Write the room's draft soon, and at once where somebody waits (``urgent``)."""


class KeptRoom:
    """The sequencer of a room that is written.

    ``in_use``: whether somebody takes part. ``dirty``: whether the broker knows that there is
    something to write or somebody to answer; ``deleted``: whether the room is no more. Both are the
    broker's own.
    """

    def __init__(self, name: str, loaded: Loaded, keeper: Keeper, *, epoch: str) -> None:
        self.name = name
        self.number = loaded.id
        self.room = loaded.room
        self.room.epoch = epoch
        self.in_use = False
        self.dirty = False
        self.deleted = False
        self.audience: Audience
        self._keeper = keeper
        self._stored_epoch = loaded.epoch
        self._draft = Draft()
        self._ending = False
        self._authors = loaded.authors
        self._producers = loaded.producers
        self._free_authors = loaded.free_authors
        self._author_ids = count(loaded.newest_author + 1)
        self._new_authors: list[tuple[str, bytes | None]] = []
        self._rows_before: dict[str, ProducerRow | None] = {}
        self._touched = False

    @property
    def producers(self) -> Producers:
        """Which pushes of which clients were applied."""
        return self.room.producers

    @property
    @abstractmethod
    def settled(self) -> bool:
        """Whether there is nothing to write, and nobody waits for an answer."""

    @abstractmethod
    def push(self, push: Push, values: Sequence[Value], pusher: Pusher) -> bool:
        """Give a push its place; returns whether the pusher is answered later."""

    @abstractmethod
    def take(self, batch: Batch) -> bool:
        """Add what is to be written to a batch; whether there is anything.

        Then the broker calls :meth:`committed` or :meth:`failed`.
        """

    @abstractmethod
    def committed(self) -> None:
        """What was taken is written."""

    @abstractmethod
    def failed(self, reason: str) -> None:
        """What was taken could not be written, for that reason."""

    def restore(self, other: Room) -> None:
        """Hold and write what another room holds; to be called while nothing is held here."""
        room, draft = self.room, self._draft
        for key in other.keys:
            entries = other.read(key)
            room.hold(key, entries)
            draft.note(Applied(key, other.seq, kept=entries))
        room.seq = room.newest_relay = other.seq
        self.touch()

    def touch(self) -> None:
        """Have the room's row written, though nothing may have changed."""
        self._touched = True
        self._keeper.want_commit(self, urgent=False)

    def end(self) -> None:
        """Have all written that a clean end needs, at once."""
        self._ending = self._touched = True
        self._keeper.want_commit(self, urgent=True)

    def knows(self, push: Push, client: str | None) -> bool:
        """Whether a push was applied before."""
        return (
            push.id is not None
            and client is not None
            and client in self.producers
            and self.producers.get(client).knows(push.id)
        )

    def note_id(self, push: Push, applied: Applied, client: str | None) -> None:
        """Note for the journal that a client's push was applied."""
        assert push.id is not None
        assert applied.seq is not None
        assert client is not None
        runs = self._draft.note_id(client, push.id, applied.seq)
        if runs > _MANY_RUNS and not self.dirty:
            self._keeper.want_commit(self, urgent=False)

    def write(self, batch: Batch, room: Room, *, ceiling: int) -> bool:
        """Turn the draft into rows, with the numbers of ``room``; whether there were any."""
        draft = self._draft
        if not (draft.changes or draft.ids or self._touched):
            return False
        self._draft = Draft()
        now = self._keeper.clock()
        for key, change in draft.changes.items():
            if change.removed:
                batch.removed.append((self.number, key, change.removed))
            for entry in change.kept:
                value = entry.value
                cbor = value.came_as_cbor
                blob = value.item if cbor else value.text
                author = None if entry.author is None else self._author(entry.author, batch)
                row = (self.number, key, entry.seq, int(cbor), blob, entry.time, author)
                batch.entries.append(row)
        self._write_producers(draft, batch)
        numbers = (room.seq, room.newest_relay, ceiling, room.key_count, room.byte_count, now)
        batch.rooms.append((self.number, self.name, self._stored_epoch, *numbers))
        self._touched = self._ending = False
        return True

    def confirm(self) -> None:
        """The rows that :meth:`write` made are in the journal."""
        self._new_authors.clear()
        self._rows_before.clear()

    def take_back(self) -> None:
        """The rows that :meth:`write` made are not in the journal, and never will be."""
        for who in self._new_authors:
            self._free_authors.append(self._authors.pop(who))
        for client, row in self._rows_before.items():
            if row is None:
                self._producers.pop(client, None)
            else:
                self._producers[client] = row
        self.confirm()

    def _author(self, author: Author, batch: Batch) -> int:
        user = None if author.user is None else bytes(author.user.as_json())
        number = self._authors.get((author.client, user))
        if number is None:
            free = self._free_authors
            number = free.pop() if free else next(self._author_ids)
            self._authors[author.client, user] = number
            self._new_authors.append((author.client, user))
            batch.authors.append((self.number, number, author.client, user))
        return number

    def _write_producers(self, draft: Draft, batch: Batch) -> None:
        for client, runs in draft.ids.items():
            if client not in self.producers:
                continue  # forgotten meanwhile
            forgotten = self.producers.get(client).forgotten
            row = self._producers.get(client)
            if row is None or row.forgotten != forgotten or not row.present:
                number = next(self._keeper.producer_ids) if row is None else row.id
                self._rows_before.setdefault(client, row)
                row = self._producers[client] = ProducerRow(number, forgotten, True)
                batch.producers.append((row.id, self.number, client, forgotten, None))
                batch.forgotten.append((row.id, forgotten))
            batch.ids.extend([(row.id, *run) for run in runs])
        if not self._touched:
            return
        for client, row in list(self._producers.items()):
            if client not in self.producers:
                batch.left.append((row.id,))
                self._rows_before.setdefault(client, row)
                del self._producers[client]
            elif self._ending:
                self._rows_before.setdefault(client, row)
                self._producers[client] = ProducerRow(row.id, row.forgotten, False)
                left_at = self.producers.get(client).left_at or self._keeper.clock()
                batch.producers.append((row.id, self.number, client, row.forgotten, left_at))


class Answers:
    """What is to be told to pushers once a commit is done, in order."""

    __slots__ = ("_taken", "_waiting")

    def __init__(self) -> None:
        self._waiting: list[tuple[Pusher, Push, Applied | Refusal]] = []
        self._taken: list[tuple[Pusher, Push, Applied | Refusal]] = []

    def __bool__(self) -> bool:
        return bool(self._waiting or self._taken)

    def add(self, pusher: Pusher, push: Push, outcome: Applied | Refusal) -> bool:
        """Answer a push after the next commit; true where it is the first to wait for that."""
        self._waiting.append((pusher, push, outcome))
        return len(self._waiting) == 1

    def take(self) -> None:
        """A commit begins."""
        self._taken += self._waiting
        self._waiting = []

    def give(self) -> None:
        """The commit is done."""
        taken, self._taken = self._taken, []
        for pusher, push, outcome in taken:
            pusher.answer(push, outcome)
