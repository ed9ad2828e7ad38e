"""The sequencer of a room whose order is a log in Redis."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Sequence
from itertools import islice
from typing import Protocol

from msgspec import Struct

from ...access.room_access import changes_rights
from ...protocol.errors import Refusal, Unavailable
from ...protocol.messages import Append, Push, Replace
from ...protocol.value import Value
from ...rooms.memory_budget import MemoryBudget
from ...rooms.memory_cost import VALUE_COST_BYTES
from ...rooms.room import Applied, Room
from ..broker import NOBODY, Audience, Pusher
from .keys import RoomKeys
from .record import (
    AccessChanged,
    Begun,
    Body,
    Bounds,
    ClientsForgotten,
    ClientsSeen,
    Person,
    Pushed,
    Pushes,
    Record,
    encode_body,
    person_of,
)
from .replica import Gathered, Replica

__all__ = ["RedisHandle", "RedisSequencer"]

_log = logging.getLogger("driftdb_jupyter")

# What one entry of the log holds at most, beside a single long push.
_BATCH_COUNT = 1000
_BATCH_BYTES = 256 * 1024
# Below that much free memory it is looked whether a push fits.
_NEARLY_FULL_BYTES = 32 * 1024 * 1024


class RedisHandle(Protocol):
    """The parts of a broker that a sequencer uses."""

    @property
    def failing(self) -> str | None:
        """Why nothing can be written at the moment, in words; else ``None``."""

    @property
    def memory(self) -> MemoryBudget:
        """The memory that all rooms together may take."""

    @property
    def server(self) -> str:
        """The id of this server."""

    def want_send(self, sequencer: RedisSequencer) -> None:
        """Have what was gathered sent, with the next pipeline."""

    def changed(self, sequencer: RedisSequencer) -> None:
        """Note that what is told of a room unopened is another now."""

    def epoch_changed(self, sequencer: RedisSequencer) -> None:
        """Let go of a room that is in another epoch now."""

    def catch_up(self, sequencer: RedisSequencer) -> asyncio.Future[None]:
        """Read what the log has beyond what was applied; returns what to wait for."""


class _Waiting(Struct, gc=False):
    """A push, and who is to be told what became of it."""

    gathered: Gathered
    pusher: Pusher


class RedisSequencer(Replica):
    """The replica of a room, and the pushes to it that came to this server.

    They wait in order: ``_gathered`` are those to be sent next, ``_sent`` those that are on their
    way, by the number of their batch. ``audience`` hears of all pushes. ``id``: the room's own,
    which no other of its name has; ``generation``: in which it was opened. ``in_use``: whether
    somebody takes part. ``is_loaded``, ``is_sending``, ``is_writing_snapshot``: the broker's and
    the courier's. ``snapshot_bytes``: how long its newest snapshot was that this server wrote or
    read.
    """

    reads_wait = True

    def __init__(self, keys: RoomKeys, room: Room, bounds: Bounds, handle: RedisHandle) -> None:
        super().__init__(room, bounds)
        self.keys = keys
        self.id = ""
        self.audience: Audience = NOBODY
        self.is_loaded = False
        self.is_sending = False
        self.snapshot_bytes = 0
        self.is_writing_snapshot = False
        self._handle = handle
        self._is_wanted = False
        self._gathered: deque[_Waiting] = deque()
        self._facts: deque[Body] = deque()
        self._sent: dict[int, list[_Waiting]] = {}
        self._connections: dict[str, int] = {}
        self._ended: str | None = None  # why its pushes are refused, or "" where it is no more
        self._server = handle.server.encode()
        self._forgetting = False
        self._when_settled: asyncio.Future[None] | None = None
        self.generation = ""
        self.in_use = False

    def __str__(self) -> str:
        return f"The room of {len(self.keys.name)} letters at entry {self.number}"

    @property
    def has_ended(self) -> bool:
        """Whether it is the room's sequencer no longer."""
        return self._ended is not None

    @property
    def settled(self) -> bool:
        """Whether nobody waits for an answer."""
        return not (self._gathered or self._sent or self._facts)

    async def wait_until_settled(self) -> None:
        """Wait until nobody waits for an answer."""
        while not self.settled:
            if self._when_settled is None:
                self._when_settled = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._when_settled)

    def behind(self, epoch: str, seq: int) -> Awaitable[bool] | None:
        """Return what to wait for where a client has heard more elsewhere (see :mod:`..broker`)."""
        return self._reach(epoch, seq) if self._is_behind(epoch, seq) else None

    def _is_behind(self, epoch: str, seq: int) -> bool:
        return self._ended is None and (epoch != self.room.epoch or seq > self.room.seq)

    async def _reach(self, epoch: str, seq: int) -> bool:
        for _ in range(2):  # a reading that is under way may have begun before
            await asyncio.wait([self._handle.catch_up(self)])
            if not self._is_behind(epoch, seq):
                return True
        return False

    def push(self, push: Push, values: Sequence[Value], pusher: Pusher) -> bool:
        """Gather a push for the room's log; its broadcast and its answer come from there."""
        handle = self._handle
        gathered = Gathered(push, values, pusher.client, pusher.author)
        if self._ended is not None:
            pusher.answer(push, self._outcome_at_end(gathered))
            return False
        if handle.failing is not None:
            known = self._knows(gathered)
            pusher.answer(
                push, self._apply_push(gathered) if known else Unavailable(handle.failing)
            )
            return False
        if handle.memory.free_bytes < _NEARLY_FULL_BYTES and not self._fits(gathered):
            pusher.answer(push, MemoryBudget.refusal())
            return False
        self._gathered.append(_Waiting(gathered, pusher))
        self._want_send()
        return True

    def joined(self, client: str) -> None:
        """Note that a client has opened a connection."""
        self._connections[client] = self._connections.get(client, 0) + 1

    def left(self, client: str) -> None:
        """Note that a client has closed a connection."""
        count = self._connections.pop(client, 0) - 1
        if count > 0:
            self._connections[client] = count

    def expire_clients(self, *, before: float, touch_before: float) -> None:
        """Have the clients forgotten that pushed last before then, and are not connected here.

        Those that are, and pushed last before ``touch_before``, are said to be there still, for
        other servers forget clients, too. Both in seconds since 1970.
        """
        old, there = [], []
        for client, seen in self.seen.items():
            if client in self._connections:
                if seen < touch_before * 1e6:
                    there.append(client)
            elif seen < before * 1e6:
                old.append(client)
        if there:
            self._state(ClientsSeen(there))
        if old:
            self._state(ClientsForgotten(old))

    def take_batch(self, batch: int) -> bytes | None:
        """Return the next entry for the log, ``None`` where there is none to be sent."""
        self._is_wanted = False
        if self._ended is not None:
            return None
        server = self._handle.server
        if self._facts:
            self._sent[batch] = []
            return encode_body(self._facts.popleft(), server=server, batch=batch)
        if not self._gathered:
            return None
        taken: list[_Waiting] = []
        people: dict[Person, int] = {}
        places: dict[tuple[str | None, int], int] = {}
        pushes: list[Pushed] = []
        byte_count = 0
        while self._gathered and len(taken) < _BATCH_COUNT and byte_count < _BATCH_BYTES:
            waiting = self._gathered.popleft()
            gathered = waiting.gathered
            who = gathered.client, id(gathered.author)
            place = places.get(who)
            if place is None:
                person = person_of(gathered.client, gathered.author)
                place = places[who] = people.setdefault(person, len(people))
            pushes.append(Pushed.of(gathered.push, gathered.values, place))
            byte_count += sum([value.byte_count for value in gathered.values])
            taken.append(waiting)
        self._sent[batch] = taken
        return encode_body(Pushes(list(people), pushes), server=server, batch=batch)

    def sent(self) -> None:
        """Note that Redis has answered what was sent: more may follow."""
        self.is_sending = False
        if self._gathered or self._facts:
            self._want_send()

    def refuse_batch(self, batch: int, reason: str) -> None:
        """Refuse the pushes of a batch that was not taken."""
        for waiting in self._sent.pop(batch, ()):
            self._answer(waiting, Unavailable(reason))
        self._forgetting = any(isinstance(fact, ClientsForgotten) for fact in self._facts)
        self._look_whether_settled()

    def end(self, reason: str = "") -> Audience:
        """Take no more pushes; returns who is to hear why, before :meth:`answer_waiting`.

        What waits, and what comes too late, is refused with a reason; without one the room is no
        more, and it is answered as if it had come just before.
        """
        self._ended = reason
        audience, self.audience = self.audience, NOBODY
        return audience

    def answer_waiting(self) -> None:
        """Answer what waits, once it has ended and whoever is connected heard of that.

        Where Redis may have lost something nobody knows what became of it: who is connected is not
        told that it was refused, for it may come again.
        """
        waiting = [each for batch in self._sent.values() for each in batch]
        waiting += self._gathered
        self._sent.clear()
        self._gathered.clear()
        self._facts.clear()
        for each in waiting:
            self._answer(each, self._outcome_at_end(each.gathered))
        self._look_whether_settled()
        self.room.release()

    def _look_whether_settled(self) -> None:
        waiting = self._when_settled
        if waiting is not None and self.settled:
            self._when_settled = None
            waiting.set_result(None)

    def _outcome_at_end(self, gathered: Gathered) -> Applied | Refusal:
        return Unavailable(self._ended) if self._ended else self._apply_push(gathered)

    def _want_send(self) -> None:
        if not (self._is_wanted or self.is_sending):
            self._is_wanted = True
            self._handle.want_send(self)

    def _state(self, body: Body) -> None:
        self._facts.append(body)
        self._want_send()

    def _knows(self, gathered: Gathered) -> bool:
        push, client = gathered.push, gathered.client
        if push.id is None or client is None:
            return False
        producer = self.room.producers.find(client)
        return producer is not None and producer.knows(push.id)

    def _fits(self, gathered: Gathered) -> bool:
        """Return whether this server has memory for what a push keeps."""
        action = gathered.push.action
        if not isinstance(action, (Append, Replace)):
            return True
        cost = sum([VALUE_COST_BYTES + value.byte_count for value in gathered.values])
        if isinstance(action, Replace):
            cost -= self.room.stream(gathered.push.key).cost_bytes
        return cost <= max(0, self._handle.memory.free_bytes)

    def _apply_own(self, record: Record) -> bool:
        if record.server != self._server:
            return False
        batch = self._sent.pop(record.batch, None)
        if not batch:  # a fact, or a batch of an earlier time in the room
            self._look_whether_settled()
            return False
        self._handle.changed(self)
        for waiting in batch:
            self._answer(waiting, self._apply_push(waiting.gathered))
        if len(self.room.producers) > self.bounds.clients and not self._forgetting:
            self._forget_excess()
        self._look_whether_settled()
        return True

    def _forget_excess(self) -> None:
        limit = self.bounds.clients
        # Some more than it takes, so that it needn't be done for each one that comes.
        excess = len(self.room.producers) - limit + limit // 8
        gone = (client for client in self.seen if client not in self._connections)
        clients = list(islice(gone, excess))
        if clients:
            self._forgetting = True
            self._state(ClientsForgotten(clients))

    def _forget(self, clients: Sequence[str]) -> None:
        self._forgetting = False
        super()._forget(clients)

    def _begin(self, begun: Begun) -> None:
        other = begun.epoch is not None and self.is_loaded
        super()._begin(begun)
        if other:
            self._handle.epoch_changed(self)

    def _change_access(self, changed: AccessChanged) -> None:
        super()._change_access(changed)
        if changes_rights({(kind, name): content for kind, name, content in changed.records}):
            try:
                self.audience.access_changed()
            except Exception:
                _log.exception("%s: a change of access failed", self)

    def _broadcast(self, applied: Applied) -> None:
        try:
            self.audience.broadcast(applied)
        except Exception:
            _log.exception("%s: a broadcast failed", self)

    def _answer(self, waiting: _Waiting, outcome: Applied | Refusal) -> None:
        try:
            waiting.pusher.answer(waiting.gathered.push, outcome)
        except Exception:
            _log.exception("%s: an answer failed", self)
