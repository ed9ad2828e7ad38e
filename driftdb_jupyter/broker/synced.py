"""``synced``: broadcast and acknowledge only what is on the disk."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from ..protocol.entry import Author
from ..protocol.errors import Refusal, Unavailable
from ..protocol.messages import Push, Relay
from ..protocol.value import Value
from ..rooms.room import Applied, Room
from .batch import Batch, Draft
from .broker import Pusher
from .journal import Loaded
from .kept_room import Keeper, KeptRoom

__all__ = ["SyncedSequencer"]

# Numbers that are never written (relays') are given up to a written ceiling, raised by so many.
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


class SyncedSequencer(KeptRoom):
    """Decides on one room, and shows another: the same pushes, once they are on the disk.

    Where nothing of the room waits, what needn't be written passes at once. If a commit fails, all
    that waits is refused, and it was as if it had never come.
    """

    def __init__(self, name: str, loaded: Loaded, keeper: Keeper, *, epoch: str) -> None:
        super().__init__(name, loaded, keeper, epoch=epoch)
        self._head = self.room.copy()
        self._ceiling = self._next_ceiling = 0
        self._reserving = False
        self._waiting: list[_Waiting] = []
        self._taken: list[_Waiting] = []
        self._writing = False

    @property
    def settled(self) -> bool:
        """Whether there is nothing to write, and nobody waits for an answer."""
        return not (self.dirty or self._writing or self._waiting or self._taken)

    def restore(self, other: Room) -> None:
        """Hold and write what another room holds; to be called while nothing is held here."""
        super().restore(other)
        self._head = self.room.copy()

    def push(self, push: Push, values: Sequence[Value], pusher: Pusher) -> bool:
        """Give a push its place; its broadcast and its answer come when it is on the disk.

        Returns whether there is something to wait for.
        """
        client, author, keeper, head = pusher.client, pusher.author, self._keeper, self._head
        known = push.id is not None and self.knows(push, client)
        if keeper.failing is not None and not known and self._must_write(push, len(values)):
            pusher.answer(push, Unavailable(keeper.failing))
            return False
        now, before = keeper.clock(), head.seq
        outcome: Applied | Refusal
        written = False
        try:
            outcome = head.apply(push, values, client=client, author=author, now=now)
        except Refusal as refusal:
            outcome = refusal
        else:
            written = outcome.changed
            if written:
                self._draft.note(outcome)
            if push.id is not None and not known and not isinstance(push.action, Relay):
                written = True
                self.note_id(push, outcome, client)
        fresh = written or head.seq != before
        waiting = _Waiting(push, values, pusher, author, now, outcome, fresh)
        self._reserving |= fresh and not written and head.seq > self._ceiling
        if written or self._reserving or self._waiting or self._taken:
            self._waiting.append(waiting)
            if not self.dirty:
                keeper.want_commit(self, urgent=True)
            return True
        self._show(waiting)
        return False

    def _must_write(self, push: Push, count: int) -> bool:
        return not isinstance(push.action, Relay) or self._head.seq + count > self._ceiling

    def _show(self, waiting: _Waiting) -> None:
        """Let everybody hear of a push."""
        push, pusher = waiting.push, waiting.pusher
        if waiting.fresh:
            # Without its id: both rooms have the same producers, who know it already.
            plain = push if push.id is None else msgspec.structs.replace(push, id=None)
            applied = self.room.apply(plain, waiting.values, author=waiting.author, now=waiting.now)
            self.audience.broadcast(applied)
            if push.id is not None and isinstance(push.action, Relay):
                self.note_id(push, applied, pusher.client)
        pusher.answer(push, waiting.outcome)

    def take(self, batch: Batch) -> bool:
        """Add what is to be written to a batch; whether there is anything."""
        ceiling = self._ceiling
        if self._ending:
            ceiling = 0
        elif self._reserving:
            ceiling = self._head.seq + _RESERVED
        self._touched |= self._reserving
        self._reserving = False
        self._taken += self._waiting
        self._waiting = []
        if not self.write(batch, self._head, ceiling=ceiling):
            return False
        self._writing = True
        self._next_ceiling = ceiling
        self._ceiling = min(self._ceiling, ceiling)
        return True

    def committed(self) -> None:
        """Show what was taken."""
        self.confirm()
        if self._writing:
            self._writing, self._ceiling = False, self._next_ceiling
        taken, self._taken = self._taken, []
        for waiting in taken:
            self._show(waiting)
        if not self.in_use and self._draft.ids:
            self.end()  # relays that waited: nothing else would bring their ids along

    def failed(self, reason: str) -> None:
        """Refuse all that waits, and go on as if it had never come."""
        refused = self._taken + self._waiting
        self._taken, self._waiting = [], []
        self._writing = self._reserving = False
        self._draft = Draft()
        self.take_back()
        for waiting in refused:
            push, client = waiting.push, waiting.pusher.client
            if waiting.fresh and push.id is not None and client is not None:
                self.producers.get(client).refused(push.id)
        self._head = self.room.copy()
        for waiting in refused:
            waiting.pusher.answer(waiting.push, Unavailable(reason))
        if not self.in_use:
            self.end()
