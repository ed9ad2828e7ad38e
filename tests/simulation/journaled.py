"""A server whose room is kept by the real broker, in a real file."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal
from unittest.mock import patch

from driftdb_jupyter.broker import threads
from driftdb_jupyter.broker.broker import Pusher, Sequencer
from driftdb_jupyter.broker.journal import Mode
from driftdb_jupyter.broker.journaled import JournalBroker
from driftdb_jupyter.protocol.entry import Author
from driftdb_jupyter.protocol.errors import Refusal
from driftdb_jupyter.protocol.messages import Action, Append, Push, Relay
from driftdb_jupyter.protocol.value import Value
from driftdb_jupyter.rooms.room import Applied

from .loop import Inline, SteppedLoop
from .server import WINDOW, Record, Server, tokens

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
        self._server.note(self._record)
        if isinstance(outcome, Applied):
            self._server.acknowledge(push)
        self._pusher.answer(push, outcome)


class _Audience:
    """What hears the broker for a server."""

    def __init__(self, server: JournaledServer) -> None:
        self._server = server

    def broadcast(self, applied: Applied) -> None:
        self._server.broadcast(applied)

    def deleted(self) -> None:
        raise AssertionError("the room was deleted")

    def reset(self) -> None:
        raise AssertionError("the room was replaced")

    def out_of_service(self) -> None:
        raise AssertionError("the room is out of service")


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
        self._ended_well = True
        self._disk_full = False
        self._loop.run()
        self._open()

    def end(self) -> None:
        """Let go of everything."""
        if self.running:
            self._kill()
        self._loop.forsake()

    def push(self, push: Push, values: Sequence[Value], pusher: Pusher) -> bool:
        """Give a push to the broker."""
        if self.refuses(push, values, pusher):
            return False
        record = Record(push, values, pusher.client, pusher.author, self.now)
        self._given.append(record)
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

    def set_disk(self, *, full: bool) -> None:
        """Have nothing more written, or everything again."""
        self._disk_full = full
        self._broker._threads.journal._connection.execute(f"PRAGMA query_only={int(full)}")

    def stop(self, *, loses: str, politely: bool) -> None:
        """End; loses ``nothing``, what was not written (``tail``), or ``everything``."""
        self.disconnect(politely=politely)
        self._ended_well = loses == "nothing"
        if loses == "nothing":
            self._loop.complete(self._broker.close())
            self._loop.forget()
            self._ended_well = not self._disk_full
        else:
            self._kill()
        if loses == "everything":
            for path in self._folder.iterdir():
                path.unlink()
            self.lost |= self.acknowledged
            self.acknowledged.clear()
            self.journal.clear()
            self._given.clear()

    def start(self) -> None:
        """Come back with what the file holds."""
        if not self.running:
            self._open()
            self.running = True

    def applied(self) -> Iterable[str]:
        """The marks of all writes that the room has taken: of appends, those that it holds."""
        marks = list(super().applied())
        for key, actions in self._actions.items():
            if actions == {Append} and key != "reducer":  # whose snapshots hold all again
                noted = {m for r in self._given if r.push.key == key for m in _marks(r.values)}
                marks = [mark for mark in marks if mark not in noted]
                marks += _marks([entry.value for entry in self.room.read(key)])
        return marks

    def _open(self) -> None:
        self._disk_full = False
        with patch.object(threads, "ThreadPoolExecutor", Inline):
            self._broker = JournalBroker(
                str(self._folder / "rooms.db"),
                mode=self._mode,
                window_limits=WINDOW,
                clock=lambda: self.now,
            )
        self._loop.complete(self._broker.create("simulated"))
        sequencer = self._loop.complete(self._broker.open("simulated", _Audience(self)))
        assert sequencer is not None
        self._sequencer = sequencer
        self.room = sequencer.room
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
        self._broker._threads.close_now()


def _marks(values: Iterable[Value]) -> list[str]:
    return [mark for value in values for mark in tokens(bytes(value.as_json()))]
