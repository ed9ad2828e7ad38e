"""``synced``: broadcast and acknowledge only what is on the disk."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from ...protocol.entry import Author
from ...protocol.errors import Refusal, Unavailable
from ...protocol.messages import Push, Relay
from ...protocol.value import Value
from ...rooms.producer import PendingProducers
from ...rooms.room import Applied, Room
from ..broker import Pusher
from ..file.batch import Batch
from ..file.journal import Loaded
from .draft import Draft
from .sequencer import GROWING, JournaledSequencer, JournalHandle, disk_used_up

__all__ = ["SyncedSequencer"]

# Numbers that are never written (relays') are given up to a written ceiling, which is raised in
# steps of this size.
_RESERVED = 10_000


class _Waiting(Struct, gc=False):
    """A push that waits for the disk. ``fresh``: it is to be applied to what was broadcast."""

    push: Push
    values: Sequence[Value]
    pusher: Pusher
    author: Author | None
    now: float
    outcome: Applied | Refusal
    fresh: bool


class SyncedSequencer(JournaledSequencer):
    """Decides on one room, and shows another: the same pushes, once they are on the disk.

    ``_head`` is the room with every push that was taken, ``room`` the one with those that were
    written; what the head knows of clients beyond the other (:class:`.PendingProducers`) is as
    pending as its values. Between the two are, in order, ``_in_flight`` (their rows are being
    written) and ``_waiting``. Where nothing waits, what needn't be written passes at once.

    If a commit fails, all that waits is refused, the head is the shown room again, and it was as if
    none of it had ever come. What was shown already, as relays and their ids, stays to be written.
    """

    def __init__(self, name: str, loaded: Loaded, handle: JournalHandle, *, epoch: str) -> None:
        super().__init__(name, loaded, handle, epoch=epoch)
        self._head = self._new_head()
        self._ceiling = self._next_ceiling = 0
        self._reserving = False
        self._waiting: list[_Waiting] = []
        self._in_flight: list[_Waiting] = []

    @property
    def settled(self) -> bool:
        """Whether nothing is to be written, and nobody waits for an answer."""
        writing = self._written_draft is not None
        return not (self.dirty or writing or self._waiting or self._in_flight)

    def push(self, push: Push, values: Sequence[Value], pusher: Pusher) -> bool:
        """Give a push its place; its broadcast and its answer come when it is on the disk.

        Returns whether there is something to wait for.
        """
        client, author, handle, head = pusher.client, pusher.author, self._handle, self._head
        known = False
        if push.id is not None and client is not None:
            producer = head.producers.find(client)
            known = producer is not None and producer.knows(push.id)
        if handle.failing is not None and not known and self._must_write(push, len(values)):
            pusher.answer(push, Unavailable(handle.failing))
            return False
        now, before = handle.clock(), head.seq
        outcome: Applied | Refusal
        written = False
        try:
            if handle.is_full and not known and isinstance(push.action, GROWING):
                raise disk_used_up()
            # The budget is charged with what is shown; the head may be ahead of that.
            ahead = head.cost_bytes - self.room.cost_bytes
            outcome = head.apply(
                push,
                values,
                client=client,
                author=author,
                now=now,
                free_bytes=handle.memory.free_bytes - ahead,
            )
        except Refusal as refusal:
            # Neither its values nor the frames that they are in wait for the disk.
            outcome, values = refusal.with_traceback(None), ()
        else:
            written = outcome.changed
            if written:
                self._draft.note(outcome)
            if push.id is not None and not known and not isinstance(push.action, Relay):
                written = True
                self._note_id(push, outcome, client)
        fresh = written or head.seq != before
        waiting = _Waiting(push, values, pusher, author, now, outcome, fresh)
        self._reserving |= fresh and not written and head.seq > self._ceiling
        if written or self._reserving or self._waiting or self._in_flight:
            self._waiting.append(waiting)
            if not self.dirty:
                handle.want_commit(self, urgent=True)
            return True
        self._show(waiting)
        return False

    def take(self) -> Batch | None:
        """Return the rows to write; see :class:`.committer.Unit`."""
        self._in_flight += self._waiting
        self._waiting = []
        draft, self._draft = self._draft, Draft()
        ceiling = self._ceiling
        if draft.ending:
            ceiling = 0
        elif self._reserving:
            ceiling = self._head.seq + _RESERVED
            draft.touched = True
        self._reserving = False
        if not draft:
            return None
        batch = self._make_rows(draft, self._head, ceiling=ceiling)
        self._written_draft = draft
        self._next_ceiling = ceiling
        self._ceiling = min(self._ceiling, ceiling)
        return batch

    def committed(self) -> None:
        """Show what was taken."""
        if self._written_draft is not None:
            self.rows.committed()
            self._written_draft, self._ceiling = None, self._next_ceiling
        shown, self._in_flight = self._in_flight, []
        for waiting in shown:
            self._show(waiting)
        self._pending_producers.keep({waiting.pusher.client for waiting in self._waiting})
        for client in {waiting.pusher.client for waiting in shown if waiting.push.id is not None}:
            if client is not None:
                self._forget(self._clients.pushed(client, now=self._handle.clock()))
        if not self.in_use and self._draft.relay_ids:
            self.end()  # relays that waited: nothing else would bring their ids along
        self._handle.written(self)

    def failed(self, reason: str) -> bool:
        """Refuse all that waits, and go on as if it had never come."""
        self.rows.failed()
        self._draft = (self._written_draft or Draft()).facts(self._draft)
        self._written_draft = None
        self._reserving = False
        self._head = self._new_head()
        self.refuse_all(reason)
        if not self.in_use:
            self.end()
        elif self._draft and not self.dirty:
            self._handle.want_commit(self, urgent=False)
        return False

    def refuse_all(self, reason: str) -> None:
        """Refuse whatever waits for a commit."""
        self._pending_producers.forget_all()
        refused = self._in_flight + self._waiting
        self._in_flight, self._waiting = [], []
        for waiting in refused:
            self._answer_later(waiting.pusher, waiting.push, Unavailable(reason))

    def _forget(self, clients: list[str]) -> None:
        for client in clients:
            self._pending_producers.forget(client)
        super()._forget(clients)

    def _new_head(self) -> Room:
        head = self.room.copy()
        self._pending_producers = head.producers = PendingProducers(self.room.producers)
        return head

    def _must_write(self, push: Push, count: int) -> bool:
        return not isinstance(push.action, Relay) or self._head.seq + count > self._ceiling

    def _show(self, waiting: _Waiting) -> None:
        """Let everybody hear of a push."""
        push, pusher = waiting.push, waiting.pusher
        if waiting.fresh:
            client = pusher.client
            assert isinstance(waiting.outcome, Applied)
            applied = self.room.apply(
                push,
                waiting.values,
                client=client,
                author=waiting.author,
                now=waiting.now,
                decided=waiting.outcome,
            )
            if push.id is not None and isinstance(push.action, Relay):
                self._note_id(push, applied, client)
            self._broadcast(applied)
        self._answer_later(pusher, push, waiting.outcome)
