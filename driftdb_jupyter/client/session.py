"""What a client knows of one room, and what it has to say; no I/O, no clock, no thread."""

from __future__ import annotations

import secrets
from typing import NamedTuple

from ..protocol.errors import Conflict, Forbidden, Refusal, TooLarge
from ..protocol.limits import Limits
from . import frames
from .replica import StateReplica

__all__ = ["Event", "Session"]


class Event(NamedTuple):
    """What came of a frame or a write: the key's replica changed, or ``error`` says otherwise.

    ``key`` is ``None`` where the server refused a message that wasn't a push of ours.
    """

    key: str | None
    error: Refusal | None = None


class _Push(NamedTuple):
    replica: StateReplica
    frame: bytes
    offer: bool


class Session:
    """One client's part in one room, over any number of connections.

    Whoever drives it calls :meth:`connected` and :meth:`disconnected`, hands the text frames that
    come to :meth:`receive`, and after each of these and each write sends what :meth:`outgoing`
    returns and passes on what :meth:`events` returns. Not thread-safe (but :attr:`StateReplica.
    shown` may be read at any time).

    A new connection asks for every key again, and every push that was not acknowledged is sent
    again with its old id, in order; the server applies each once (protocol, "Knowing that a push
    arrived, once").

    ``secret`` is what the server knows this client by; it goes on the socket's URL.
    """

    def __init__(self, *, secret: str | None = None, limits: Limits | None = None) -> None:
        self.secret = secret or secrets.token_urlsafe(32)
        self.online = False
        self.answered = False
        """Whether the open connection has brought the answer to a ``get``."""
        self._limits = limits or Limits()
        self._replicas: dict[str, StateReplica] = {}
        self._pushes: dict[int, _Push] = {}  # not acknowledged, by id
        self._last_id = 0
        self._touched: dict[str, StateReplica] = {}  # in the order of their writes
        self._outbox: list[bytes] = []
        self._events: dict[Event, None] = {}

    @property
    def settled(self) -> bool:
        """Whether every write was acknowledged (or refused)."""
        return all(replica.settled for replica in self._replicas.values())

    @property
    def keys(self) -> list[str]:
        """The keys that were asked for."""
        return list(self._replicas)

    def state(self, key: str) -> StateReplica:
        """Return the replica of a key; the first time, subscribe to it.

        Raises :class:`~driftdb_jupyter.protocol.errors.TooLarge` for the key.
        """
        replica = self._replicas.get(key)
        if replica is None:
            self._limits.check_key(key)
            replica = self._replicas[key] = StateReplica(self, key)
            if self.online:
                self._outbox.append(frames.get(key))
        return replica

    def forget(self, key: str) -> bool:
        """Ask no more for a key, unless something of it is under way; tells whether it is gone."""
        if not self._replicas[key].settled:
            return False
        del self._replicas[key]
        self._touched.pop(key, None)
        return True

    # What the driver calls.

    def connected(self) -> None:
        """A connection is open: ask for every key, and send again what was not acknowledged."""
        self.online = True
        self._outbox = [frames.get(key) for key in self._replicas]
        self._outbox += [push.frame for push in self._pushes.values()]

    def disconnected(self, *, close_code: int | None = None) -> None:
        """The connection is gone, with the close code that the server gave.

        After 1009 (far over the limit) the longest push under way is given up.
        """
        self.online = self.answered = False
        self._outbox = []
        if close_code == 1009 and self._pushes:
            longest = max(self._pushes, key=lambda push_id: len(self._pushes[push_id].frame))
            length = len(self._pushes[longest].frame)
            self._refused(longest, TooLarge(f"the server takes no message of {length} bytes"))
        for push_id, push in list(self._pushes.items()):
            if push.offer:
                del self._pushes[push_id]
        for replica in self._replicas.values():
            replica.disconnected()

    def receive(self, frame: str | bytes) -> None:
        """Take a text frame of the server.

        Raises :class:`~driftdb_jupyter.protocol.errors.BadMessage` if it is none of the protocol's.
        """
        message = frames.read(frame)
        if message is None:
            return
        replica = self._replicas.get(message.key)
        if message.type == "push":
            if replica is not None and message.seq is not None:
                replica.pushed(bytes(message.value), message.seq)
        elif message.type == "init":
            self.answered = True
            if replica is not None:
                replica.initialized(message.data)
        elif message.type == "ack":
            if message.id is not None and (push := self._pushes.pop(message.id, None)):
                push.replica.acknowledged(message.id)
        else:
            self._refused(message.id, message.refusal())

    def outgoing(self) -> list[bytes]:
        """Return the text frames to send now, and forget them."""
        if not self.online:
            return []
        touched, self._touched = self._touched, {}
        for replica in touched.values():
            replica.next_write()
        outbox, self._outbox = self._outbox, []
        return outbox

    def events(self) -> list[Event]:
        """Return what happened since the last call, each change of a key once."""
        events, self._events = self._events, {}
        return list(events)

    def forked(self, *, secret: str | None = None) -> None:
        """Start over as another client, with what is known of the room but nothing under way."""
        self.secret = secret or secrets.token_urlsafe(32)
        self.online = self.answered = False
        self._pushes = {}
        self._last_id = 0
        self._outbox = []
        for replica in self._replicas.values():
            replica.forked()
        self._touched = {}
        self._events = {}

    # What the replicas call.

    def check_size(self, key: str, value: bytes) -> None:
        """Raise :class:`~driftdb_jupyter.protocol.errors.TooLarge` for what is over the limit."""
        length = len(value) + frames.push_overhead_bytes(key)
        if length > self._limits.message_bytes:
            raise self._limits.message_too_large(length)

    def replace(self, replica: StateReplica, value: bytes, *, if_seq: int | None = None) -> int:
        """Push a replica's value, and return the push's id."""
        self._last_id += 1
        frame = frames.replace(replica.key, value, push_id=self._last_id, if_seq=if_seq)
        self._pushes[self._last_id] = _Push(replica, frame, if_seq is not None)
        self._outbox.append(frame)
        return self._last_id

    def touched(self, replica: StateReplica) -> None:
        """A replica changed, and may have something to send."""
        self._touched[replica.key] = replica
        self._events[Event(replica.key)] = None

    def _refused(self, push_id: int | None, error: Refusal) -> None:
        if push_id is None:
            self._events[Event(None, error)] = None
        elif push := self._pushes.pop(push_id, None):
            push.replica.refused(push_id, error)
            # Who may not write, or comes late, needs to offer no initial value either.
            if not (push.offer and isinstance(error, (Conflict, Forbidden))):
                self._events[Event(push.replica.key, error)] = None
