"""What a client knows of one room, and what it has to say; no I/O, no clock, no thread."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol, TypeVar

from ...protocol.errors import (
    Conflict,
    DriftDBError,
    Forbidden,
    NotConnected,
    QueueFull,
    RateExceeded,
    Refusal,
    TooLarge,
    Unavailable,
)
from ...protocol.json_text import count_marks
from ...protocol.limits import Limits
from . import messages
from .log import LogReplica
from .messages import KeyInfo
from .presence import PresenceReplica
from .receipt import Receipt, fail, fulfil
from .replica import Replica
from .state import StateReplica

__all__ = ["Event", "Session"]

R = TypeVar("R", bound=Replica)


class Event(NamedTuple):
    """What came of a frame or a write: the key's replica changed, or ``error`` says otherwise.

    ``key`` is ``None`` where the server refused a message that wasn't a push of ours;
    ``presence`` where it is who is there that changed.
    """

    key: str | None
    error: Refusal | None = None
    presence: bool = False


class _Pusher(Protocol):
    """Hears what became of its pushes (see :class:`.Replica`)."""

    key: str

    def acknowledged(self, push_id: int, seq: int | None) -> None: ...

    def refused(self, push_id: int, error: Refusal) -> None: ...


class _Push(NamedTuple):
    pusher: _Pusher
    frame: bytes
    offer: bool
    undated: bool


class _Errand:
    """A push of who hears nothing of the key, whether there is a replica of it or not."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.receipt: Receipt[int | None] = Receipt()

    def acknowledged(self, push_id: int, seq: int | None) -> None:
        fulfil([self.receipt], seq)

    def refused(self, push_id: int, error: Refusal) -> None:
        fail([self.receipt], error)


class Session:
    """One client's part in one room, over any number of connections.

    Whoever drives it calls :meth:`connected` and :meth:`disconnected`, hands the text frames that
    come to :meth:`receive`, and after each of these and each write sends what :meth:`outgoing`
    returns and passes on what :meth:`events` returns. Where :attr:`held` says that the server has
    no time for pushes, it calls :meth:`retry` after a while. Not thread-safe (but
    :attr:`.StateReplica.shown` may be read at any time).

    A new connection asks for what was missed of every key, and every push that was not
    acknowledged is sent again with its old id, in order; the server applies each once (protocol,
    "Knowing that a push arrived, once"). An id stays its push's own, whatever became of it.

    ``secret`` is what the server knows this client by; it goes on the socket's URL.
    ``queue_limit_bytes`` and ``queue_limit_count`` bound the appends and relays that were not
    acknowledged; of a state one write waits at most.
    """

    # How far the ids of the pushes in flight may be apart: a server remembers 1,024 at least
    # (protocol, "Knowing that a push arrived, once"). Fewer, while it has no time for them.
    widest_window = 1_000
    narrowest_window = 8

    def __init__(
        self,
        *,
        secret: str | None = None,
        limits: Limits | None = None,
        queue_limit_bytes: int = 16 * 1024 * 1024,
        queue_limit_count: int = 10_000,
    ) -> None:
        self.secret = secret or secrets.token_urlsafe(32)
        self.online = False
        self.offline_since: float | None = None
        """Since when there is no connection (seconds since 1970); ``None``: there is, or never was
        one."""
        self.epoch: str | None = None
        """The room's epoch, as far as it was heard."""
        self.answered = False
        """Whether the open connection has brought the answer to a ``get``."""
        self.taken = 0
        """How many pushes were acknowledged so far."""
        self.held: Refusal | None = None
        """Why pushes wait until :meth:`retry`."""
        self.page = 1_000
        """How many values are asked for at once."""
        self._limits = limits or Limits()
        self._queue_limit_bytes = queue_limit_bytes
        self._queue_limit_count = queue_limit_count
        self._queue_bytes = 0
        self._replicas: dict[str, Replica] = {}
        self._presences: dict[str, PresenceReplica] = {}
        self._errands: dict[int, _Errand] = {}
        self._listings: dict[str, list[Receipt[dict[str, KeyInfo]]]] = {}  # by prefix
        self._pushes: OrderedDict[int, _Push] = OrderedDict()  # not acknowledged, by id
        self._unsent: OrderedDict[int, None] = OrderedDict()  # those to send on this connection
        self._last_id = 0
        self._window = self.widest_window
        self._stale: dict[StateReplica, None] = {}
        self._touched: dict[str, Replica] = {}  # in the order of their writes
        self._outbox: list[bytes] = []
        self._events: dict[Event, None] = {}

    @property
    def settled(self) -> bool:
        """Whether every write was acknowledged (or refused)."""
        writers: list[Replica | PresenceReplica] = [
            *self._replicas.values(),
            *self._presences.values(),
        ]
        return not self._errands and all(writer.settled for writer in writers)

    @property
    def waiting(self) -> int:
        """How many writes were not acknowledged yet."""
        return len(self._pushes) + sum(replica.waiting for replica in self._replicas.values())

    @property
    def recovered(self) -> bool | None:
        """Whether all that was missed came after the last reconnect; ``None``: not known yet.

        ``False``: for some key it is lost what happened in between, and only what the room holds
        now is known.
        """
        told = [replica.recovered for replica in self._replicas.values()]
        known = [recovered for recovered in told if recovered is not None]
        return all(known) if known else None

    @property
    def keys(self) -> list[str]:
        """The keys that were asked for."""
        return list(self._replicas)

    def state(self, key: str) -> StateReplica:
        """Return the replica of a key that is a state; the first time, subscribe to it.

        Raises :class:`~driftdb_jupyter.protocol.errors.TooLarge` for the key, and
        :class:`ValueError` where it is used as something else here.
        """
        return self._join(key, StateReplica, lambda: StateReplica(self, key))

    def log(
        self, key: str, *, keep: bool, stamps: bool = False, max_length: int | None = None
    ) -> LogReplica:
        """Return the replica of a key as a sequence of pushes; the first time, subscribe to it.

        See :class:`.LogReplica` for ``keep`` and ``stamps``; where others ask for one later, the
        key is read anew. ``max_length``: the least that anybody gives counts. Raises as
        :meth:`state` does.
        """
        replica = self._join(
            key, LogReplica, lambda: LogReplica(self, key, keep=keep, stamps=stamps)
        )
        more = (keep and not replica.keep) or (stamps and not replica.stamps)
        replica.keep = replica.keep or keep
        replica.stamps = replica.stamps or stamps
        if max_length is not None:
            replica.max_length = min(max_length, replica.max_length or max_length)
        if more and replica.current:
            self.read_anew(replica)
        return replica

    def presence(self, key: str) -> PresenceReplica:
        """Return who is there under a key; the first time, ask.

        Raises :class:`~driftdb_jupyter.protocol.errors.TooLarge` for the key.
        """
        replica = self._presences.get(key)
        if replica is None:
            self._limits.check_key(key)
            replica = self._presences[key] = PresenceReplica(self, key)
            if self.online:
                self._outbox += replica.ask()
        replica.leaving = False
        return replica

    def send(
        self,
        key: str,
        *values: bytes,
        action: messages.Action,
        if_seq: int | None = None,
        max_length: int | None = None,
    ) -> Receipt[int | None]:
        """Push values, each JSON text, without hearing of the key (see :func:`.messages.push`).

        The receipt brings the last one's sequence number. Raises
        :class:`~driftdb_jupyter.protocol.errors.TooLarge`, and
        :class:`~driftdb_jupyter.protocol.errors.QueueFull`.
        """
        self._limits.check_key(key)
        self.check_size(key, *values)
        self.check_queue(key, *values)
        errand = _Errand(key)
        push_id = self.push(errand, *values, action=action, if_seq=if_seq, max_length=max_length)
        self._errands[push_id] = errand
        return errand.receipt

    def list_keys(self, prefix: str = "") -> Receipt[dict[str, KeyInfo]]:
        """Ask which keys there are that begin so."""
        receipt: Receipt[dict[str, KeyInfo]] = Receipt()
        asked = self._listings.setdefault(prefix, [])
        asked.append(receipt)
        if self.online and len(asked) == 1:
            self._outbox.append(messages.keys(prefix))
        return receipt

    def forget(self, key: str) -> bool:
        """Ask no more for a key, unless something of it is under way; tells whether it is gone."""
        if not self._replicas[key].settled:
            return False
        del self._replicas[key]
        self._touched.pop(key, None)
        if key not in self._presences:
            self._unsubscribe(key)
        return True

    def forget_presence(self, key: str) -> None:
        """Be there under a key no more, and don't ask who is."""
        replica = self._presences[key]
        if replica.spoke:
            said = replica.leave()
            self._outbox += said if self.online else []
        else:
            self.presence_left(replica)

    # What the driver calls.

    def connected(self) -> None:
        """A connection is open: ask for every key, and send again what was not acknowledged."""
        self.online = True
        self.offline_since = None
        self._outbox = [replica.ask() for replica in self._replicas.values()]
        for presence in self._presences.values():
            self._outbox += presence.ask()
        self._outbox += [messages.keys(prefix) for prefix in self._listings]
        self._send_all_again()

    def disconnected(self, *, close_code: int | None = None, now: float | None = None) -> None:
        """The connection is gone, with the close code that the server gave.

        After 1009 (far over the limit) the longest push under way is given up. ``now`` is the
        time in seconds since 1970.
        """
        self.online = self.answered = False
        self.offline_since = now
        self.held = None
        self._outbox = []
        sent = [push_id for push_id in self._pushes if push_id not in self._unsent]
        if close_code == 1009 and sent:
            longest = max(sent, key=lambda push_id: len(self._pushes[push_id].frame))
            length = len(self._pushes[longest].frame)
            self._refused(longest, TooLarge(f"the server takes no message of {length} bytes"))
        for push_id in [push_id for push_id, push in self._pushes.items() if push.offer]:
            self._done(push_id)
        for replica in self._replicas.values():
            replica.disconnected()
        for presence in self._presences.values():
            presence.disconnected()

    def receive(self, frame: str | bytes) -> None:
        """Take a text frame of the server.

        Raises :class:`~driftdb_jupyter.protocol.errors.BadMessage` if it is none of the protocol's.
        """
        message = messages.read(frame)
        if message is None:
            return
        replica = self._replicas.get(message.key)
        if message.type == "push":
            if replica is not None:
                replica.pushed(message.pushed())
        elif message.type == "init":
            self.answered = True
            self.epoch = message.epoch
            if replica is not None and (more := replica.initialized(message)) is not None:
                self._outbox.append(more)
        elif message.type == "delete":
            if replica is not None and message.seq is not None:
                replica.deleted(message.seq)
        elif message.type == "ack":
            if message.id is not None and (push := self._done(message.id)):
                self.taken += 1
                self._window = min(self._window + 1, self.widest_window)
                self._errands.pop(message.id, None)
                push.pusher.acknowledged(message.id, message.seq)
        elif message.type in ("presence", "presence_state"):
            if presence := self._presences.get(message.key):
                if message.type == "presence":
                    presence.changed(message)
                else:
                    presence.initialized(message)
        elif message.type == "keys":
            fulfil(self._listings.pop(message.prefix, ()), message.keys)
        else:
            self._refused(message.id, message.refusal())

    def ask_for_less(self) -> bool:
        """A message came that is too long to be read: ask for fewer values at once from now on.

        False where it can't be fewer.
        """
        before, self.page = self.page, max(self.page // 10, 1)
        return self.page < before

    def retry(self) -> None:
        """Try again what the server had no time for."""
        if self.held is None or not self.online:
            return
        self.held = None
        self._outbox += [each.asked for each in self._replicas.values() if not each.current]
        for presence in self._presences.values():
            if not presence.current:
                self._outbox += presence.ask()
            presence.retry()
        self._outbox += [messages.keys(prefix) for prefix in self._listings]
        self._send_all_again()

    def outgoing(self) -> list[bytes]:
        """Return the text frames to send now, and forget them."""
        if not self.online:
            return []
        if self.held is None:
            touched, self._touched = self._touched, {}
            for replica in touched.values():
                replica.next_write()
            for presence in self._presences.values():
                self._outbox += presence.next_write()
            oldest = next(iter(self._pushes), 0)
            while self._unsent and (push_id := next(iter(self._unsent))) < oldest + self._window:
                if self._pushes[push_id].undated and not self._date(push_id):
                    break
                del self._unsent[push_id]
                self._outbox.append(self._pushes[push_id].frame)
        outbox, self._outbox = self._outbox, []
        return outbox

    def events(self) -> list[Event]:
        """Return what happened since the last call, each change of a key once."""
        events, self._events = self._events, {}
        return list(events)

    def stale(self) -> list[StateReplica]:
        """The states whose updates wait to be made again (:meth:`.StateReplica.rebase`), once."""
        stale, self._stale = self._stale, {}
        return list(stale)

    def forked(self, *, secret: str | None = None) -> None:
        """Start over as another client, with what is known of the room but nothing under way."""
        self.secret = secret or secrets.token_urlsafe(32)
        self.disconnected()
        self.offline_since = None
        self.abandon(NotConnected("this process was forked; the write is its parent's to send"))
        for presence in self._presences.values():
            presence.forked()
        self._last_id = 0
        self._events = {}

    def abandon(self, error: DriftDBError) -> None:
        """Drop all that is under way, and fail the receipts with that error."""
        self._pushes = OrderedDict()
        self._unsent = OrderedDict()
        self._queue_bytes = 0
        for replica in self._replicas.values():
            replica.abandoned(error)
        errands, self._errands = self._errands, {}
        fail([errand.receipt for errand in errands.values()], error)
        listings, self._listings = self._listings, {}
        for receipts in listings.values():
            fail(receipts, error)
        self._touched = {}

    # What the replicas call.

    def check_size(self, key: str, *values: bytes) -> None:
        """Raise :class:`~driftdb_jupyter.protocol.errors.TooLarge` for what is over the limit."""
        length = self._length(key, *values)
        if length > self._limits.message_bytes:
            raise self._limits.message_too_large(length)

    def batches(self, key: str, values: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
        """Cut values into what each fits into one message, if any of them does."""
        room = self._limits.message_bytes - messages.push_overhead_bytes(key, count=2)
        start = length = items = 0
        for end, value in enumerate(values):
            marks = 1 + count_marks(value)
            full = (
                length + len(value) + 1 > room
                or end - start == self._limits.values
                or items + marks > self._limits.sparse_bytes
            )
            if end > start and full:
                yield values[start:end]
                start, length, items = end, 0, 0
            length += len(value) + 1
            items += marks
        if start < len(values):
            yield values[start:]

    def check_queue(self, key: str, *values: bytes) -> None:
        """Raise :class:`~driftdb_jupyter.protocol.errors.QueueFull` where too much waits."""
        length = self._queue_bytes + self._length(key, *values)
        if length <= self._queue_limit_bytes and len(self._pushes) < self._queue_limit_count:
            return
        waiting, size, since = len(self._pushes), self._queue_bytes, self.offline_since
        if since is not None:
            gone = f"there has been no connection since {datetime.fromtimestamp(since):%H:%M:%S}"
        elif not self.online:
            gone = "there was no connection yet"
        else:
            gone = "the server takes them more slowly than they come"
        raise QueueFull(
            f"expected at most {self._queue_limit_count} writes and {self._queue_limit_bytes} "
            f"bytes to wait for the room, got one more than the {waiting} ({size} bytes) that "
            f"wait: {gone}",
            waiting=waiting,
            waiting_bytes=size,
            offline_since=since,
        )

    def push(
        self,
        pusher: _Pusher,
        *values: bytes,
        action: messages.Action,
        if_seq: int | None = None,
        epoch: str | None = None,
        seq: int | None = None,
        max_length: int | None = None,
        offer: bool = False,
        dated: bool = False,
    ) -> int:
        """Push values (see :func:`.messages.push`), and return the push's id.

        An ``offer`` is not sent over another connection. One that is ``dated`` is for the epoch
        alone in which it is sent first: in another it is a conflict.
        """
        self._last_id += 1
        frame = messages.push(
            pusher.key,
            *values,
            action=action,
            push_id=self._last_id,
            if_seq=if_seq,
            epoch=epoch,
            seq=seq,
            max_length=max_length,
        )
        self._pushes[self._last_id] = _Push(pusher, frame, offer, dated)
        self._unsent[self._last_id] = None
        self._queue_bytes += len(frame)
        return self._last_id

    def read_anew(self, replica: Replica) -> None:
        """Ask for all that a key holds, as if nothing was known of it."""
        asked = replica.ask_anew()
        if self.online:
            self._outbox.append(asked)

    def overtaken(self, replica: StateReplica) -> None:
        """A state's updates have to be made again."""
        self._stale[replica] = None

    def presence_left(self, replica: PresenceReplica) -> None:
        """Nobody asks who is there any more, and the room knows that we are not."""
        del self._presences[replica.key]
        if replica.key not in self._replicas:
            self._unsubscribe(replica.key)

    def presence_touched(self, replica: PresenceReplica) -> None:
        """Who is there changed, or there is something to say."""
        self._events[Event(replica.key, presence=True)] = None

    def touched(self, replica: Replica) -> None:
        """A replica changed, and may have something to send."""
        self._touched[replica.key] = replica
        self._events[Event(replica.key)] = None

    def _join(self, key: str, kind: type[R], make: Callable[[], R]) -> R:
        replica = self._replicas.get(key)
        if replica is None:
            self._limits.check_key(key)
            replica = self._replicas[key] = make()
            if self.online:
                self._outbox.append(replica.ask())
        if not isinstance(replica, kind):
            raise ValueError(
                f"expected the key {key!r} for a {kind.__name__}, "
                f"got one that is in use as a {type(replica).__name__}"
            )
        return replica

    def _date(self, push_id: int) -> bool:
        """Give a push the epoch of the room; False before the room has said which one it is."""
        if not self.answered:
            return False
        push = self._pushes[push_id]
        frame = push.frame if self.epoch is None else messages.dated(push.frame, self.epoch)
        self._queue_bytes += len(frame) - len(push.frame)
        self._pushes[push_id] = push._replace(frame=frame, undated=False)
        return True

    def _unsubscribe(self, key: str) -> None:
        if self.online and self.epoch is not None:  # such a server knows the message
            self._outbox.append(messages.unsubscribe(key))

    def _length(self, key: str, *values: bytes) -> int:
        return sum(map(len, values)) + messages.push_overhead_bytes(key, count=len(values))

    def _send_all_again(self) -> None:
        self._unsent = OrderedDict.fromkeys(self._pushes)

    def _done(self, push_id: int) -> _Push | None:
        push = self._pushes.pop(push_id, None)
        if push is not None:
            self._unsent.pop(push_id, None)
            self._queue_bytes -= len(push.frame)
        return push

    def _refused(self, push_id: int | None, error: Refusal) -> None:
        if isinstance(error, (RateExceeded, Unavailable)):
            if self.held is None:
                self._window = max(self._window // 2, self.narrowest_window)
            self.held = error
        elif push_id is None:
            self._events[Event(None, error)] = None
        elif push := self._done(push_id):
            self._errands.pop(push_id, None)
            push.pusher.refused(push_id, error)
            # Who may not write, or comes late, needs to offer no initial value either; and who
            # updates a value tries again.
            if not isinstance(error, Conflict) and not (
                push.offer and isinstance(error, Forbidden)
            ):
                self._events[Event(push.pusher.key, error)] = None
