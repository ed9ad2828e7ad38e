"""``batched``: broadcast at once, acknowledge after the commit."""

from __future__ import annotations

from collections.abc import Sequence

from ..protocol.errors import Refusal, Unavailable
from ..protocol.messages import Push, Relay
from ..protocol.value import Value
from ..rooms.room import Applied
from .batch import Batch
from .broker import Pusher
from .journal import Loaded
from .kept_room import Answers, Keeper, KeptRoom

__all__ = ["BatchedSequencer"]


class BatchedSequencer(KeptRoom):
    """Applies a push at once; only its ack waits for the commit that holds it.

    While nothing can be written, what was taken waits, and what would have to be written is
    refused.
    """

    def __init__(self, name: str, loaded: Loaded, keeper: Keeper, *, epoch: str) -> None:
        super().__init__(name, loaded, keeper, epoch=epoch)
        self._answers = Answers()
        self._unwritten = False

    @property
    def settled(self) -> bool:
        """Whether there is nothing to write, and nobody waits for an answer."""
        return not (self.dirty or self._unwritten or self._answers)

    def push(self, push: Push, values: Sequence[Value], pusher: Pusher) -> bool:
        """Apply and broadcast; answer now, or after the commit where the push has an id.

        Returns whether the pusher is answered later.
        """
        client, room, keeper = pusher.client, self.room, self._keeper
        known = push.id is not None and self.knows(push, client)
        if keeper.failing is not None and not known and not isinstance(push.action, Relay):
            # At once: what waits for the commit may wait for as long as the disk is full.
            pusher.answer(push, Unavailable(keeper.failing))
            return False
        try:
            applied = room.apply(
                push, values, client=client, author=pusher.author, now=keeper.clock()
            )
        except Refusal as refusal:
            return self._answer(pusher, push, refusal)
        if applied.kept or applied.removed:
            self._draft.note(applied)
            if not self.dirty:
                keeper.want_commit(self, urgent=False)
        self.audience.broadcast(applied)
        if push.id is None:
            if applied.value_count > 1 or pusher.hears_all:
                pusher.answer(push, applied)
            return False
        written = not known and not isinstance(push.action, Relay)
        if not known:
            self.note_id(push, applied, client)
            if written and not self.dirty:
                keeper.want_commit(self, urgent=True)
        return self._answer(pusher, push, applied, wait=written)

    def _answer(
        self, pusher: Pusher, push: Push, outcome: Applied | Refusal, *, wait: bool = False
    ) -> bool:
        """Answer in turn: behind those that wait, and with the next commit if it is to wait."""
        if push.id is None or not (wait or self._answers):
            pusher.answer(push, outcome)
            return False
        if self._answers.add(pusher, push, outcome):
            self._keeper.want_commit(self, urgent=True)
        return True

    def take(self, batch: Batch) -> bool:
        """Add what is to be written to a batch; whether there is anything."""
        self._answers.take()
        wrote = self.write(batch, self.room, ceiling=0)
        self._unwritten |= wrote
        return wrote

    def committed(self) -> None:
        """Acknowledge what was taken."""
        self.confirm()
        self._unwritten = False
        self._answers.give()

    def failed(self, reason: str) -> None:
        """Go on waiting: the broker tries again with the very same rows."""
