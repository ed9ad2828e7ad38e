"""``batched``: broadcast at once, acknowledge after the commit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from ...protocol.errors import Refusal, Unavailable
from ...protocol.messages import Push, Relay
from ...protocol.value import Value
from ...rooms.room import Applied
from ..broker import Pusher
from ..file.batch import Batch
from ..file.journal import Loaded
from .draft import Draft
from .sequencer import GROWING, JournaledSequencer, JournalHandle, disk_used_up

__all__ = ["BatchedSequencer"]

_Answer: TypeAlias = "tuple[Pusher, Push, Applied | Refusal]"


class BatchedSequencer(JournaledSequencer):
    """Applies a push at once; only its ack waits for the commit that holds it.

    While nothing can be written, what was taken stays in flight and waits, what would have to be
    written is refused, and relays go on and are acknowledged at once.

    Answers are given in order: ``_unanswered`` has those of the pushes since the last take, and
    ``_in_flight`` of those before, whose rows are being written.
    """

    def __init__(self, name: str, loaded: Loaded, handle: JournalHandle, *, epoch: str) -> None:
        super().__init__(name, loaded, handle, epoch=epoch)
        self._unanswered: list[_Answer] = []
        self._in_flight: list[_Answer] = []

    @property
    def settled(self) -> bool:
        """Whether nothing is to be written, and nobody waits for an answer."""
        writing = self._written_draft is not None
        return not (self.dirty or writing or self._unanswered or self._in_flight)

    def push(self, push: Push, values: Sequence[Value], pusher: Pusher) -> bool:
        """Apply and broadcast; answer now, or after the commit where the push has an id.

        Returns whether the pusher is answered later.
        """
        client, room, handle = pusher.client, self.room, self._handle
        known = False
        if push.id is not None and client is not None:
            producer = room.producers.find(client)
            known = producer is not None and producer.knows(push.id)
        keeps = type(push.action) is not Relay
        if keeps and not known and handle.failing is not None:
            # At once: what waits for the commit may wait for as long as the disk is full.
            pusher.answer(push, Unavailable(handle.failing))
            return False
        clock = handle.clock  # called in two steps: it is no method
        try:
            if handle.is_full and not known and isinstance(push.action, GROWING):
                raise disk_used_up()
            applied = room.apply(push, values, client, pusher.author, clock())
        except Refusal as refusal:
            # The frames that its values are in don't wait for the disk.
            return self._answer(pusher, push, refusal.with_traceback(None))
        # All is noted before anybody hears of it, whatever they do then.
        if applied.kept or applied.removed:
            self._draft.note(applied)
            if not self.dirty:
                handle.want_commit(self, urgent=False)
        written = False
        if push.id is not None and not known:
            self._note_id(push, applied, client)
            written = keeps
            if written and not self.dirty:
                handle.want_commit(self, urgent=True)
        self._broadcast(applied)
        if push.id is None:
            if applied.value_count > 1 or pusher.hears_all:
                pusher.answer(push, applied)
            return False
        return self._answer(pusher, push, applied, wait=written)

    def take(self) -> Batch | None:
        """Return the rows to write; see :class:`.committer.Unit`."""
        self._in_flight += self._unanswered
        self._unanswered = []
        if not self._draft:
            return None
        draft, self._draft = self._draft, Draft()
        batch = self._make_rows(draft, self.room, ceiling=0)
        self._written_draft = draft
        return batch

    def committed(self) -> None:
        """Acknowledge what was taken."""
        if self._written_draft is not None:
            self.rows.committed()
            self._written_draft = None
        answers, self._in_flight = self._in_flight, []
        for answer in answers:
            self._answer_later(*answer)
        self._handle.written(self)

    def failed(self, reason: str) -> bool:
        """Go on waiting, and try again with the very same rows; acknowledge relays."""
        waiting = self._in_flight + self._unanswered
        self._in_flight = [each for each in self._in_flight if not _is_relay(each)]
        self._unanswered = [each for each in self._unanswered if not _is_relay(each)]
        for answer in waiting:
            if _is_relay(answer):
                self._answer_later(*answer)
        return True

    def refuse_all(self, reason: str) -> None:
        """Refuse whatever waits for a commit."""
        waiting = self._in_flight + self._unanswered
        self._in_flight, self._unanswered = [], []
        for pusher, push, _ in waiting:
            self._answer_later(pusher, push, Unavailable(reason))

    def _answer(
        self, pusher: Pusher, push: Push, outcome: Applied | Refusal, *, wait: bool = False
    ) -> bool:
        """Answer in turn: behind those that wait, and with the next commit if it is to wait."""
        if (
            push.id is None
            or not (wait or self._unanswered or self._in_flight)
            or (self._handle.failing is not None and isinstance(push.action, Relay))
        ):
            pusher.answer(push, outcome)
            return False
        self._unanswered.append((pusher, push, outcome))
        if len(self._unanswered) == 1:
            self._handle.want_commit(self, urgent=True)
        return True


def _is_relay(answer: _Answer) -> bool:
    return isinstance(answer[1].action, Relay)
