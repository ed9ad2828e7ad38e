"""Random histories of rooms, with faults at any step: what is shown, kept and acknowledged agrees.

A broker with a real file is driven by a loop whose time, threads and order are the history's own,
so that a seed is a history, and tells all of it again.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine, Sequence
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import pytest
from msgspec import Raw

from driftdb_jupyter.broker.file import threads
from driftdb_jupyter.broker.file.batch import Batch
from driftdb_jupyter.broker.file.journal import Journal, Mode
from driftdb_jupyter.broker.journaled import draft
from driftdb_jupyter.broker.journaled.broker import JournalBroker
from driftdb_jupyter.broker.journaled.sequencer import JournaledSequencer
from driftdb_jupyter.protocol.entry import Author
from driftdb_jupyter.protocol.errors import Refusal, Unavailable
from driftdb_jupyter.protocol.messages import Action, Append, Compact, Delete, Push, Relay, Replace
from driftdb_jupyter.protocol.value import Value
from driftdb_jupyter.rooms.quota import Quota
from driftdb_jupyter.rooms.room import Applied, Room

from ..simulation.loop import Inline, SteppedLoop

ROOMS = ("a", "b", "c")
LOG = "log"  # the key to which is appended, and nothing else is done
KEYS = (LOG, "k", "é", "b\0c", "")
# The histories that once found something. In the last four a push comes to a room that is about to
# be replaced, and whose rows can't be written: the new room knows its id, and so acknowledges it.
FOUND = (1111, 1292, 1600, 1686, 2142, 3931)
QUOTA = Quota(keys=6, stream_length=60, stream_bytes=6_000, room_bytes=20_000)
PASSING: list[Callable[[], Exception]] = [
    partial(OSError, 28, "No space left on device"),
    partial(sqlite3.OperationalError, "disk I/O error"),
]
LASTING: list[Callable[[], Exception]] = [
    partial(sqlite3.IntegrityError, "NOT NULL constraint failed: entries.value"),
    partial(OverflowError, "Python int too large to convert to SQLite INTEGER"),
    partial(sqlite3.DatabaseError, "database disk image is malformed"),
]


class Sent:
    """A push that a client sends, again and again until it is answered for good."""

    def __init__(self, push: Push, values: list[Value], marks: list[str]) -> None:
        self.push = push
        self.values = values
        self.marks = marks
        self.in_flight = False
        self.number: int | None = None  # of the room that applied it


class Member:
    """A client in one room; as a pusher it notes its answers."""

    hears_all = True

    def __init__(self, room: World, client: str | None, author: Author | None) -> None:
        self.room = room
        self.client = client
        self.author = author
        self.last_id = 0
        self.pending: list[Sent] = []
        self.fails = False

    def is_known(self, sent: Sent) -> bool:
        """Return True if the room, as it is shown, knows that it has applied a push."""
        assert self.room.sequencer is not None
        if self.client is None or sent.push.id is None:
            return False
        producer = self.room.sequencer.room.producers.find(self.client)
        return producer is not None and producer.knows(sent.push.id)

    def answer(self, push: Push, outcome: Applied | Refusal) -> None:
        sent = next((each for each in self.pending if each.push is push), None)
        if sent is not None:
            sent.in_flight = False
            if not isinstance(outcome, Unavailable):
                self.pending.remove(sent)
            if isinstance(outcome, Applied):
                self.room.acknowledged(self, sent, outcome)
        if self.fails:
            self.fails = False
            raise RuntimeError("an answer fails")


class World:
    """What is known of the room of a name."""

    def __init__(self, name: str, random: Random) -> None:
        self.name = name
        self.sequencer: JournaledSequencer | None = None
        self.fails = False
        self.begin_anew(None)
        user = Value.from_json(b'{"name":"Ben"}')
        self.members = [
            Member(self, "c" * 64, Author("anna")),
            Member(self, "d" * 64, Author("ben", user)),
            Member(self, None, Author(f"nobody {random.random()}")),
        ]

    def begin_anew(self, number: int | None) -> None:
        """Expect nothing of what was in the room; ``number``: of the one that is there now."""
        self.number = number
        self.acknowledged_ids: dict[tuple[str, int], int | None] = {}
        self.acknowledged_marks: list[str] = []
        self.relay_ids: list[tuple[str, int]] = []  # since the last end that was no clean one
        self.given: dict[tuple[str, int], bytes] = {}

    def acknowledged(self, member: Member, sent: Sent, applied: Applied) -> None:
        if sent.push.id is None:
            return
        assert member.client is not None
        if isinstance(sent.push.action, Relay):
            self.relay_ids.append((member.client, sent.push.id))
        else:
            known = self.acknowledged_ids.setdefault((member.client, sent.push.id), applied.seq)
            assert known == applied.seq, "a push has two numbers"
            # What was applied to a room that was replaced then is replaced with it.
            if sent.push.key == LOG and sent.number == self.number:
                self.acknowledged_marks += sent.marks

    # As an audience.

    def broadcast(self, applied: Applied) -> None:
        if self.sequencer is not None:
            epoch = self.sequencer.room.epoch
            for entry in applied.broadcast:
                given = self.given.setdefault((epoch, entry.seq), entry.value.as_json())
                assert given == entry.value.as_json(), "a number is given twice in an epoch"
        if self.fails:
            self.fails = False
            raise RuntimeError("a broadcast fails")

    def access_changed(self) -> None:
        pass

    def deleted(self) -> None:
        self.end()

    def reset(self) -> None:
        self.end()

    def out_of_service(self) -> None:
        self.end()

    def end(self) -> None:
        """Have no connections to the room any more, for a reason that it did not choose."""
        self.sequencer = None
        self.relay_ids.clear()
        for member in self.members:
            for sent in member.pending:
                sent.in_flight = False

    def check(self, room: Room) -> None:
        """What was acknowledged is there, once."""
        for (client, push_id), seq in self.acknowledged_ids.items():
            producer = room.producers.find(client)
            assert producer is not None, "a client is forgotten"
            assert producer.seq(push_id) == seq, "the number of a push is another"
        for client, push_id in self.relay_ids:
            producer = room.producers.find(client)
            assert producer is not None, "a client is forgotten"
            assert producer.knows(push_id), "a relay is forgotten"
        marks = [mark(entry.value) for entry in room.read(LOG)]
        assert len(marks) == len(set(marks)), "a push is there twice"
        assert set(self.acknowledged_marks) <= set(marks), "an acknowledged push is lost"


class History:
    """A broker, what happens to it, and what is to be true then."""

    def __init__(self, seed: int, mode: Mode, folder: Path) -> None:
        self.random = Random(seed)
        self.mode: Mode = mode
        self.path = str(folder / "rooms.db")
        self.now = 1_000_000.0
        self.loop = SteppedLoop(lambda: self.now)
        self.tasks: list[asyncio.Task[Any]] = []
        self.ended: set[str] = set()  # the rooms that may have been deleted or replaced
        self.failing: Callable[[], Exception] | None = None
        self.poisoned: int | None = None
        self.marks = 0
        self.rooms = {name: World(name, self.random) for name in ROOMS}
        self._commit = Journal.commit

    def run(self) -> None:
        self.loop.run()
        history = self

        def commit(journal: Journal, batches: Sequence[Batch]) -> None:
            if history.failing is not None:
                raise history.failing()
            if any(batch.room == history.poisoned is not None for batch in batches):
                raise history.random.choice(LASTING)()
            history._commit(journal, batches)

        try:
            with patch.object(Journal, "commit", commit):
                self.start()
                for _ in range(self.random.randint(5, 60)):
                    self.happen()
                self.finish()
        finally:
            self.loop.forsake()

    def start(self) -> None:
        with patch.object(threads, "ThreadPoolExecutor", Inline):
            self.broker = JournalBroker(
                self.path,
                mode=self.mode,
                quota=QUOTA,
                producer_limit=2,
                clock=lambda: self.now,
                monotonic=lambda: self.now,
            )
        for name in ROOMS:
            self.open(name)

    def open(self, name: str) -> None:
        """Be in a room, which is made if need be; not if there is trouble."""
        world = self.rooms[name]
        with suppress(Unavailable):
            self.loop.complete(self.broker.create(name))
            world.sequencer = self.loop.complete(self.broker.open(name, world))
            assert world.sequencer is not None
            number = world.sequencer.rows.number
            if number != world.number:  # it is another room
                assert world.number is None or name in self.ended, "a room is gone"
                world.begin_anew(number)
                self.ended.discard(name)
            world.check(world.sequencer.room)
            for member in world.members:
                if member.client is not None:
                    world.sequencer.joined(member.client)

    def happen(self) -> None:
        what = self.random.choices(
            [
                self.push,
                self.let_time_pass,
                self.fail,
                self.heal,
                self.poison,
                self.spoil_a_callback,
                self.reopen,
                self.delete,
                self.replace,
                self.kill,
            ],
            [60, 20, 2, 3, 1, 2, 4, 1, 1, 1],
        )[0]
        what()

    def push(self) -> None:
        world = self.rooms[self.random.choice(ROOMS)]
        if world.sequencer is None:
            self.open(world.name)
            return
        member = self.random.choice(world.members)
        waiting = [sent for sent in member.pending if not sent.in_flight]
        for sent in waiting:
            self.send(world, member, sent)
        if not waiting:
            self.send(world, member, self.new_push(world, member))

    def new_push(self, world: World, member: Member) -> Sent:
        random = self.random
        assert world.sequencer is not None
        newest = world.sequencer.room.seq
        key = random.choice(KEYS)
        actions: list[Action] = [Append(), Append(max_length=random.randint(1, 3)), Replace()]
        actions += [Relay(), Delete(), Compact(random.randint(1, newest + 2))]
        action = Append() if key == LOG else random.choice(actions)
        if random.random() < 0.2:
            action = Relay()
        count = 1 if not isinstance(action, Append | Relay) else random.choice([1, 1, 1, 2, 3])
        if isinstance(action, Delete):
            count = 0
        marks = [f"m{self.marks + number}" for number in range(count)]
        self.marks += count
        cbor = random.random() < 0.4
        values = [
            Value.from_json(f'"{each}{"x" * random.choice([0, 300])}"'.encode()) for each in marks
        ]
        if cbor:
            values = [Value.from_cbor(value.as_cbor()) for value in values]
        push = Push(key, action, Raw(b"-"))
        if member.client is not None and random.random() < 0.8:
            member.last_id += random.choice([1, 1, 1, 2])
            push.id = member.last_id
        if random.random() < 0.05:
            push.if_seq = random.randint(0, newest)
        sent = Sent(push, values, marks if key == LOG and isinstance(action, Append) else [])
        if push.id is not None:
            member.pending.append(sent)
        return sent

    def send(self, world: World, member: Member, sent: Sent) -> None:
        if world.sequencer is None:
            return
        sent.in_flight = True
        if not member.is_known(sent):
            sent.number = world.number
        with suppress(RuntimeError):  # the answer's own, which is the connection's matter
            world.sequencer.push(sent.push, sent.values, member)
        if world.sequencer is None:  # which ended meanwhile
            sent.in_flight = False

    def let_time_pass(self) -> None:
        for _ in range(self.random.randint(1, 6)):
            self.now += self.random.choice([0.0, 0.002, 0.02])
            self.loop.step()
        self.look_after_tasks()

    def fail(self) -> None:
        self.failing = self.random.choice(PASSING)

    def heal(self) -> None:
        self.failing = self.poisoned = None
        self.now += 6.0
        self.settle()

    def poison(self) -> None:
        world = self.rooms[self.random.choice(ROOMS)]
        if world.sequencer is None or self.failing is not None:
            return
        self.poisoned = world.sequencer.rows.number
        for member in world.members:
            self.send(world, member, self.new_push(world, member))
        for _ in range(20):
            self.let_time_pass()
        assert self.broker.failing is None, "all rooms suffer from one"

    def spoil_a_callback(self) -> None:
        world = self.rooms[self.random.choice(ROOMS)]
        callbacks: list[World | Member] = [world, *world.members]
        self.random.choice(callbacks).fails = True

    def reopen(self) -> None:
        """Leave a room and come back: it is what it was."""
        world = self.rooms[self.random.choice(ROOMS)]
        if self.failing is not None or self.poisoned is not None:
            return
        self.settle()
        sequencer = world.sequencer
        if sequencer is None:
            return
        before = state(sequencer.room)
        for member in world.members:
            if member.client is not None:
                sequencer.left(member.client)
        self.loop.complete(self.broker.leave(world.name))
        world.sequencer = None
        assert world.name not in self.broker._rooms
        self.open(world.name)
        assert world.sequencer is not None
        assert world.sequencer is not sequencer
        assert state(world.sequencer.room) == before

    def delete(self) -> None:
        name = self.random.choice(ROOMS)
        self.begin(name, self.broker.delete(name))

    def replace(self) -> None:
        room = Room(epoch="elsewhere")
        for number in range(self.random.randint(0, 4)):
            value = Value.from_json(b'"imported %d"' % number)
            if self.random.random() < 0.5:
                value = Value.from_cbor(value.as_cbor())
            room.apply(
                Push(self.random.choice(KEYS), Append(), Raw()), [value], author=Author("carl")
            )
        name = self.random.choice(ROOMS)
        self.begin(name, self.broker.replace(name, room))

    def kill(self) -> None:
        """End as a process that is killed, and start again."""
        self.look_after_tasks()
        for task in asyncio.all_tasks(self.loop):  # type: ignore[arg-type]
            task._log_destroy_pending = False  # type: ignore[attr-defined]
            with suppress(RuntimeError):
                task.get_coro().close()
        self.tasks = []
        self.loop.forget()
        self.failing = self.poisoned = None
        self.broker._threads.close_now()
        for world in self.rooms.values():
            world.end()
        self.start()

    def begin(self, name: str, work: Coroutine[Any, Any, Any]) -> None:
        self.ended.add(name)
        self.tasks.append(self.loop.create_task(work))

    def look_after_tasks(self) -> None:
        for task in [task for task in self.tasks if task.done()]:
            self.tasks.remove(task)
            with suppress(Unavailable):
                task.result()

    def settle(self) -> None:
        """Let everything be written."""
        while self.tasks:
            self.loop.step()
            self.now += 0.01
            self.look_after_tasks()
        # What was begun while the disk was full may yet be told.
        for _ in range(3):
            if self.loop.complete(self.broker._committer.wait_until_written()) is None:
                return
        raise AssertionError(self.broker.trouble)

    def finish(self) -> None:
        self.heal()
        self.now += 100.0  # no room is out of service any more
        for world in self.rooms.values():
            if world.sequencer is None:
                self.open(world.name)
            for member in world.members:
                for sent in list(member.pending):
                    if not sent.in_flight:
                        self.send(world, member, sent)
        self.settle()
        assert self.broker.trouble is None
        states = {}
        for world in self.rooms.values():
            assert world.sequencer is not None
            assert not any(member.pending for member in world.members), "a push has no answer"
            world.check(world.sequencer.room)
            states[world.name] = state(world.sequencer.room)
        self.loop.complete(self.broker.close())
        with closing(sqlite3.connect(self.path)) as connection:
            assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
            names = connection.execute("SELECT name FROM rooms WHERE name IS NOT NULL").fetchall()
            assert sorted(names) == [(name,) for name in ROOMS]
        self.start()
        assert self.broker._count == len(ROOMS)
        for world in self.rooms.values():
            assert world.sequencer is not None
            assert state(world.sequencer.room) == states[world.name]
        self.loop.complete(self.broker.close())


def mark(value: Value) -> str:
    return value.as_json().decode().strip('"').rstrip("x")


def state(room: Room) -> object:
    entries = {
        key: [
            (each.seq, each.value.came_as_cbor, each.value.as_json(), each.time, each.author)
            for each in room.read(key)
        ]
        for key in sorted(room.keys)
    }
    return room.seq, room.byte_count, entries


@pytest.mark.parametrize("mode", ["batched", "synced"])
def test_whatever_happens_what_was_acknowledged_is_kept_once(
    mode: Mode, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draft, "_MOST_RUNS", 3)
    count = 5_000 if request.config.getoption("--long") else 40
    for seed in sorted({*range(count), *FOUND}):
        with TemporaryDirectory() as folder:
            try:
                History(seed, mode, Path(folder)).run()
            except Exception as error:
                raise AssertionError(f"history {seed} of {mode} went wrong") from error
