"""A server whose sockets are two queues: its rooms, peers and codecs are the real ones."""

from __future__ import annotations

import asyncio
import json
import re
from collections import defaultdict, deque
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any

import cbor2
from msgspec import Struct, structs

from driftdb_jupyter.access.credential import Guest
from driftdb_jupyter.broker.broker import Pusher
from driftdb_jupyter.broker.memory_presence import MemoryPresence
from driftdb_jupyter.protocol.cbor_codec import CBOR
from driftdb_jupyter.protocol.entry import Author
from driftdb_jupyter.protocol.errors import RateExceeded, Refusal, Unavailable
from driftdb_jupyter.protocol.frame import BINARY, TEXT, payload
from driftdb_jupyter.protocol.json_codec import JSON
from driftdb_jupyter.protocol.limits import Limits
from driftdb_jupyter.protocol.messages import Compact, Push
from driftdb_jupyter.protocol.value import Value
from driftdb_jupyter.rooms.presence import Presence
from driftdb_jupyter.rooms.producer import Producer, Producers
from driftdb_jupyter.rooms.room import Applied, Room
from driftdb_jupyter.rooms.window import WindowLimits
from driftdb_jupyter.server.hosting.author import author
from driftdb_jupyter.server.hosting.guard import Guard
from driftdb_jupyter.server.hosting.hosted_room import HostedRoom
from driftdb_jupyter.server.hosting.peer import Peer
from driftdb_jupyter.server.hosting.unwritten import Unwritten
from driftdb_jupyter.server.receiving.reader import CLOSE_INTERNAL_ERROR
from driftdb_jupyter.server.sending.answer import Answer, one_frame
from driftdb_jupyter.server.sending.close_codes import CLOSE_STOPPING, CLOSE_TOO_SLOW
from driftdb_jupyter.server.sending.outbox import Flusher, Outbox

from .loop import SteppedLoop

__all__ = [
    "IDS_REMEMBERED",
    "PRESENCE_GRACE_SECONDS",
    "WINDOW",
    "Link",
    "PlantedError",
    "Record",
    "Server",
    "tokens",
]

IDS_REMEMBERED = 4
PRESENCE_GRACE_SECONDS = 15
_OUTBOX_LIMIT_BYTES = 500
WINDOW = WindowLimits(count=6, cost_bytes=4_000, seconds=100)


def tokens(text: bytes) -> list[str]:
    """The marks of the writes that a value carries; each write of a schedule has its own."""
    return re.findall(r"w\d+-\d+", text.decode(errors="replace"))


class PlantedError(Exception):
    """An error that a schedule has planted in the server."""


class Link:
    """One connection: what is on its way up and down, until it is cut.

    A close code, of the server's or 1006 for a reset, comes behind all frames. ``cbor``: the
    connection's messages travel as CBOR; both queues hold what the client speaks, JSON.
    """

    def __init__(self, *, cbor: bool) -> None:
        self.cbor = cbor
        self.up: deque[bytes] = deque()
        self.down: deque[bytes | int] = deque()
        self.alive = True
        """Whether what either end sends still gets onto the wire."""
        self.peer: Peer

    def close(self, code: int) -> None:
        """The server closes."""
        if self.alive:
            self.down.append(code)

    def cut(self) -> None:
        """Nothing arrives at the client any more; the server may yet read what is on its way."""
        self.alive = False
        self.down.clear()


def _complete(work: Coroutine[Any, Any, None], clock: Callable[[], float]) -> None:
    """Do all of a work, with whatever gives others their turn in between."""
    running: object = asyncio._get_running_loop()
    if isinstance(running, SteppedLoop):
        running.complete(work)
        return
    loop = SteppedLoop(clock)
    loop.run()
    try:
        loop.complete(work)
    finally:
        loop.forsake()


class _LinkFlusher(Flusher):
    """Puts frames into outboxes at once, and closes the slow ones at the end of a tick."""

    def __init__(self) -> None:
        super().__init__()
        self.written: dict[int, _LinkOutbox] = {}

    def fan_out(self, frame: bytes, audience: Mapping[int, Outbox]) -> None:
        for outbox in audience.values():
            outbox.put(frame)

    def settle(self) -> None:
        pass

    def flush(self) -> None:
        written, self.written = self.written, {}
        for outbox in written.values():
            outbox.check()


class _LinkOutbox(Outbox):
    """An outbox that sends into a link, as far as that takes it."""

    __slots__ = ("_init_bytes", "_link", "_link_flusher")

    def __init__(self, link: Link, flusher: _LinkFlusher) -> None:
        self._link = link
        self._link_flusher = flusher
        self._init_bytes = 0
        self.closed = False

    def put(self, frame: bytes) -> None:
        if self._take(frame):
            self._link_flusher.written[id(self)] = self

    def put_short_answer(self, frame: bytes) -> None:
        if self._take(frame):
            self._init_bytes += len(frame)

    def put_answer(self, answer: Answer) -> None:
        self.put_short_answer(b"".join(one_frame(answer)))
        answer.close()

    def check(self) -> None:
        """Close the peer where too much waits for it."""
        down = self._link.down
        waiting = sum(len(each) for each in down if isinstance(each, bytes))
        if not self.closed and waiting > _OUTBOX_LIMIT_BYTES + self._init_bytes:
            for _ in range(len(down) // 2):  # what the socket has not taken
                down.pop()
            self._link.peer.close(CLOSE_TOO_SLOW, "too slow")

    def flush(self) -> None:
        pass

    def close(self) -> None:
        self.closed = True

    def _take(self, frame: bytes) -> bool:
        if self.closed or not self._link.alive:
            return False
        if not self._link.down:
            self._init_bytes = 0
        opcode, message = payload(frame)
        if opcode == BINARY:
            message = json.dumps(cbor2.loads(message), separators=(",", ":")).encode()
        self._link.down.append(message)
        return True


class Record(Struct):
    """A push that was applied."""

    push: Push
    values: Sequence[Value]
    client: str | None
    author: Author | None
    now: float


class _ForgetfulProducers(Producers):
    """Producers of whom no more ids are remembered than must be."""

    __slots__ = ()

    def get(self, client: str) -> Producer:
        producer = self._producers.get(client)
        if producer is None:
            producer = self._producers[client] = Producer(remember=IDS_REMEMBERED)
        return producer


class Server:
    """One room, the journal that it comes back from, and what it promised.

    ``batched``: pushes are broadcast at once and acknowledged when they are committed; otherwise
    they are acknowledged at once and never committed.
    """

    reads_wait = False

    def __init__(self, *, batched: bool) -> None:
        self.now = 1_000.0
        self.running = True
        self.flusher = _LinkFlusher()
        self.troubles: list[type[Refusal]] = []
        """What the next pushes are refused with."""
        self.failing_commits = 0
        """How many commits, the next ones, fail."""
        self.failing_answers = 0
        """How many answers raise an exception, which ends the connection."""
        self.breaking = False
        """Whether the room's rows can't be written, until it is out of service."""
        self.links: list[Link] = []
        self.broadcasts: dict[tuple[str, str], list[int]] = defaultdict(list)
        """The numbers that were broadcast, by epoch and key."""
        self.acknowledged: set[str] = set()
        """The marks of writes that were acknowledged, and must not be lost."""
        self.lost: set[str] = set()
        """Those that a loss of all memory took back."""
        self.refused: set[str] = set()
        """Those that were refused for good."""
        self.wiped: set[str] = set()
        """Those that were gone when a copy took the place of the room."""
        self.deleted: set[str] = set()
        """Those that stood under a key when it was deleted."""
        self.journal: list[Record] = []
        self._batched = batched
        self._committed = 0
        self._answers: list[tuple[Pusher, Push, Applied]] = []
        self._epochs = 0
        self.room = self._new_room(self._new_epoch())
        self.hosted = self._host()

    @property
    def producers(self) -> Producers:
        """Which pushes of which clients were applied."""
        return self.room.producers

    def connect(self, secret: str, *, cbor: bool) -> Link | None:
        """Open a connection, in JSON or CBOR; ``None`` where the server isn't there."""
        if not self.running:
            return None
        link = Link(cbor=cbor)
        link.peer = Peer(
            self.hosted,
            _LinkOutbox(link, self.flusher),
            guard=Guard(Guest(), self.hosted.sequencer.room.access),
            author=author(secret),
            client=secret,
            close=lambda code, reason: link.close(code),
            codec=CBOR if cbor else JSON,
            limits=Limits(),
            subscription_limit=100,
            unwritten=Unwritten(limit_count=1_000, limit_bytes=3_000_000),
        )
        self.hosted.sequencer.joined(secret)
        self.hosted.presence.joined(link.peer.author.client)
        self.links.append(link)
        return link

    def read(self, link: Link) -> None:
        """Take the next frame of a connection."""
        if link.up and link in self.links:
            message = link.up.popleft()
            try:
                if link.cbor:
                    waits = link.peer.receive(BINARY, cbor2.dumps(json.loads(message)))
                else:
                    waits = link.peer.receive(TEXT, message)
                if isinstance(waits, Coroutine):  # a long message is taken in pieces
                    _complete(waits, lambda: self.now)
            except PlantedError:  # as a reader does with an error of the server's own
                link.close(CLOSE_INTERNAL_ERROR)
                link.alive = False
                self.notice(link)
            self.flusher.flush()

    def notice(self, link: Link) -> None:
        """See that a connection has ended."""
        if link in self.links:
            self.links.remove(link)
            link.peer.left()
            assert link.peer.client is not None
            self.hosted.sequencer.left(link.peer.client)
            self.hosted.presence.left(link.peer.author.client)

    def joined(self, client: str) -> None:
        """Hear that a client has come: here none is ever forgotten."""

    def left(self, client: str) -> None:
        """Hear that a client has gone."""

    def behind(self, epoch: str, seq: int) -> None:
        """Wait for nothing: nobody knows more than what is here."""

    def push(self, push: Push, values: Sequence[Value], pusher: Pusher) -> bool:
        """Apply a push, as a broker's sequencer does."""
        if self.refuses(push, values, pusher):
            return False
        record = Record(push, values, pusher.client, pusher.author, self.now)
        try:
            applied = self._apply(self.room, record)
        except Refusal as refusal:
            pusher.answer(push, refusal)
            return False
        self.keep(record, applied)
        if applied.broadcast:
            self.broadcasts[self.room.epoch, push.key] += [each.seq for each in applied.broadcast]
        self.hosted.broadcast(applied)
        self._answers.append((pusher, push, applied))
        if not self._batched:
            self._answer()
        return self._batched

    def keep(self, record: Record, applied: Applied) -> None:
        """Note what was applied; what a deletion takes away need not be there any more."""
        if applied.deleted:
            for each in self.journal:
                if each.push.key == applied.key:
                    for value in each.values:
                        self.deleted.update(tokens(bytes(value.as_json())))
        if applied.broadcast or applied.deleted:
            self.journal.append(record)

    def refuses(self, push: Push, values: Sequence[Value], pusher: Pusher) -> bool:
        """Refuse a push while there is trouble."""
        if not self.troubles:
            return False
        refusal = self.troubles.pop()("not now")
        if not isinstance(refusal, (RateExceeded, Unavailable)):
            for value in values:
                self.refused.update(tokens(bytes(value.as_json())))
        pusher.answer(push, refusal)
        return True

    def acknowledge(self, push: Push) -> None:
        """Note that a push was acknowledged: what it writes must not be lost."""
        offered = push.if_seq is not None and push.epoch is None
        if not offered and not isinstance(push.action, Compact):
            for raw in [push.value, *(push.values or ())]:
                self.acknowledged.update(tokens(bytes(raw)))

    def commit(self) -> None:
        """Write what was applied, and acknowledge it."""
        self._committed = len(self.journal)
        self._answer()
        self.flusher.flush()

    def stop(self, *, loses: str, politely: bool) -> None:
        """End; loses ``nothing``, the ``tail`` that wasn't committed, or ``everything``."""
        if loses == "nothing":
            self.commit()
        self.disconnect(politely=politely)
        self._answers.clear()
        if loses == "everything" or (loses == "tail" and not self._batched):
            self.lost |= self.acknowledged
            self.acknowledged.clear()
            self._committed = 0
        del self.journal[self._committed :]

    def disconnect(self, *, politely: bool) -> None:
        """End all connections."""
        self.running = False
        for link in self.links:
            if not politely:
                link.down.clear()
            link.close(CLOSE_STOPPING if politely else 1006)
            link.alive = False
            link.peer.left()
        self.links.clear()

    def set_disk(self, *, full: bool) -> None:
        """There is no disk here that could be full."""

    def write_elsewhere(self) -> None:
        """There is no other room here."""

    def check_elsewhere(self) -> None:
        """There is no other room here."""

    def expire(self) -> None:
        """No room expires here."""

    def export(self) -> None:
        """Nobody takes a copy here."""

    def replace(self) -> None:
        """Nobody puts a copy in the room's place here."""

    def start(self) -> None:
        """Come back with what the journal holds, but without a recovery window."""
        if self.running:
            return
        room = self._new_room(self.room.epoch)
        for record in self.journal:  # what was applied once is so again, whatever its conditions
            push = structs.replace(record.push, if_seq=None, epoch=None)
            self._apply(room, structs.replace(record, push=push))
        if room.seq != self.room.seq or not self.journal:
            room.epoch = self._new_epoch()
        self.room = room
        self.hosted = self._host()
        self.running = True

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds
        if self.room.window is not None:
            self.room.window.expire(now=self.now)
        self.hosted.presence.expire()
        self.flusher.flush()

    def applied(self) -> Iterable[str]:
        """The marks of all writes that the room has taken, but for the initial values.

        What was written on a condition holds all that was there before: so the newest counts.
        """
        updated: dict[str, list[str]] = {}
        for record in self.journal:
            marks = [mark for value in record.values for mark in tokens(bytes(value.as_json()))]
            updates = record.push.if_seq is not None and record.push.epoch is not None
            if updates or record.push.key in updated:
                updated[record.push.key] = marks
            elif record.push.if_seq is None and not isinstance(record.push.action, Compact):
                yield from marks
        for marks in updated.values():
            yield from marks

    def _answer(self) -> None:
        answers, self._answers = self._answers, []
        for pusher, push, applied in answers:
            self.acknowledge(push)
            pusher.answer(push, applied)

    def _host(self) -> HostedRoom:
        hosted = HostedRoom("simulated", self.flusher)
        hosted.presence = MemoryPresence(
            Presence(), hosted, grace_seconds=PRESENCE_GRACE_SECONDS, clock=lambda: self.now
        )
        hosted.sequencer = self
        return hosted

    def _new_epoch(self) -> str:
        self._epochs += 1
        return f"epoch-{self._epochs}"

    @staticmethod
    def _new_room(epoch: str) -> Room:
        room = Room(epoch=epoch, window_limits=WINDOW)
        room.producers = _ForgetfulProducers()
        return room

    @staticmethod
    def _apply(room: Room, record: Record) -> Applied:
        return room.apply(
            record.push,
            record.values,
            client=record.client,
            author=record.author,
            now=record.now,
        )
