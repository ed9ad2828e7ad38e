"""One client's knowledge of one room, and what it has to say; no I/O, no clock, no thread."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from typing import TypeVar

from ...protocol.errors import (
    Conflict,
    DriftDBError,
    Forbidden,
    NotConnected,
    RateExceeded,
    Refusal,
    TooLarge,
    Unavailable,
    WrongKind,
)
from . import messages
from .kind import META, Kind, kind_in_meta
from .log import LogReplica
from .messages import KeyInfo
from .notices import Event, Notices
from .outcome import Outcome, fail, fulfil
from .presence import PresenceReplica
from .pushes import Pushes
from .replica import Replica
from .state import StateReplica

__all__ = ["Event", "Session"]

R = TypeVar("R", bound=Replica)


class _Errand:
    """A push of a client that hears nothing of the key, whether there is a replica of it or not."""

    restored = True

    def __init__(self, key: str, outcome: Outcome[int | None]) -> None:
        self.key = key
        self.outcome = outcome

    def acknowledged(self, push_id: int, seq: int | None) -> None:
        fulfil([self.outcome], seq)

    def refused(self, push_id: int, error: Refusal) -> None:
        fail([self.outcome], error)


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
    """

    def __init__(
        self, *, secret: str | None = None, pushes: Pushes | None = None, page: int = 1_000
    ) -> None:
        self.secret = secret or secrets.token_urlsafe(32)
        self.epoch: str | None = None
        """The room's epoch, as far as it was heard."""
        self.answered = False
        """Whether the open connection has brought the answer to a ``get``."""
        self.renews = False
        """Whether to ask the server to say when the credential is about to end."""
        self.expires = False
        """Whether the server has said so, since somebody looked last."""
        self.taken = 0
        """How many pushes were acknowledged so far."""
        self.held: Refusal | None = None
        """Why pushes wait until :meth:`retry`."""
        self.pushes = Pushes() if pushes is None else pushes
        """What this client wrote, and the room has not acknowledged."""
        self._notices = Notices(page=page)
        self._replicas: dict[str, Replica] = {}
        self._presences: dict[str, PresenceReplica] = {}
        self._errands: dict[int, _Errand] = {}
        self._kinds_asked: set[str] = (
            set()
        )  # the keys of which it is asked what they are said to be
        self._listings: dict[str, list[Outcome[dict[str, KeyInfo]]]] = {}  # by prefix

    @property
    def online(self) -> bool:
        """Whether there is a connection."""
        return self.pushes.online

    @property
    def offline_since(self) -> float | None:
        """Since when there is no connection (seconds since 1970).

        ``None``: there is one, or never was.
        """
        return self.pushes.offline_since

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
        """The number of writes that were not acknowledged yet."""
        return self.pushes.writes + sum(
            replica.waiting for replica in list(self._replicas.values())
        )

    @property
    def recovered(self) -> bool | None:
        """Whether all that was missed came after the last reconnect; ``None``: not known yet.

        ``False``: for some key it is lost what happened in between, and only what the room holds
        now is known.
        """
        answers = [replica.recovered for replica in list(self._replicas.values())]
        known = [recovered for recovered in answers if recovered is not None]
        return all(known) if known else None

    @property
    def keys(self) -> list[str]:
        """The keys that were asked for."""
        return list(self._replicas)

    def state(self, key: str, *, kind: Kind | None = None) -> StateReplica:
        """Return the replica of a key that is a state; the first time, subscribe to it.

        With ``kind`` the key is used as that, and as nothing else (protocol, "What a key is").

        Raises :class:`~driftdb_jupyter.protocol.errors.TooLarge` for the key, and
        :class:`~driftdb_jupyter.protocol.errors.WrongKind` where it is used as something else here.
        """
        return self._join(
            key,
            StateReplica,
            kind,
            lambda: StateReplica(key, self.pushes, self._notices, kind=kind),
        )

    def log(
        self,
        key: str,
        *,
        kind: Kind | None = None,
        keep: bool,
        held: bool = False,
        stamps: bool = False,
    ) -> LogReplica:
        """Return the replica of a key as a sequence of pushes; the first time, subscribe to it.

        See :class:`.LogReplica` for ``keep``, ``held`` and ``stamps``; where others ask for one
        later, the key is read anew. ``kind``, and what it raises, as in :meth:`state`.
        """
        replica = self._join(
            key,
            LogReplica,
            kind,
            lambda: LogReplica(
                key, self.pushes, self._notices, kind=kind, keep=keep, held=held, stamps=stamps
            ),
        )
        replica.want(keep=keep, held=held, stamps=stamps)
        return replica

    def presence(self, key: str) -> PresenceReplica:
        """Return who is there under a key; the first time, ask.

        Raises :class:`~driftdb_jupyter.protocol.errors.TooLarge` for the key.
        """
        replica = self._presences.get(key)
        if replica is None:
            self.pushes.limits.check_key(key)
            replica = self._presences[key] = PresenceReplica(key, self.pushes, self._notices)
            if self.online:
                self._notices.outbox += replica.ask()
        replica.leaving = False
        return replica

    def send(
        self,
        key: str,
        *values: bytes,
        action: messages.Action,
        if_seq: int | None = None,
        max_length: int | None = None,
    ) -> Outcome[int | None]:
        """Push values, each JSON text, without hearing of the key (see :func:`.messages.push`).

        The outcome brings the last one's sequence number. Raises
        :class:`~driftdb_jupyter.protocol.errors.TooLarge`, and
        :class:`~driftdb_jupyter.protocol.errors.QueueFull`.
        """
        self.pushes.limits.check_key(key)
        self.pushes.check_size(key, *values)
        self.pushes.check_queue(key, *values)
        outcome: Outcome[int | None] = Outcome()
        self.enqueue(key, values, outcome, action=action, if_seq=if_seq, max_length=max_length)
        return outcome

    def enqueue(
        self,
        key: str,
        values: Sequence[bytes],
        outcome: Outcome[int | None],
        *,
        action: messages.Action,
        if_seq: int | None = None,
        max_length: int | None = None,
    ) -> None:
        """Do what :meth:`send` does, for values whose size and number were checked."""
        errand = _Errand(key, outcome)
        push_id = self.pushes.push(
            errand, *values, action=action, if_seq=if_seq, max_length=max_length
        )
        self._errands[push_id] = errand

    def list_keys(
        self, prefix: str = "", outcome: Outcome[dict[str, KeyInfo]] | None = None
    ) -> Outcome[dict[str, KeyInfo]]:
        """Ask which keys there are that begin so; the outcome, made unless given, brings them."""
        outcome = Outcome() if outcome is None else outcome
        asked = self._listings.setdefault(prefix, [])
        asked.append(outcome)
        if self.online and len(asked) == 1:
            self._notices.outbox.append(messages.keys(prefix))
        return outcome

    def touch(self, replica: Replica) -> None:
        """Give a replica its turn: it may have something to send."""
        self._notices.touched(replica.key)

    def forget(self, key: str) -> bool:
        """Ask no more for a key, unless something of it is under way; tells whether it is gone."""
        if not self._replicas[key].settled:
            return False
        del self._replicas[key]
        self._kinds_asked.discard(key)
        if key not in self._presences:
            self._unsubscribe(key)
        return True

    def forget_presence(self, key: str) -> None:
        """Leave the people under a key, and hear of them no more."""
        replica = self._presences[key]
        if replica.spoke:
            said = replica.leave()
            self._notices.outbox += said if self.online else []
        else:
            self._presence_left(replica)

    # What the driver calls.

    def connected(self) -> None:
        """Begin on a new connection.

        Ask for every key, and send again what was not acknowledged.
        """
        self.pushes.online, self.pushes.offline_since = True, None
        self._notices.outbox = []
        for key, replica in self._replicas.items():
            if replica.kind is not None and (not replica.ready or key in self._kinds_asked):
                self._notices.outbox += self._ask_kind(key)
            self._notices.outbox.append(replica.ask())
        for presence in self._presences.values():
            self._notices.outbox += presence.ask()
        self._notices.outbox += [messages.keys(prefix) for prefix in self._listings]
        if self.renews:
            self._notices.outbox.append(messages.renew())
        self.pushes.send_again()

    def renew(self, token: str) -> None:
        """Go on with another token (protocol, "Going on with another credential")."""
        if self.online:
            self._notices.outbox.append(messages.renew(token))

    def disconnected(self, *, close_code: int | None = None, now: float | None = None) -> None:
        """Note that the connection is gone, with the close code that the server gave.

        After 1009 (far over the limit) the longest push under way is given up. ``now`` is the
        time in seconds since 1970.
        """
        self.answered = False
        self.pushes.online, self.pushes.offline_since = False, now
        self.held = None
        self._notices.outbox = []
        if close_code == 1009 and (longest := self.pushes.longest_sent()) is not None:
            push_id, length = longest
            error = TooLarge(
                f"the server takes no message of {length} bytes",
                in_python="Share less at once, or raise message_limit_bytes on the server, too.",
            )
            self._refused(push_id, error)
        self.pushes.drop_offers()
        for replica in self._replicas.values():
            replica.disconnected()
        for presence in self._presences.values():
            presence.disconnected()

    def receive_all(self, frames: Sequence[str | bytes]) -> None:
        """Take several text frames of the server, as :meth:`receive` takes each."""
        read = messages.read_many(frames) if len(frames) > 1 else None
        if read is None:
            for frame in frames:
                self.receive(frame)
            return
        run: list[messages.Push] = []  # of one key
        key = None
        for message in read:
            if isinstance(message, messages.Push):
                if message.key != key:
                    self._pushed(run)
                    run, key = [], message.key
                run.append(message)
            elif isinstance(message, messages.Ack):
                self._pushed(run)  # first: its own broadcast is among them
                run = []
                self._acknowledged(message.id, message.seq)
        self._pushed(run)

    def _pushed(self, run: Sequence[messages.Push]) -> None:
        replica = self._replicas.get(run[0].key) if run else None
        if replica is not None:
            replica.pushed_all(run)

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
            if message.key.startswith(META):
                self._kind_answered(message)
            if replica is not None and (more := replica.initialized(message)) is not None:
                self._notices.outbox.append(more)
        elif message.type == "compact":
            if replica is not None:
                replica.compacted(message.pushed())
        elif message.type == "delete":
            if replica is not None and message.seq is not None:
                replica.deleted(message.seq)
        elif message.type == "ack":
            self._acknowledged(message.id, message.seq)
        elif message.type in ("presence", "presence_state"):
            if presence := self._presences.get(message.key):
                if message.type == "presence":
                    presence.changed(message)
                elif presence.initialized(message):
                    self._presence_left(presence)
        elif message.type == "expires":
            self.expires = True
        elif message.type == "keys":
            fulfil(self._listings.pop(message.prefix, ()), message.keys)
        else:
            self._refused(message.id, message.refusal())

    def ask_for_less(self) -> bool:
        """Ask for fewer values at once from now on, since a message was too long to be read.

        False where it can't be fewer.
        """
        before = self._notices.page
        self._notices.page = max(before // 10, 1)
        return self._notices.page < before

    def retry(self) -> None:
        """Try again what the server had no time for."""
        if self.held is None or not self.online:
            return
        self.held = None
        for key in list(self._kinds_asked):
            self._notices.outbox += self._ask_kind(key)
        self._notices.outbox += [each.asked for each in self._replicas.values() if not each.current]
        for presence in self._presences.values():
            if not presence.current:
                self._notices.outbox += presence.ask()
            presence.retry()
        self._notices.outbox += [messages.keys(prefix) for prefix in self._listings]
        self.pushes.send_again()

    def outgoing(self) -> list[bytes]:
        """Return the text frames to send now, and forget them."""
        if not self.online:
            return []
        if self.held is None:
            for key in self._notices.take_touched():
                if (replica := self._replicas.get(key)) is not None:
                    replica.next_write()
            for presence in self._presences.values():
                self._notices.outbox += presence.next_write()
            self._notices.outbox += self.pushes.outgoing(epoch=self.epoch)
        outbox, self._notices.outbox = self._notices.outbox, []
        return outbox

    def events(self) -> list[Event]:
        """Return what happened since the last call, each change of a key once."""
        return self._notices.take_events()

    def stale(self) -> list[StateReplica]:
        """Return the states whose updates wait to be made again (:meth:`.StateReplica.rebase`)."""
        stale = (self._replicas.get(key) for key in self._notices.take_overtaken())
        return [replica for replica in stale if isinstance(replica, StateReplica)]

    def restores(self) -> list[Callable[[], object]]:
        """Return the calls that offer what the room forgot, once; on any other thread."""
        return self._notices.take_restores()

    def forked(self, *, secret: str | None = None) -> None:
        """Start over as another client, with what is known of the room but nothing under way."""
        self.secret = secret or secrets.token_urlsafe(32)
        self.disconnected()
        self.pushes.offline_since = None
        self.abandon(NotConnected("this process was forked; the write is its parent's to send"))
        for presence in self._presences.values():
            presence.forked()
        self.pushes.restart()
        self._notices.forget_events()

    def abandon(self, error: DriftDBError) -> None:
        """Drop all that is under way, and fail the outcomes with that error."""
        self.pushes.abandon()
        for replica in self._replicas.values():
            replica.abandoned(error)
        errands, self._errands = self._errands, {}
        fail([errand.outcome for errand in errands.values()], error)
        listings, self._listings = self._listings, {}
        for outcomes in listings.values():
            fail(outcomes, error)
        self._notices.forget_touched()

    def _join(self, key: str, type: type[R], kind: Kind | None, make: Callable[[], R]) -> R:
        replica = self._replicas.get(key)
        if replica is None:
            self.pushes.limits.check_key(key)
            replica = self._replicas[key] = make()
            if self.online:
                self._notices.outbox += self._ask_kind(key) if kind else []
                self._notices.outbox.append(replica.ask())
        elif kind is not None:
            if replica.kind is not None and replica.kind != kind:
                raise WrongKind(key, wanted=kind, found=replica.kind)
            if replica.kind is None:
                replica.kind = kind
                self._notices.outbox += self._ask_kind(key) if self.online else []
        if not isinstance(replica, type):
            raise ValueError(
                f"expected the key {key!r} for a {type.__name__}, "
                f"got one that is in use as a {replica.__class__.__name__}"
            )
        return replica

    def _ask_kind(self, key: str) -> list[bytes]:
        """Ask what a key is said to be; before its own answer, so that this one is there then."""
        self._kinds_asked.add(key)
        return [messages.get(META + key)]

    def _kind_answered(self, answer: messages.Incoming) -> None:
        key = answer.key[len(META) :]
        if key not in self._kinds_asked:
            return
        self._kinds_asked.discard(key)
        replica = self._replicas.get(key)
        if replica is not None and answer.data:
            replica.meta = kind_in_meta(bytes(answer.data[-1].value))
        if answer.key not in self._replicas and answer.key not in self._presences:
            self._unsubscribe(answer.key)

    def _presence_left(self, replica: PresenceReplica) -> None:
        """Forget who is there: nobody asks any more, and the room knows that we are not."""
        del self._presences[replica.key]
        if replica.key not in self._replicas:
            self._unsubscribe(replica.key)

    def _unsubscribe(self, key: str) -> None:
        if self.online and self.epoch is not None:  # such a server knows the message
            self._notices.outbox.append(messages.unsubscribe(key))

    def _complaint(self, error: Refusal) -> Event:
        """Return the event of a message that was refused, other than a push of ours."""
        if isinstance(error, Forbidden) and error.key is not None:
            replica = self._replicas.get(error.key)
            if replica is not None and error.action == "read":
                replica.withheld = True
                return Event(error.key, error)
            if error.key in self._presences:
                return Event(error.key, error, presence=True)
        return Event(None, error)

    def is_withheld(self, key: str) -> bool:
        """Return True if the room said that a key may not be read; on any thread."""
        replica = self._replicas.get(key)
        return replica is not None and replica.withheld

    def _acknowledged(self, push_id: int | None, seq: int | None) -> None:
        if push_id is not None and (push := self.pushes.get(push_id)):
            # Before it is forgotten, so that after a fault in here it is asked for again.
            push.pusher.acknowledged(push_id, seq)
            self.pushes.done(push_id)
            self._errands.pop(push_id, None)
            self.taken += 1
            self.pushes.widen()

    def _refused(self, push_id: int | None, error: Refusal) -> None:
        if isinstance(error, (RateExceeded, Unavailable)):
            if self.held is None:
                self.pushes.narrow()
            self.held = error
        elif push_id is None:
            self._notices.emit(self._complaint(error))
        elif push := self.pushes.get(push_id):
            push.pusher.refused(push_id, error)
            self.pushes.done(push_id)
            self._errands.pop(push_id, None)
            # Who may not write, or comes late, needs to offer no initial value either; and who
            # updates a value tries again.
            unheard = push.quiet or (push.offer and isinstance(error, Forbidden))
            if not unheard and not isinstance(error, Conflict):
                self._notices.emit(Event(push.pusher.key, error))
