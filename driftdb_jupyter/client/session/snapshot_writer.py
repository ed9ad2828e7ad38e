"""The writer of a reducer's snapshots to its stream (protocol, "Snapshots in parts")."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from ...protocol.errors import TooLarge
from . import messages
from .log import LogReplica
from .outcome import Outcome
from .snapshot import Snapshot

__all__ = ["SnapshotWriter"]

# The length of a part in UTF-16 code units, at most: so each server takes it that takes 1 MiB.
_PART_LENGTH = 200_000
# How long a code unit of JSON text becomes in a JSON string in UTF-8, at most.
_UNIT_BYTES = 3
# How long a part is beside its text, at most.
_PART_OVERHEAD_BYTES = 100


class SnapshotWriter:
    """Writes the snapshots of one stream: in one piece where that is taken, or in parts.

    Not thread-safe, as the session that the replica is of.
    """

    def __init__(self, replica: LogReplica) -> None:
        self._replica = replica
        self._whole_bytes = replica.limits.message_bytes

    def compact(
        self, snapshot: Snapshot, outcome: Outcome[int | None], *, seq: int, epoch: str | None
    ) -> None:
        """Put a snapshot in the place of all that the stream holds up to a number of an epoch.

        The outcome alone tells of a refusal; nothing is compacted then.
        """
        replica = self._replica
        put = partial(replica.enqueue_compact, seq=seq, epoch=epoch, quiet=True)
        whole = snapshot.whole()

        def in_parts() -> None:
            head, parts = snapshot.in_parts(self._part_length())
            written: Outcome[int | None] = Outcome()
            written.add_done_callback(
                lambda written: _go_on(written, outcome, lambda: put(head, outcome))
            )
            self._append(iter(parts), written, epoch)

        self._try(whole, outcome, put, in_parts)

    def offer(self, snapshot: Snapshot, outcome: Outcome[int | None], *, seq: int) -> None:
        """Append a snapshot if the stream's newest number is still this one (0: it is empty).

        Once over each connection and for each number; otherwise the outcome is never set. It alone
        tells of a refusal.
        """
        replica = self._replica
        if not replica.may_offer(seq):
            return
        epoch = replica.epoch
        whole = snapshot.whole()

        def in_parts() -> None:
            head, parts = snapshot.in_parts(self._part_length())
            named: Outcome[int | None] = Outcome()
            named.add_done_callback(
                lambda named: _go_on(
                    named, outcome, lambda: self._append(iter(parts), outcome, epoch)
                )
            )
            replica.offer(head, named, seq=seq)

        self._try(whole, outcome, partial(replica.offer, seq=seq), in_parts)

    def _try(
        self,
        whole: bytes,
        outcome: Outcome[int | None],
        put: Callable[[bytes, Outcome[int | None]], object],
        in_parts: Callable[[], object],
    ) -> None:
        """Put a snapshot in one piece, or in parts where that isn't taken."""
        if not self._fits(whole):
            in_parts()
            return

        def tried(each: Outcome[int | None]) -> None:
            if isinstance(each.exception(), TooLarge):
                self._whole_bytes = self._length(whole) - 1
                in_parts()
            else:
                _go_on(each, outcome, lambda: outcome.set_result(each.result()))

        attempt: Outcome[int | None] = Outcome()
        attempt.add_done_callback(tried)
        put(whole, attempt)

    def _append(
        self, parts: Iterator[bytes], written: Outcome[int | None], epoch: str | None
    ) -> None:
        """Append one after the other, so that they don't fill the queue."""
        part = next(parts, None)
        if part is None:
            written.set_result(None)
            return
        step: Outcome[int | None] = Outcome()
        step.add_done_callback(
            lambda step: _go_on(step, written, lambda: self._append(parts, written, epoch))
        )
        self._replica.enqueue([part], step, keep=True, epoch=epoch, quiet=True)

    def _fits(self, value: bytes) -> bool:
        return self._length(value) <= self._whole_bytes

    def _part_length(self) -> int:
        room = self._replica.limits.message_bytes - self._length(b"") - _PART_OVERHEAD_BYTES
        return max(2, min(room // _UNIT_BYTES, _PART_LENGTH))

    def _length(self, value: bytes) -> int:
        return len(value) + messages.push_overhead_bytes(self._replica.key)


def _go_on(
    step: Outcome[int | None], outcome: Outcome[int | None], then: Callable[[], object]
) -> None:
    """Do what comes next, or hand the error on."""
    error = step.exception()
    if error is None:
        then()
    else:
        outcome.set_exception(error)
