"""A client that goes from server to server, and notes what it hears and is promised."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from msgspec import Raw, Struct

from driftdb_jupyter.broker.redis.sequencer import RedisSequencer
from driftdb_jupyter.protocol.entry import Author, Entry
from driftdb_jupyter.protocol.errors import Conflict, QuotaExceeded, Refusal
from driftdb_jupyter.protocol.messages import Action, Append, Push, Relay, Replace
from driftdb_jupyter.protocol.value import Value
from driftdb_jupyter.rooms.room import Applied

from .server import WINDOW, Server

__all__ = ["KEYS", "Client", "Heard", "Life", "Promise", "mark_of"]

KEYS: dict[str, Action] = {
    "log": Append(),
    "relay": Relay(),
    "state": Replace(),
    "more": Append(),
    "too many": Append(),
}
_IN_FLIGHT = 12


class Heard(NamedTuple):
    """A value that was broadcast, by the mark of the write that it is of."""

    seq: int
    mark: str


class Life(Struct):
    """What a client knows of a key: from a start on, until it has to start over.

    ``upto``: the newest number that it has nothing missing before; ``held``: what it was given at
    its start.
    """

    key: str
    epoch: str
    since: int
    upto: int
    held: list[str]
    heard: list[Heard]


class Promise(NamedTuple):
    """A write that was acknowledged, and in which epoch."""

    mark: str
    key: str
    epoch: str


class Written(NamedTuple):
    """A write that nobody has acknowledged yet."""

    key: str
    mark: str


def mark_of(entry: Entry) -> str:
    """Return the mark of the write that a value is of."""
    return bytes(entry.value.as_json()).decode().strip('"')


class Client:
    """One client, with one connection at a time.

    ``note`` is called with each value that it was given, its epoch and its key.
    """

    def __init__(self, number: int, note: Callable[[str, str, Entry], None]) -> None:
        self.note = note
        self.secret = f"secret-{number}"
        self.author = Author(f"client-{number}", None)
        self.pending: dict[int, Written] = {}
        self.promises: list[Promise] = []
        self.refused: set[str] = set()
        self.lives: list[Life] = []
        self.current: dict[str, Life] = {}
        self.server: Server | None = None
        self.is_shown = self.has_shown = self.is_gone = self.was_answered_early = False
        self._connection: Connection | None = None
        self._number = number
        self._last_id = self._said = 0

    @property
    def is_connected(self) -> bool:
        """Whether it is in the room."""
        return self._connection is not None and self._connection.room is not None

    @property
    def is_at_rest(self) -> bool:
        """Whether all that it wrote is answered, and it may hear of more, unless it has gone."""
        return self.is_gone or (self.is_connected and not self.pending)

    def connect(self, server: Server) -> None:
        """Come to a server, unless it is at one."""
        if self._connection is None and not self.is_gone:
            self.server = server
            self._connection = Connection(self)
            server.connect(self._connection)

    def disconnect(self) -> None:
        """Leave the server."""
        connection, server = self._connection, self.server
        self.lost(connection)
        if connection is not None and server is not None:
            server.disconnect(connection)

    def leave_for_good(self) -> None:
        """Leave, and never come back."""
        self.is_gone = True
        self.is_shown = False
        self.disconnect()

    def lost(self, connection: Connection | None) -> None:
        """Note that the connection has ended."""
        if connection is self._connection:
            self._connection = self.server = None

    def say(self) -> None:
        """Write something that nobody acknowledges, and that is lost if it doesn't arrive."""
        connection = self._connection
        if connection is not None and connection.room is not None:
            self._said += 1
            connection.push("relay", f"w{self._number}-{1000 + self._said}", None)

    def write(self, key: str) -> None:
        """Write something of its own, now or once it is connected."""
        if len(self.pending) < _IN_FLIGHT:
            self._last_id += 1
            self.pending[self._last_id] = Written(key, f"w{self._number}-{self._last_id}")
            if self._connection is not None and self._connection.room is not None:
                self._connection.send(self._last_id)

    def retry(self) -> None:
        """Send again what was refused for now."""
        if self._connection is not None:
            self._connection.retry()

    def show(self, shown: bool) -> None:
        """Be there, or no more."""
        connection, server = self._connection, self.server
        if connection is None or connection.room is None or server is None:
            return
        presence = server.presence
        assert presence is not None
        self.has_shown, self.is_shown = True, shown
        if shown:
            value = Value.from_json(Raw(b'"here"'))
            server.turn(lambda: presence.set("people", self.author, value))
        else:
            server.turn(lambda: presence.withdraw("people", self.author.client))


class Connection:
    """One connection of a client, and the sender of what it writes over it."""

    hears_all = True

    def __init__(self, client: Client) -> None:
        self.is_alive = True
        self.client = client.secret
        self.author = client.author
        self.room: RedisSequencer | None = None
        self.retries: list[int] = []
        self._client = client

    def opened(self, room: RedisSequencer) -> None:
        client = self._client
        assert client.server is not None
        lives = list(client.current.values())
        behind = room.behind(lives[0].epoch, max(life.upto for life in lives)) if lives else None
        if behind is None:
            self._go_on(room)
        else:
            client.server.begin(lambda: self._go_on_later(room, behind))

    async def _go_on_later(self, room: RedisSequencer, behind: Awaitable[bool]) -> None:
        reached = await behind
        if self.is_alive:
            self._go_on(room, reached=reached)

    def _go_on(self, room: RedisSequencer, *, reached: bool = True) -> None:
        self.room = room
        for key in KEYS:
            self._resume(key, room, must_recover=reached)
        for push_id in list(self._client.pending):
            self.send(push_id)
        if self._client.has_shown:
            self._client.show(self._client.is_shown)

    def _resume(self, key: str, sequencer: RedisSequencer, *, must_recover: bool) -> None:
        client, room = self._client, sequencer.room
        life = client.current.get(key)
        epoch, above = ("", 0) if life is None else (life.epoch, life.upto)
        found = room.recover(key, epoch=epoch, above=above)
        entries = [entry for entries in found.lists for entry in entries]
        if life is not None and found.recovered:
            life.heard += [Heard(entry.seq, mark_of(entry)) for entry in entries]
            for entry in entries:
                client.note(epoch, key, entry)
            life.upto = room.seq
            return
        covered = room.seq - above <= WINDOW.count // 2
        if must_recover and covered:
            assert life is None or epoch != room.epoch, "the window covers it"
        held = [mark_of(entry) for entry in entries]
        client.current[key] = Life(key, room.epoch, room.seq, room.seq, held, [])
        client.lives.append(client.current[key])

    def send(self, push_id: int) -> None:
        """Push what is pending."""
        key, mark = self._client.pending[push_id]
        self.push(key, mark, push_id)

    def push(self, key: str, mark: str, push_id: int | None) -> None:
        """Push something; without an id nobody hears what becomes of it."""
        raw = Raw(b'"%s"' % mark.encode())
        push = Push(key, KEYS[key], raw, id=push_id)
        room, server = self.room, self._client.server
        assert room is not None
        assert server is not None
        server.turn(lambda: room.push(push, [Value.from_json(raw)], self))

    def retry(self) -> None:
        retries, self.retries = self.retries, []
        for push_id in retries:
            if push_id in self._client.pending:
                self.send(push_id)

    def hear(self, applied: Applied, epoch: str) -> None:
        if not self.is_alive or self.room is None:
            return
        life = self._client.current[applied.key]
        assert life.epoch == epoch, "no epoch changes unnoticed"
        for entry in applied.broadcast:
            assert entry.seq > life.upto, "nothing is heard twice"
            life.heard.append(Heard(entry.seq, mark_of(entry)))
        for each in self._client.current.values():
            each.upto = max([each.upto, *(entry.seq for entry in applied.broadcast)])

    def answer(self, push: Push, outcome: Applied | Refusal) -> None:
        client, room = self._client, self.room
        if not self.is_alive or push.id is None or push.id not in client.pending:
            return
        assert room is not None
        if isinstance(outcome, Applied):
            key, mark = client.pending.pop(push.id)
            life = client.current[key]
            if outcome.seq is not None and outcome.seq > life.upto:
                client.was_answered_early = True
            client.promises.append(Promise(mark, key, room.room.epoch))
        elif isinstance(outcome, (QuotaExceeded, Conflict)):
            client.refused.add(client.pending.pop(push.id).mark)
        else:
            self.retries.append(push.id)

    def closed(self) -> None:
        self._client.lost(self)
