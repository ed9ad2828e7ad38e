"""The sequencer of a room that a journal keeps: what both ways of keeping it have in common.

A room is in memory twice, in a way: as it is shown, and as a draft of what of that the journal
doesn't have yet (:mod:`.draft`). The committer has a room's draft turned into rows
(:mod:`.rows`), and says what became of them; until then no row is taken for written.

A room ends once: it is deleted, replaced, or put out of service. From then on nothing of it is
written. What is still pushed to one that was deleted is answered as if it had come just before;
after a fault it is refused, because it can't be known what was lost.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Protocol

from ...protocol.errors import QuotaExceeded, Refusal
from ...protocol.messages import Append, Push, Relay, Replace
from ...protocol.value import Value
from ...rooms.memory_budget import MemoryBudget
from ...rooms.room import Applied, Room
from ..broker import NOBODY, Audience, Pusher
from ..clients import Clients
from ..file.batch import Batch
from ..file.journal import Loaded
from .committer import Unit
from .draft import Draft
from .rows import RoomRows

__all__ = ["GROWING", "JournalHandle", "JournaledSequencer", "disk_used_up"]

_log = logging.getLogger("driftdb_jupyter")

GROWING = (Append, Replace)
"""The actions by which a room takes more of the disk; a compaction, if any, takes less."""

# Relays' ids are written along with what else is; this number of a client's is reason enough.
_MANY_RUNS = 512


def disk_used_up() -> QuotaExceeded:
    """Return the refusal of what would take more of the disk."""
    return QuotaExceeded(
        "the rooms take as much of the server's disk as they may (disk_limit_bytes): delete what is"
        " no longer needed"
    )


class JournalHandle(Protocol):
    """The parts of a broker that a sequencer uses."""

    @property
    def producer_ids(self) -> Iterator[int]:
        """Numbers that no row of a producer ever had."""

    @property
    def producer_limit(self) -> int:
        """Of how many clients of a room pushes are remembered."""

    @property
    def memory(self) -> MemoryBudget:
        """The memory that all rooms together may take."""

    @property
    def failing(self) -> str | None:
        """Why nothing can be written at the moment, in words; else ``None``."""

    @property
    def is_full(self) -> bool:
        """Whether the rooms take as much of the disk as they may."""

    def clock(self) -> float:
        """Seconds since 1970."""

    def want_commit(self, sequencer: JournaledSequencer, *, urgent: bool) -> None:
        """Have the sequencer's draft written soon, and at once where somebody waits."""

    def written(self, sequencer: JournaledSequencer) -> None:
        """Hear that what was taken of the sequencer is written, and its pushers were told."""

    def put_out_of_service(self, sequencer: JournaledSequencer, reason: str) -> None:
        """Let go of a room that can't be kept."""


class _OutOfService:
    """The handle of a sequencer that takes no more pushes."""

    producer_ids: Iterator[int] = iter(())
    producer_limit = 0
    is_full = False

    def __init__(self, handle: JournalHandle, reason: str) -> None:
        self.failing = reason
        self.clock = handle.clock
        self.memory = handle.memory

    def want_commit(self, sequencer: JournaledSequencer, *, urgent: bool) -> None:
        pass

    def written(self, sequencer: JournaledSequencer) -> None:
        pass

    def put_out_of_service(self, sequencer: JournaledSequencer, reason: str) -> None:
        pass


class JournaledSequencer(Unit, ABC):
    """The order of one room, of which the journal learns.

    ``in_use``: whether somebody takes part. ``deleted``: the room is no more. These are the
    broker's own, as ``dirty`` is the committer's.
    """

    reads_wait = False

    def __init__(self, name: str, loaded: Loaded, handle: JournalHandle, *, epoch: str) -> None:
        self.name = name
        self.room: Room = loaded.room
        self.room.epoch = epoch
        self.rows = RoomRows(loaded, handle.producer_ids)
        self.audience: Audience = NOBODY
        self.in_use = False
        self.deleted = False
        self.dirty = False
        self._handle = handle
        self._draft = Draft()
        self._written_draft: Draft | None = None  # the one whose rows are being written
        self._clients = Clients(
            self.room.producers, limit=handle.producer_limit, gone=loaded.left_at
        )
        self._draft.forgotten.update(self._clients.forget_excess())

    def __str__(self) -> str:
        return f"Room number {self.rows.number} of the journal"

    @property
    def loses(self) -> bool:
        """Whether something that was shown would be lost if nothing more were written."""
        written = self._written_draft
        return self._draft.has_pushes or (written is not None and written.has_pushes)

    @property
    @abstractmethod
    def settled(self) -> bool:
        """Whether nothing is to be written, and nobody waits for an answer."""

    def behind(self, epoch: str, seq: int) -> None:
        """Wait for nothing: nobody knows more than what is here."""

    @abstractmethod
    def push(self, push: Push, values: Sequence[Value], pusher: Pusher) -> bool:
        """Give a push its place; returns whether the pusher is answered later."""

    @abstractmethod
    def refuse_all(self, reason: str) -> None:
        """Refuse whatever waits for a commit."""

    def release(self) -> None:
        """Give back what the room costs of memory: it is not read any more."""
        self.room.release()

    def joined(self, client: str) -> None:
        """Note that a client has opened a connection."""
        self._clients.joined(client)

    def left(self, client: str) -> None:
        """Note that a client has closed a connection."""
        self._forget(self._clients.left(client, now=self._handle.clock()))

    def expire_clients(self, *, before: float) -> None:
        """Forget the clients that were last connected before then."""
        self._forget(self._clients.expire(before=before, now=self._handle.clock()))

    def touch(self) -> None:
        """Have the room's row written, though nothing may have changed."""
        self._draft.touched = True
        self._handle.want_commit(self, urgent=False)

    def end(self) -> None:
        """Have all written that a clean end needs, at once."""
        self._draft.touched = self._draft.ending = True
        self._handle.want_commit(self, urgent=True)

    def broken(self, reason: str) -> None:
        """Something of the room can't be written: take no more pushes."""
        handle, self._handle = self._handle, _OutOfService(self._handle, reason)
        # What comes again is not to be acknowledged: it can't be told whether it was written.
        self.room.producers.forget_all()
        try:
            self.refuse_all(reason)
        finally:
            handle.put_out_of_service(self, reason)

    def _note_id(self, push: Push, applied: Applied, client: str | None) -> None:
        """Note for the journal that a client's push was applied."""
        assert push.id is not None
        assert applied.seq is not None
        assert client is not None
        relay = isinstance(push.action, Relay)
        runs = self._draft.note_id(client, push.id, applied.seq, relay=relay)
        if runs > _MANY_RUNS and not self.dirty:
            self._handle.want_commit(self, urgent=False)

    def _forget(self, clients: list[str]) -> None:
        if clients:
            self._draft.forgotten.update(clients)
            if not self.dirty:
                self._handle.want_commit(self, urgent=False)

    def _make_rows(self, draft: Draft, room: Room, *, ceiling: int) -> Batch:
        """Turn a draft into rows, with the numbers of ``room``."""
        now = self._handle.clock()
        return self.rows.make(
            draft,
            room,
            ceiling=ceiling,
            left_at=lambda client: self._clients.left_at(client, now=now),
            now=now,
        )

    def _broadcast(self, applied: Applied) -> None:
        """Let the audience hear of a push; an error there is not the pusher's matter."""
        try:
            self.audience.broadcast(applied)
        except Exception:
            _log.exception("%s: a broadcast failed", self)

    def _answer_later(self, pusher: Pusher, push: Push, outcome: Applied | Refusal) -> None:
        """Answer a push that waited; an error there is not the others' matter."""
        try:
            pusher.answer(push, outcome)
        except Exception:
            _log.exception("%s: an answer failed", self)
