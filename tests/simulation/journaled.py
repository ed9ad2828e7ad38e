"""A server whose room is kept by the real broker, in a real file."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal
from unittest.mock import patch

from driftdb_jupyter.broker.broker import NOBODY, Pusher, Sequencer
from driftdb_jupyter.broker.file import threads
from driftdb_jupyter.broker.file.batch import Batch
from driftdb_jupyter.broker.file.journal import Mode
from driftdb_jupyter.broker.journaled.broker import JournalBroker
from driftdb_jupyter.protocol.entry import Author
from driftdb_jupyter.protocol.errors import Refusal, Unavailable
from driftdb_jupyter.protocol.limits import Limits
from driftdb_jupyter.protocol.messages import Action, Append, Push, Relay
from driftdb_jupyter.protocol.value import Value
from driftdb_jupyter.rooms.dump import dump, load
from driftdb_jupyter.rooms.room import Applied, Room

from .loop import Inline, SteppedLoop
from .server import WINDOW, PlantedError, Record, Server, tokens

__all__ = ["Durability", "JournaledServer", "serving"]

Durability = Literal["memory", "batched", "journal, batched", "journal, synced"]


@contextmanager
def serving(durability: Durability) -> Iterator[Server]:
    """A server, of which nothing is left in the end."""
    if durability == "memory" or durability == "batched":
        yield Server(batched=durability == "batched")
        return
    with TemporaryDirectory() as folder:
        mode: Mode = "synced" if durability == "journal, synced" else "batched"
        server = JournaledServer(Path(folder), mode=mode)
        try:
            yield server
        finally:
            server.end()


class _NotingPusher:
    """A peer, and the server that notes what it is answered."""

    def __init__(self, server: JournaledServer, pusher: Pusher, record: Record) -> None:
        self._server = server
        self._pusher = pusher
        self._record = record

    @property
    def client(self) -> str | None:
        return self._pusher.client

    @property
    def author(self) -> Author | None:
        return self._pusher.author

    @property
    def hears_all(self) -> bool:
        return self._pusher.hears_all

    def answer(self, push: Push, outcome: Applied | Refusal) -> None:
        self._server.relays_waiting.discard(id(self._record))
        self._server.note(self._record)
        if self._server.failing_answers:
            self._server.failing_answers -= 1
            self._server.drop(self.client)
            raise PlantedError
        if isinstance(outcome, Applied):
            self._server.acknowledge(push)
        self._pusher.answer(push, outcome)


class _Audience:
    """What hears the broker for a server."""

    def __init__(self, server: JournaledServer) -> None:
        self._server = server

    def broadcast(self, applied: Applied) -> None:
        self._server.broadcast(applied)

    def access_changed(self) -> None:
        pass

    def deleted(self) -> None:
        self._server.gone = True

    def reset(self) -> None:
        self._server.disconnect(politely=False)

    def out_of_service(self) -> None:
        self._server.broke()


class _Elsewhere:
    """A writer in another room of the same broker, whose pushes share their commits with others'.

    It sends again what was not acknowledged whenever it comes back.
    """

    client = "elsewhere"
    author = None
    hears_all = False

    def __init__(self) -> None:
        self.count = 0
        self.unacknowledged: dict[int, Push] = {}
        self.acknowledged: set[int] = set()
        self._sequencer: Sequencer

    def come(self, sequencer: Sequencer) -> None:
        self._sequencer = sequencer
        sequencer.joined(self.client)
        for push in list(self.unacknowledged.values()):
            self._send(push)

    def write(self) -> None:
        self.count += 1
        self.unacknowledged[self.count] = push = Push("k", Append(), id=self.count)
        self._send(push)

    def answer(self, push: Push, outcome: Applied | Refusal) -> None:
        assert push.id is not None
        if isinstance(outcome, Applied):
            self.acknowledged.add(push.id)
            self.unacknowledged.pop(push.id, None)

    def check(self) -> None:
        held = [bytes(entry.value.as_json()) for entry in self._sequencer.room.read("k")]
        numbers = [int(value) for value in held]
        assert len(numbers) == len(set(numbers)), "elsewhere: no push is applied twice"
        assert self.acknowledged <= set(numbers), "elsewhere: no acknowledged push is lost"

    def _send(self, push: Push) -> None:
        self._sequencer.push(push, [Value.from_json(b"%d" % (push.id or 0))], self)


class JournaledServer(Server):
    """One room at a broker with a journal, whose thread is moved in steps like all else.

    What it wrote is read again after every end, of whatever kind. ``journal`` is not what it comes
    back from, but what of the pushes must be there.
    """

    def __init__(self, folder: Path, *, mode: Mode) -> None:
        super().__init__(batched=True)
        self._folder = folder
        self._mode: Mode = mode
        self._loop = SteppedLoop(lambda: self.now)
        self._broker: JournalBroker
        self._sequencer: Sequencer
        self._given: list[Record] = []
        self._actions: dict[str, set[type[Action]]] = defaultdict(set)
        self._applied: Applied | None = None
        self.gone = False
        self.relays_waiting: set[int] = set()
        """The relays that were not answered yet, by the identity of their record."""
        self._held: dict[str, object] | None = None
        self._elsewhere = _Elsewhere()
        self._exported: tuple[list[bytes], list[Record]] | None = None
        self._open_broker = False
        self._ended_well = True
        self._disk_full = False
        self._loop.run()
        self.running = False
        self.start()

    def end(self) -> None:
        """Let go of everything."""
        if self._open_broker:
            self._kill()
        self._loop.forsake()

    def push(self, push: Push, values: Sequence[Value], pusher: Pusher) -> bool:
        """Give a push to the broker."""
        if self.refuses(push, values, pusher):
            return False
        record = Record(push, values, pusher.client, pusher.author, self.now)
        self._given.append(record)
        if isinstance(push.action, Relay):
            self.relays_waiting.add(id(record))
        self._actions[push.key].add(type(push.action))
        waits = self._sequencer.push(push, values, _NotingPusher(self, pusher, record))
        self.note(record)
        return waits

    def joined(self, client: str) -> None:
        """Tell the broker that a client has come."""
        self._sequencer.joined(client)

    def left(self, client: str) -> None:
        """Tell the broker that a client has gone."""
        self._sequencer.left(client)

    def broadcast(self, applied: Applied) -> None:
        """Hear of a push from the broker."""
        self._applied = applied
        self.broadcasts[self.room.epoch, applied.key] += [each.seq for each in applied.broadcast]
        self.hosted.broadcast(applied)

    def note(self, record: Record) -> None:
        """Note that a push was broadcast, if one was since the last call."""
        applied, self._applied = self._applied, None
        if applied is not None:
            self.keep(record, applied)

    def commit(self) -> None:
        """Let the broker or its thread do one thing."""
        self._loop.step()
        self.flusher.flush()
        if self.running and self._broker.failing is not None:
            assert not self.relays_waiting, "no relay waits for a disk that is full"

    def drop(self, client: str | None) -> None:
        """Cut the connections of a client."""
        for link in self.links:
            if link.peer.client == client:
                link.cut()

    def set_disk(self, *, full: bool) -> None:
        """Have nothing more written, or everything again."""
        self._disk_full = full
        self._broker._threads.journal._connection.execute(f"PRAGMA query_only={int(full)}")

    def stop(self, *, loses: str, politely: bool) -> None:
        """End; loses ``nothing``, what was not written (``tail``), or ``everything``."""
        self.disconnect(politely=politely)
        self._ended_well = loses == "nothing"
        self.breaking = False
        if loses == "nothing":
            held = None
            if politely:  # otherwise pushes wait for the disk when the room is left
                self._loop.complete(self._broker._committer.wait_until_written())
                held = _held(self.room)
            self._loop.complete(self._broker.close())
            self._open_broker = False
            self._loop.forget()
            self._ended_well = not self._broker.loses
            self._held = held if self._ended_well else None
        else:
            self._kill()
        if not self._ended_well:
            # It has no ids: what it holds and the crash took back would be there twice.
            self._exported = None
        if loses == "everything":
            self._held = None
            for path in self._folder.iterdir():
                path.unlink()
            self.lost |= self.acknowledged
            self.acknowledged.clear()
            self.journal.clear()
            self._given.clear()
            self._elsewhere = _Elsewhere()

    def start(self) -> None:
        """Come back with what the file holds."""
        if self.running:
            return
        if not self._open_broker:
            self._open()
        try:
            self._join()
        except Unavailable:  # the room is out of service for a while
            return
        self.running = True

    def expire(self) -> None:
        """Forget the rooms that nobody used for a while; those here are in use."""
        self._loop.complete(self._broker.expire(room_seconds=100, client_seconds=1e9))
        assert not self.gone, "a room in use does not expire"

    def broke(self) -> None:
        """The room is out of service; what was taken last may be lost."""
        self.breaking = self._ended_well = False
        self._exported = None
        self.disconnect(politely=False)

    def write_elsewhere(self) -> None:
        """Push to another room."""
        if self._open_broker:
            self._elsewhere.write()

    def check_elsewhere(self) -> None:
        """Whether the other room holds what it promised."""
        self._elsewhere.check()

    def export(self) -> None:
        """Take a copy of the room, as it is shown."""
        self._exported = list(dump("simulated", self.room, limits=Limits())), self.journal[:]

    def replace(self) -> None:
        """Put the copy in the place of the room: what was pushed since is gone for good."""
        if self._exported is None:
            return
        lines, records = self._exported
        room = Room(epoch="copied", window_limits=WINDOW)
        load(room, lines, limits=Limits())
        try:
            self._loop.complete(self._broker.replace("simulated", room))
        except Unavailable:  # the room stays as it is
            return
        assert not self.running, "who is in a room hears that it was replaced"
        kept = {mark for record in records for mark in _marks(record.values)}
        given = {mark for record in self._given for mark in _marks(record.values)}
        self.wiped |= given - kept
        self.journal, self._given = records[:], records[:]
        self._ended_well = True
        self.start()

    def applied(self) -> Iterable[str]:
        """The marks of all writes that the room has taken: of appends, those that it holds."""
        marks = list(super().applied())
        for key, actions in self._actions.items():
            # A reducer's snapshots hold all again; what is trimmed is not all.
            if actions == {Append} and key not in ("reducer", "newest", "trimmed by others"):
                noted = {m for r in self._given if r.push.key == key for m in _marks(r.values)}
                marks = [mark for mark in marks if mark not in noted]
                marks += _marks([entry.value for entry in self.room.read(key)])
        return marks

    def _open(self) -> None:
        self._disk_full = False
        self.failing_commits, self.failing_answers, self.breaking = 0, 0, False
        with patch.object(threads, "ThreadPoolExecutor", Inline):
            self._broker = JournalBroker(
                str(self._folder / "rooms.db"),
                mode=self._mode,
                window_limits=WINDOW,
                clock=lambda: self.now,
                monotonic=lambda: self.now,
            )
        self._open_broker = True
        commit = self._broker._threads.journal.commit

        def fail_or_commit(batches: Sequence[Batch]) -> None:
            if self.failing_commits:
                self.failing_commits -= 1
                raise sqlite3.OperationalError("planted")
            if self.breaking and any(batch.room == self._number for batch in batches):
                raise sqlite3.IntegrityError("planted")
            commit(batches)

        self._broker._threads.journal.commit = fail_or_commit  # type: ignore[method-assign]
        for name in ("simulated", "elsewhere"):
            self._loop.complete(self._broker.create(name))
        elsewhere = self._loop.complete(self._broker.open("elsewhere", NOBODY))
        assert elsewhere is not None
        self._elsewhere.come(elsewhere)

    def _join(self) -> None:
        """Open the room."""
        sequencer = self._loop.complete(self._broker.open("simulated", _Audience(self)))
        assert sequencer is not None
        self._sequencer = sequencer
        self._number = sequencer.rows.number
        self.room = sequencer.room
        self.relays_waiting.clear()
        held, self._held = self._held, None
        assert held is None or _held(self.room) == held, "a room is read as it was written"
        broadcast = {(record.client, record.push.id): record for record in self.journal}
        given = {(record.client, record.push.id): record for record in self._given}
        if not self._ended_well:
            for name in [name for name in broadcast if not self._knows(*name)]:
                record = broadcast.pop(name)
                if isinstance(record.push.action, Relay):  # it may be broadcast once more
                    self.lost.update(_marks(record.values))
            self.acknowledged -= self.lost
        self.journal = [
            record for name, record in given.items() if name in broadcast or self._knows(*name)
        ]
        for key in self.room.keys:  # what was written, but not broadcast any more
            known = self.broadcasts[self.room.epoch, key]
            known[:] = sorted({*known, *(entry.seq for entry in self.room.read(key))})
        self.hosted = self._host()

    def _knows(self, client: str | None, push_id: int | None) -> bool:
        assert client is not None
        assert push_id is not None
        return client in self.producers and self.producers.get(client).knows(push_id)

    def _kill(self) -> None:
        self._loop.forget()
        self._open_broker = False
        self._broker._threads.close_now()


def _held(room: Room) -> dict[str, object]:
    return {
        key: [(entry.seq, bytes(entry.value.as_json())) for entry in room.read(key)]
        for key in sorted(room.keys)
    }


def _marks(values: Iterable[Value]) -> list[str]:
    return [mark for value in values for mark in tokens(bytes(value.as_json()))]
