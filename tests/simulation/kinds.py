"""The kinds of shared objects that take part in the simulation.

One more is one more entry in :data:`KINDS`: how it joins, writes, and what has to be equal.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from driftdb_jupyter.client.session.fold import Fold
from driftdb_jupyter.client.session.log import Heard, LogReplica, StartedOver
from driftdb_jupyter.client.session.outcome import Outcome
from driftdb_jupyter.client.session.session import Session
from driftdb_jupyter.client.session.snapshot import Snapshot
from driftdb_jupyter.client.session.snapshot_writer import SnapshotWriter
from driftdb_jupyter.client.session.state import StateReplica, Update
from driftdb_jupyter.client.session.stored import meant
from driftdb_jupyter.protocol.errors import QueueFull
from driftdb_jupyter.server.hosting.hosted_room import HostedRoom

__all__ = ["KINDS", "Kind"]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """``join`` a key, ``write`` a text there; in the end ``shown`` is what the room ``held``.

    A write may return an outcome. ``every_write_counts``: no write takes another's place while it
    waits. ``kept``: what is written is in the room's streams, and not only while the writer is
    there.
    """

    join: Callable[[Session, str], Any]
    write: Callable[[Any, bytes], Any]
    shown: Callable[[Any], object]
    held: Callable[[HostedRoom, str], object]
    forget: Callable[[Session, str], bool] = Session.forget
    every_write_counts: bool = True
    kept: bool = True


def _join_state(session: Session, key: str) -> Any:
    replica = session.state(key)
    replica.offer(json.dumps(f"initial value of {session.secret}").encode())
    return replica


def _state(hosted: HostedRoom, key: str) -> object:
    entries = hosted.sequencer.room.read(key)
    return json.loads(meant(bytes(entries[-1].value.as_json()))) if entries else None


def _shown_state(replica: Any) -> object:
    return None if replica.shown is None else json.loads(replica.shown)


def _append_to_register(replica: StateReplica, text: bytes) -> Outcome[bytes]:
    """Put a text at the end of the list that the state holds, whoever else does so too."""

    def step(base: bytes | None) -> bytes:
        return json.dumps([*json.loads(base or b"[]"), json.loads(text)]).encode()

    update = Update(step, step(replica.shown))
    replica.update(update, base=replica.shown)
    return update.outcome


class _Reducer:
    """A list that actions append to, as :class:`~driftdb_jupyter.SharedReducer`."""

    def __init__(self, session: Session, key: str) -> None:
        self._replica = session.log(key, kind="reducer", keep=False, held=True)
        self._follower = self._replica.follow(restore=lambda: None)
        self._settled: list[str] = []
        self._writer = SnapshotWriter(self._replica)
        self._compacting: Outcome[int | None] = Outcome()
        self._compacting.set_result(None)
        self.fold = new_fold()
        self.fold.source = session.secret  # a random one may look like the mark of a write

    @property
    def current(self) -> bool:
        return self._replica.current

    def advance(self) -> None:
        """Take what came, and say what follows from it."""
        settled, self._settled = self._settled, []
        for news in self._follower.take():
            self.fold.take(news)
        for mark in settled:
            self.fold.settle(mark)
        fold = self.fold
        if fold.missing:
            name = self.fold.source if fold.initial else None
            offered = Snapshot(json.dumps(fold.confirmed).encode(), initial=name)
            self._writer.offer(offered, Outcome(), seq=0 if fold.empty else fold.seq)
        else:
            self._replica.decide(self._follower, fold.epoch)
        if fold.pending or fold.unfinished or fold.left_over or not self._compacting.done():
            return
        if fold.actions >= 3 and self._replica.current:
            self._compacting = Outcome()
            snapshot = Snapshot(json.dumps(fold.confirmed).encode())
            self._writer.compact(snapshot, self._compacting, seq=fold.seq, epoch=fold.epoch)
            fold.shortened()

    def write(self, text: bytes) -> object:
        self.advance()
        proposal = self.fold.prepare(text)
        outcome = self._replica.push(proposal.form, keep=True, dated=True)
        self.fold.pend(proposal)
        outcome.add_done_callback(lambda _: self._settled.append(proposal.mark))
        return outcome


def new_fold() -> Fold:
    """A list that grows by each action."""
    return Fold(lambda value, action: [*value, json.loads(action)], list, json.loads)


def _folded(hosted: HostedRoom, key: str) -> object:
    fold = new_fold()
    entries = hosted.sequencer.room.read(key)
    held = [Heard(bytes(each.value.as_json()), each.seq) for each in entries]
    fold.take(StartedOver(held, same_epoch=True))
    return fold.value


def _entries(hosted: HostedRoom, key: str) -> object:
    entries = hosted.sequencer.room.read(key)
    return [(json.loads(bytes(entry.value.as_json())), entry.seq) for entry in entries]


def _shown_entries(replica: Any) -> object:
    return [(json.loads(each.value), each.seq) for each in replica.entries]


def _write_and_compact(replica: LogReplica, text: bytes) -> object:
    """Append, and put one value in the place of what is there, whoever else does so too."""
    outcome = replica.push(text, keep=True)
    if replica.current and len(replica.entries) > 1:
        values = b",".join(each.value for each in replica.entries)
        with contextlib.suppress(QueueFull):
            replica.compact(b"[%b]" % values, seq=replica.entries[-1].seq, epoch=replica.epoch)
    return outcome


def _write_and_trim(replica: LogReplica, text: bytes) -> object:
    """Append, sometimes such that little is left of what others appended."""
    trims = int(text.rpartition(b"-")[2].strip(b'"')) % 3 == 0
    return replica.push(text, keep=True, max_length=2 if trims else None)


def _forget_presence(session: Session, key: str) -> bool:
    session.forget_presence(key)
    return True


def _there(hosted: HostedRoom, key: str) -> object:
    return sorted(bytes(value.as_json()) for _, value in hosted.presence.there(key))


KINDS = {
    "state": Kind(
        join=_join_state,
        write=lambda replica, text: replica.write(text),
        shown=_shown_state,
        held=_state,
        every_write_counts=False,
    ),
    "presence": Kind(
        join=lambda session, key: session.presence(key),
        write=lambda replica, text: replica.set(text),
        shown=lambda replica: sorted(person.value for person in replica.people.values()),
        held=_there,
        forget=_forget_presence,
        kept=False,
    ),
    "register": Kind(
        join=lambda session, key: session.state(key),
        write=_append_to_register,
        shown=_shown_state,
        held=_state,
    ),
    "reducer": Kind(
        join=_Reducer,
        write=lambda reducer, text: reducer.write(text),
        shown=lambda reducer: reducer.fold.value,
        held=_folded,
    ),
    "stream": Kind(
        join=lambda session, key: session.log(key, kind="stream", keep=True, held=True),
        write=lambda replica, text: replica.push(text, keep=True),
        shown=_shown_entries,
        held=_entries,
    ),
    "newest": Kind(
        join=lambda session, key: session.log(key, kind="stream", keep=True, held=True),
        write=lambda replica, text: replica.push(text, keep=True, max_length=3),
        shown=_shown_entries,
        held=_entries,
    ),
    "pairs, two by two": Kind(
        join=lambda session, key: session.log(key, keep=True, held=True),
        write=lambda replica, text: replica.push_all([text, b"[1.5]"], keep=True),
        shown=_shown_entries,
        held=_entries,
    ),
    "compacted": Kind(
        join=lambda session, key: session.log(key, kind="stream", keep=True, held=True),
        write=_write_and_compact,
        shown=_shown_entries,
        held=_entries,
    ),
    "trimmed by others": Kind(
        join=lambda session, key: session.log(key, kind="stream", keep=True, held=True),
        write=_write_and_trim,
        shown=_shown_entries,
        held=_entries,
    ),
    "channel": Kind(
        join=lambda session, key: session.log(key, kind="channel", keep=False),
        write=lambda replica, text: replica.push(text, keep=False),
        shown=_shown_entries,
        held=_entries,
    ),
}
"""By the key under which each takes part."""
