"""Servers, clients, a Redis and its replica; a schedule moves them, then all must be well."""

from __future__ import annotations

import logging
import random as global_random
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any
from unittest import mock

from driftdb_jupyter.broker.redis import open_rooms, sequencer, snapshot
from driftdb_jupyter.protocol.entry import Entry
from driftdb_jupyter.rooms.room import Applied

from ..loop import SteppedLoop
from ..schedule import Schedules, Step
from .client import KEYS, Client, mark_of
from .network import Network, Wire, is_message
from .redis import Data, Redis, copy_of
from .server import GRACE_SECONDS, LEASE_SECONDS, ROOM, Server

__all__ = ["SCHEDULES", "World", "run"]

SERVERS = 3
_FACTS, _LOG, _SNAPSHOT = (b"driftdb:room:room:" + name for name in (b"facts", b"log", b"snapshot"))
CLIENTS = 3

_WEIGHTS = {
    "nothing": 1,  # what a schedule that failed is made shorter with
    "write": 20,
    "say": 10,
    "flow": 24,
    "connect": 8,
    "disconnect": 3,
    "hop": 8,
    "Redis takes": 10,
    "something arrives": 10,
    "a notification is lost": 4,
    "a notification comes twice": 2,
    "notifications change places": 2,
    "cut": 4,
    "a reply is lost": 4,
    "stall": 3,
    "flow on": 4,
    "kill": 2,
    "start": 4,
    "freeze": 2,
    "thaw": 4,
    "wait": 12,
    "wait long": 2,
    "snapshot": 5,
    "late snapshot": 2,
    "leave": 2,
    "show": 5,
    "show unheard": 3,
    "leave for good": 2,
    "delete": 1,
    "save": 3,
    "replicate": 3,
    "restart": 2,
    "restart from what was saved": 2,
    "restart empty": 1,
    "fail over": 2,
    "fail over for some": 1,
    "flush": 1,
    "full": 1,
    "not full": 3,
    "clock": 2,
}
SCHEDULES = Schedules(_WEIGHTS, count=SERVERS, least=40, most=120)


def run(schedule: Sequence[Step]) -> None:
    """Make every step, let all come to rest, and look whether everything is as promised."""
    with _small(), _no_errors():
        world = World()
        try:
            for step in schedule:
                world.do(*step)
            world.heal()
            world.check()
        finally:
            world.end()


@contextmanager
def _small() -> Iterator[None]:
    """Have snapshots, entries and what is read at a time be small, and chance be the same."""
    numbers = count(1)

    def ids(byte_count: int) -> str:
        return f"id-{next(numbers)}"

    state = global_random.getstate()
    global_random.seed(0)
    with (
        mock.patch.multiple(open_rooms, _SNAPSHOT_BYTES=500, _LEFT_SNAPSHOT_BYTES=0),
        mock.patch.multiple(open_rooms, _ENTRIES_AT_ONCE=3, _PIECES_AT_ONCE=1),
        mock.patch.object(snapshot, "PIECE_BYTES", 150),
        mock.patch.object(sequencer, "_BATCH_COUNT", 3),
        mock.patch("secrets.token_hex", ids),
        mock.patch("secrets.token_urlsafe", ids),
    ):
        try:
            yield
        finally:
            global_random.setstate(state)


@contextmanager
def _no_errors() -> Iterator[None]:
    """Raise what the servers log as an error that nobody foresaw."""
    errors: list[BaseException] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.exc_info is not None and record.exc_info[1] is not None:
                errors.append(record.exc_info[1])

    log, handler = logging.getLogger("driftdb_jupyter"), Handler(logging.ERROR)
    log.addHandler(handler)
    propagates, log.propagate = log.propagate, False
    try:
        yield
        if errors:
            raise errors[0]
    finally:
        log.removeHandler(handler)
        log.propagate = propagates


class World:
    """Moved by :meth:`do`."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.clock_offset = 0.0
        self.redis = Redis(self._redis_time, {}, self._removed)
        self.stranded: dict[SteppedLoop, Redis] = {}
        """The loops of servers that another Redis than the others' is reached from."""
        self.deposed: list[Redis] = []
        self.network = Network(self._route)
        self.saved: Data = {}
        self.replica: Data = {}
        self.truth: dict[tuple[str, int], tuple[str, str]] = {}
        """The key and mark of each value that was applied, by its epoch and number."""
        self.excused: set[str] = set()
        """The marks of writes that were acknowledged, and that Redis has lost, or a deletion."""
        self.losses = 0
        """How often rooms may have had to begin another epoch."""
        self.clients = [Client(number, self._note) for number in range(CLIENTS)]
        self.servers: list[Server | None] = [None] * SERVERS
        for number in range(SERVERS):
            self._start(number)
        for number, client in enumerate(self.clients):
            client.connect(self.up[number])
        self._flow()

    @property
    def up(self) -> list[Server]:
        """The servers that run."""
        return [server for server in self.servers if server is not None]

    def do(self, action: str, number: int, pick: int) -> None:
        """Make one step."""
        server, client = self.servers[number], self.clients[number]
        wires = [wire for wire in self.network.wires if wire.is_alive]
        if action == "say":
            client.say()
        elif action == "write":
            client.write(list(KEYS)[pick % 7 % len(KEYS)])
        elif action == "flow":
            self._flow()
        elif action == "connect" and self.up:
            client.connect(self.up[pick % len(self.up)])
        elif action == "disconnect":
            client.disconnect()
        elif action == "hop" and self.up:
            client.disconnect()
            client.connect(self.up[pick % len(self.up)])
        elif action == "leave for good" and number == 0:
            if client.server is not None and pick % 2:
                client.show(True)
                self._flow()
            if client.server is not None and pick % 2:
                self._kill(self.servers.index(client.server))
            client.leave_for_good()
        elif action == "show unheard":
            client.show(not client.is_shown)
            self._flow(deaf=True)
        elif action == "show":
            client.show(pick % 3 > 0)
        elif action == "flow on":
            for wire in wires:
                wire.is_stalled = False
        elif action == "a reply is lost":
            for wire in [wire for wire in wires if wire.up][:1]:
                wire.take(1 + pick % 2)
                wire.cut()
        elif wires and action in ("Redis takes", "something arrives", "cut", "stall"):
            self._move(action, wires[(pick * 5 + number) % len(wires)], pick)
        elif "notification" in action:
            self._mistreat(action, wires, pick)
        elif action == "wait":
            self.wait((0.03, 0.1, 0.3, 1.0, 1.0, 2.0)[pick % 6])
        elif action == "wait long":
            self.wait((4, 8, 12, 30)[pick % 4])
        elif action == "start":
            self._start(number)
        elif action == "clock":
            self.clock_offset += (-100.0, -1.0, 1.0, 100.0)[pick % 4]
        elif server is not None:
            self._do_to_server(action, number, server)
        self._do_to_redis(action, number)
        self._turn()

    def _do_to_server(self, action: str, number: int, server: Server) -> None:
        if action == "kill":
            self._kill(number)
        elif action == "freeze":
            server.is_frozen = True
        elif action == "thaw":
            server.is_frozen = False
        elif action == "snapshot":
            self._write_snapshot(server)
        elif action == "late snapshot":
            self._overtake(server)
        elif action == "leave":
            server.leave()
        elif action == "delete":
            server.begin(lambda: server.broker.delete(ROOM))

    @staticmethod
    def _write_snapshot(server: Server) -> None:
        room = server.room
        if room is not None:
            server.begin(lambda: server.broker._rooms.write_snapshot(room))

    def _overtake(self, server: Server) -> None:
        """Have other servers write newer snapshots while one is on its way."""
        before = [wire for wire in self.network.wires if wire.up]
        self._write_snapshot(server)
        late = [wire for wire in self.network.wires if wire.up and wire not in before]
        for wire in late:
            wire.is_stalled = True
        self.clients[0].write("log")
        self._flow()
        for other in self.up:
            if other is not server:
                self._write_snapshot(other)
        self._flow()
        for wire in late:
            wire.is_stalled = False

    def _do_to_redis(self, action: str, number: int) -> None:
        if action == "save":
            self.saved = copy_of(self.redis.data)
        elif action == "replicate":
            self.replica = copy_of(self.redis.data)
        elif action == "restart":
            self._have_redis(copy_of(self.redis.data))
        elif action == "restart from what was saved":
            self._have_redis(copy_of(self.saved))
        elif action == "restart empty":
            self._have_redis({})
        elif action == "fail over":
            self._have_redis(copy_of(self.replica))
        elif action == "fail over for some":
            old, server = self.redis, self.servers[number]
            self.stranded.clear()
            if server is not None:
                self.stranded[server.loop] = old
            self._have_redis(copy_of(self.replica), keep=lambda wire: wire.loop in self.stranded)
        elif action == "flush":
            self._lose(self.redis.data, {})
            self.redis.data.clear()
        elif action in ("full", "not full"):
            self.redis.is_full = action == "full"

    def _move(self, action: str, wire: Wire, pick: int) -> None:
        if action == "Redis takes":
            wire.take(1 + pick % 3)
        elif action == "something arrives":
            wire.bring(1 + pick % 3)
        elif action == "cut":
            wire.cut()
        else:
            wire.is_stalled = True

    def _mistreat(self, action: str, wires: Sequence[Wire], pick: int) -> None:
        for wire in wires:
            places = [n for n, each in enumerate(wire.down) if is_message(each)]
            if not places:
                continue
            place = places[pick % len(places)]
            if action == "a notification is lost":
                del wire.down[place]
            elif action == "a notification comes twice":
                wire.down.insert(place, wire.down[place])
            else:
                other = places[(pick + 1) % len(places)]
                wire.down[place], wire.down[other] = wire.down[other], wire.down[place]
            return

    # What there is.

    def _redis_time(self) -> float:
        return self.now + self.clock_offset + 1_000_000

    def _route(self, loop: SteppedLoop) -> Redis:
        return self.stranded.get(loop, self.redis)

    def _start(self, number: int) -> None:
        if self.servers[number] is None:
            self.servers[number] = Server(
                number, self.network, monotonic=lambda: self.now, applied=self._applied
            )

    def _kill(self, number: int) -> None:
        server = self.servers[number]
        assert server is not None
        self.servers[number] = None
        self._check_errors(server)
        self.network.cut(lambda wire: wire.loop is server.loop)
        server.kill()
        self.network.cut(lambda wire: wire.loop is server.loop)

    def _have_redis(self, data: Data, *, keep: Callable[[Wire], bool] = lambda _: False) -> None:
        self._lose(self.redis.data, data)
        self.deposed.append(self.redis)
        self.redis = Redis(self._redis_time, data, self._removed)
        self.network.cut(lambda wire: not keep(wire))

    def _lose(self, before: Data, now: Data) -> None:
        """Excuse those promises that can't be kept, for Redis has lost them."""
        self.losses += 1
        self.excused |= (self._promised() | _marks(before)) - _marks(now)

    def _removed(self, data: Data, keys: Sequence[bytes]) -> None:
        """Excuse what has gone with the room."""
        if _FACTS in keys and _FACTS in data:
            self._lose(data, {})

    def _promised(self) -> set[str]:
        return {promise.mark for client in self.clients for promise in client.promises}

    def _applied(self, applied: Applied, epoch: str) -> None:
        for entry in applied.broadcast:
            self._note(epoch, applied.key, entry)

    def _note(self, epoch: str, key: str, entry: Entry) -> None:
        what = key, mark_of(entry)
        there = self.truth.setdefault((epoch, entry.seq), what)
        assert there == what, "no number is given twice in an epoch"

    @staticmethod
    def _check_errors(server: Server) -> None:
        if server.errors:
            raise server.errors[0]

    # How it goes on.

    def _turn(self) -> None:
        for server in self.up:
            server.turn()

    def _flow(self, *, deaf: bool = False) -> None:
        """Bring everything to where it belongs, but for notifications if all are ``deaf``."""
        for _ in range(1000):
            self._turn()
            if not self.network.flow(deaf=deaf):
                return
        raise AssertionError("it never comes to rest")

    def wait(self, seconds: float) -> None:
        """Let time pass; servers look around each second of it."""
        until = self.now + seconds
        while self.now < until:
            self.now = min(until, self.now + 1.0)
            for server in self.up:
                server.turn()
                if seconds >= 1:
                    server.look()
            if seconds >= 1:
                self._flow()
            for client in self.clients:
                client.retry()

    def heal(self) -> None:
        """End all faults, and let everything come to rest."""
        self.redis.is_full = False
        self._end_split()
        for server in self.up:
            server.is_frozen = False
        for number in range(SERVERS):
            self._start(number)
        for wire in self.network.wires:
            wire.is_stalled = False
        places = self._spread()
        for _ in range(60):
            for client, server in places.items():
                client.connect(server)
            self._flow()
            self.wait(1)
            if all(client.is_at_rest for client in self.clients):
                break
        else:
            raise AssertionError("it never comes to rest")
        if self.clock_offset:  # until leases end that were given before it was set back
            self.now += 200
            self.wait(1)
        self.wait(LEASE_SECONDS + GRACE_SECONDS + 5)

    def _spread(self) -> dict[Client, Server]:
        """Have each client go to a server of its own, and let those stay who have one."""
        places: dict[Client, Server] = {}
        for client in self.clients:
            if client.server is not None and client.server not in places.values():
                places[client] = client.server
            else:
                client.disconnect()
        free = [server for server in self.up if server not in places.values()]
        return places | dict(
            zip([client for client in self.clients if client not in places], free, strict=True)
        )

    def _end_split(self) -> None:
        """Have all reach one Redis; what others have taken meanwhile is lost."""
        self.stranded.clear()
        self.network.cut(lambda wire: wire.redis is not self.redis)
        for redis in self.deposed:
            self._lose(redis.data, self.redis.data)

    def check(self) -> None:
        """All servers are equal, nothing promised is lost, and no client has missed anything."""
        for server in self.up:
            self._check_errors(server)
        for client in self.clients:
            assert client.is_at_rest, "nobody is thrown out"
            assert not client.was_answered_early, "an answer comes after what it answers"
        rooms = [server.room for server in self.up if server.room is not None]
        held = [_held(room) for room in rooms]
        assert all(each == held[0] for each in held), "all servers have the same"
        room = rooms[0].room
        epochs = {epoch for epoch, _ in self.truth} | {room.epoch}
        assert len(epochs) <= 1 + self.losses, "no epoch begins without need"
        for epoch in epochs:
            told = Counter(mark for (of, _), (_, mark) in self.truth.items() if of == epoch)
            assert max(told.values(), default=1) == 1, "nothing is broadcast twice"
        marks = [mark_of(entry) for key in room.keys for entry in room.read(key)]
        assert max(Counter(marks).values(), default=1) == 1, "nothing is applied twice"
        for client in self.clients:
            for promise in client.promises:
                there = promise.mark in marks or promise.mark in self.excused
                if KEYS[promise.key] == KEYS["log"]:
                    assert there, "nothing acknowledged is lost"
                    lost = promise.mark not in marks
                    assert not lost or promise.epoch != room.epoch, "then it is another epoch"
            assert not client.refused & set(marks), "what is refused is refused everywhere"
            for life in client.lives:
                expected = [
                    (seq, mark)
                    for (epoch, seq), (key, mark) in sorted(self.truth.items())
                    if epoch == life.epoch and key == life.key and life.since < seq <= life.upto
                ]
                assert life.heard == expected, "nothing is missed, and nothing comes twice"
        expected_there = sorted(c.author.client for c in self.clients if c.is_shown)
        for server in self.up:
            if server.presence is None:
                continue  # nobody is there
            shown = sorted(author.client for author, _ in server.presence.there("people"))
            assert shown == expected_there, "who is there is there, and nobody else"

    def end(self) -> None:
        """Forget everything."""
        for number, server in enumerate(self.servers):
            if server is not None:
                self._kill(number)


def _marks(data: Data) -> set[str]:
    """Return the marks of the writes in the room's log and snapshot."""
    log, pieces = data.get(_LOG), data.get(_SNAPSHOT, [])
    entries = [] if log is None else [fields[1] for _, fields in log.entries]
    text = b" ".join([b"".join([piece[8:] for piece in pieces]), *entries])
    return {mark.decode() for mark in re.findall(rb'"(w\d+-\d+)"', text)}


def _held(sequencer: sequencer.RedisSequencer) -> Any:
    """All that has to be the same at all servers."""
    room = sequencer.room
    return (
        sequencer.number,
        sequencer.time,
        sequencer.bounds,
        sequencer.seen,
        room.epoch,
        room.seq,
        {key: [(e.seq, e.time, mark_of(e), e.author) for e in room.read(key)] for key in room.keys},
        {client: _known(producer.runs()) for client, producer in room.producers.items()},
    )


def _known(runs: Sequence[Sequence[int]]) -> dict[int, int]:
    """Return the number of each push that is known."""
    return {first + n: seq + n for first, seq, count in runs for n in range(count)}
