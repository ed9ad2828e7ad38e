"""The kinds of shared objects that take part in the simulation.

One more is one more entry in :data:`KINDS`: how it joins, writes, and what has to be equal.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from driftdb_jupyter.client.form import meant
from driftdb_jupyter.client.receipt import Receipt
from driftdb_jupyter.client.session import Session
from driftdb_jupyter.client.state_replica import StateReplica, Update
from driftdb_jupyter.rooms.room import Room

__all__ = ["KINDS", "Kind"]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """``join`` a key, ``write`` a text there; in the end ``shown`` is what the room ``held``.

    A write may return a receipt. ``every_write_counts``: no write takes another's place while it
    waits.
    """

    join: Callable[[Session, str], Any]
    write: Callable[[Any, bytes], Any]
    shown: Callable[[Any], object]
    held: Callable[[Room, str], object]
    every_write_counts: bool = True


def _join_state(session: Session, key: str) -> Any:
    replica = session.state(key)
    replica.offer(json.dumps(f"initial value of {session.secret}").encode())
    return replica


def _state(room: Room, key: str) -> object:
    entries = room.read(key)
    return meant(bytes(entries[-1].value.as_json())) if entries else None


def _append_to_register(replica: StateReplica, text: bytes) -> Receipt[bytes]:
    """Put a text at the end of the list that the state holds, whoever else does so too."""

    def step(base: bytes | None) -> bytes:
        return json.dumps([*json.loads(base or b"[]"), json.loads(text)]).encode()

    update = Update(step, step(replica.shown))
    assert replica.update(update, base=replica.shown)
    return update.receipt


def _entries(room: Room, key: str) -> object:
    return [(bytes(entry.value.as_json()), entry.seq) for entry in room.read(key)]


KINDS = {
    "state": Kind(
        join=_join_state,
        write=lambda replica, text: replica.write(text),
        shown=lambda replica: replica.shown,
        held=_state,
        every_write_counts=False,
    ),
    "register": Kind(
        join=lambda session, key: session.state(key),
        write=_append_to_register,
        shown=lambda replica: replica.shown,
        held=_state,
    ),
    "stream": Kind(
        join=lambda session, key: session.log(key, keep=True),
        write=lambda replica, text: replica.push(text, keep=True),
        shown=lambda replica: [(each.value, each.seq) for each in replica.entries],
        held=_entries,
    ),
    "channel": Kind(
        join=lambda session, key: session.log(key, keep=False),
        write=lambda replica, text: replica.push(text, keep=False),
        shown=lambda replica: [(each.value, each.seq) for each in replica.entries],
        held=_entries,
    ),
}
"""By the key under which each takes part."""
