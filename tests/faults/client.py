"""A model client, written from the protocol alone, to check servers with.

It keeps all of part 2 that nothing be lost: ids and acks, sending again what was not acknowledged,
in order, resuming by epoch and seq, starting over where it could not be resumed. And it remembers
everything that it was told, for ``invariants.py``.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any, Literal

from ..conformance.peer import Message
from .wire import ABNORMAL, Ended, Wire

__all__ = ["Client", "Entry", "Kind", "Life", "Replica", "joined", "last_words"]

Kind = Literal["append", "append two", "replace", "relay"]
Entry = tuple[int, Any]  # seq, value
_FIRST_DELAY_SECONDS = 0.05
_LONGEST_DELAY_SECONDS = 1.0


@dataclass
class Life:
    """What was heard of a key from one start on: what the stream held, then pushes.

    ``newest`` is the n of the newest value from each client.
    """

    epoch: str
    start: list[Entry]
    pushes: list[Entry] = field(default_factory=list)
    newest: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for _, value in self.start:
            self.newest[value["by"]] = value["n"]

    def hear(self, seq: int, value: Any) -> None:
        """Note a push."""
        self.pushes.append((seq, value))
        self.newest[value["by"]] = value["n"]


@dataclass
class Replica:
    """What a client knows of a key, whose pushes are all of one kind.

    ``entries`` is what it believes that the stream holds; ``lives`` all that it heard, with a new
    one each time that it had to start over.
    """

    kind: Kind
    entries: list[Entry] = field(default_factory=list)
    lives: list[Life] = field(default_factory=list)
    seq: int = 0

    @property
    def epoch(self) -> str | None:
        """Where its numbers are from; ``None`` before it heard any."""
        return self.lives[-1].epoch if self.lives else None

    def start(self, epoch: str, entries: list[Entry]) -> None:
        """Forget everything, and begin with what the stream holds."""
        self.lives.append(Life(epoch, entries))
        self.entries = entries[:]
        self.seq = entries[-1][0] if entries else 0

    def hear(self, seq: int, value: Any) -> None:
        """Apply a push."""
        self.lives[-1].hear(seq, value)
        self.seq = seq
        if self.kind == "replace":
            self.entries = []
        if self.kind != "relay":
            self.entries.append((seq, value))


class Client:
    """A client in a room, that always comes back until it is told to stop.

    ``keys`` are those that it hears and pushes, each with the kind of its pushes. Values are
    ``{"by": name, "n": n}``, with ``n`` counting its values on that key: 1, 2, 3, … (``append two``
    pushes two of them in one message). ``cbor``: it speaks CBOR.
    ``unacknowledged``, ``acknowledged`` (with the ``seq``) and ``refused`` (with the code) are its
    pushes by their id; ``ends`` are the codes by which its connections ended, ``breaches`` what a
    server may never say, ``resumed`` how often a key was recovered.
    """

    def __init__(
        self,
        room_url: str,
        *,
        name: str,
        keys: Mapping[str, Kind],
        random: Random | None = None,
        patience_seconds: float = 2.0,
        cbor: bool = False,
    ) -> None:
        """``patience_seconds``: how long a silent connection is believed in."""
        self.cbor = cbor
        self.url = room_url
        self.name = name
        self.secret = secrets.token_urlsafe(16)
        self.replicas = {key: Replica(kind) for key, kind in keys.items()}
        self.pushes: dict[int, tuple[str, list[Any]]] = {}
        self.unacknowledged: dict[int, Message] = {}
        self.acknowledged: dict[int, int | None] = {}
        self.refused: dict[int, str] = {}
        self.counts = dict.fromkeys(keys, 0)
        self.breaches: list[str] = []
        self.ends: list[int] = []
        self.resumed = 0
        self._failure: BaseException | None = None
        self._heard_at = 0.0
        self._more = asyncio.Event()
        self._patience = patience_seconds
        self._random = random or Random(name)
        self._unanswered = set(keys)
        self._waiting: list[asyncio.Future[None]] = []
        self._wire: Wire | None = None

    @property
    def is_live(self) -> bool:
        """Whether it is connected, and was answered for all its keys."""
        return self._wire is not None and not self._unanswered

    def push(self, key: str, **more: Any) -> int:
        """Push the next value of this client on a key, or the next two; return the push's id."""
        kind = self.replicas[key].kind
        two = kind == "append two"
        first = self.counts[key] + 1
        self.counts[key] += 2 if two else 1
        numbers = range(first, self.counts[key] + 1)
        values: list[Any] = [{"by": self.name, "n": n, **more} for n in numbers]
        push_id = len(self.pushes) + 1
        self.pushes[push_id] = key, values
        self.unacknowledged[push_id] = {
            "type": "push",
            "key": key,
            "action": {"type": "append" if two else kind},
            "id": push_id,
            **({"values": values} if two else {"value": values[0]}),
        }
        self._more.set()
        return push_id

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something is true of this client; asked whenever it hears of something."""
        while not condition():
            if self._failure is not None:
                raise self._failure
            waiting = asyncio.get_running_loop().create_future()
            self._waiting.append(waiting)
            await waiting

    async def settled(self, *, in_flight: int = 0) -> None:
        """Wait until no more than so many pushes are neither acknowledged nor refused."""
        await self.until(lambda: len(self.unacknowledged) <= in_flight)

    def drop(self) -> None:
        """Lose the connection, as by a change of the network; it will be back."""
        if self._wire is not None:
            self._wire.abort()

    async def run(self) -> None:
        """Take part, for ever, coming back with full jitter."""
        limit = _FIRST_DELAY_SECONDS
        while True:
            try:
                await self._converse()
            except Ended as end:
                self.ends.append(end.code)
            if self.is_live:
                limit = _FIRST_DELAY_SECONDS
            self._wire = None
            self._tell()
            await asyncio.sleep(self._random.uniform(0, limit))
            limit = min(2 * limit, _LONGEST_DELAY_SECONDS)

    def fail(self, error: BaseException) -> None:
        """Let those who wait know why they wait in vain."""
        self._failure = error
        self._tell()

    async def _converse(self) -> None:
        self._unanswered = set(self.replicas)
        try:
            query = f"client={self.secret}" + ("&cbor=true" if self.cbor else "")
            wire = await asyncio.wait_for(Wire.open(self.url, query), self._patience)
            wire.cbor = self.cbor
        except asyncio.TimeoutError:
            raise Ended(ABNORMAL, "no answer to the handshake") from None
        self._wire = wire
        self._heard_at = asyncio.get_running_loop().time()
        for key, replica in self.replicas.items():
            wire.send({"type": "get", "key": key, "seq": replica.seq, "epoch": replica.epoch})
        helpers = [asyncio.ensure_future(work(wire)) for work in (self._speak, self._watch)]
        try:
            while True:
                message = await wire.receive()
                self._heard_at = asyncio.get_running_loop().time()
                self._hear(message)
                self._tell()
        finally:
            wire.abort()
            for helper in helpers:
                helper.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)

    async def _speak(self, wire: Wire) -> None:
        """Send what was not acknowledged, in order, and then what comes."""
        sent = 0
        while True:
            self._more.clear()
            for push_id, push in list(self.unacknowledged.items()):
                if push_id > sent:
                    wire.send(push)
                    sent = push_id
                    await wire.drain()
            await self._more.wait()

    async def _watch(self, wire: Wire) -> None:
        """Ask for signs of life, and end the connection if there is none."""
        while asyncio.get_running_loop().time() < self._heard_at + self._patience:
            await asyncio.sleep(self._patience / 4)
            wire.send({"type": "ping"})
        wire.abort()

    def _hear(self, message: Message) -> None:
        match message:
            case {"type": "push", "key": key, "value": value, "seq": seq}:
                if key in self._unanswered:
                    self.breaches.append(f"a push before the answer to its get: {message}")
                else:
                    self.replicas[key].hear(seq, value)
            case {
                "type": "init",
                "key": key,
                "data": data,
                "epoch": epoch,
                "recovered": recovered,
                "seq": seq,
            }:
                self._unanswered.discard(key)
                self._catch_up(key, [(e["seq"], e["value"]) for e in data], epoch, recovered)
                if seq < self.replicas[key].seq:
                    self.breaches.append(f"{key!r}: {seq} behind {self.replicas[key].seq}")
                self.replicas[key].seq = seq
            case {"type": "ack", "id": push_id, "seq": seq} if push_id in self.unacknowledged:
                del self.unacknowledged[push_id]
                self.acknowledged[push_id] = seq
            case {"type": "error", "id": push_id, "code": code} if push_id in self.unacknowledged:
                del self.unacknowledged[push_id]
                self.refused[push_id] = code
            case {"type": "pong" | "stream_size"}:
                pass
            case _:
                self.breaches.append(f"not expected by {self.name}: {message}")

    def _catch_up(self, key: str, entries: list[Entry], epoch: str, recovered: bool) -> None:
        replica = self.replicas[key]
        if not recovered:
            replica.start(epoch, entries)
        elif epoch != replica.epoch:
            self.breaches.append(f"{key!r} recovered from {replica.epoch} into {epoch}")
        else:
            self.resumed += 1
            for entry in entries:
                replica.hear(*entry)

    def _tell(self) -> None:
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)


@asynccontextmanager
async def joined(*clients: Client) -> AsyncIterator[None]:
    """Let clients take part; what one of them fails with is raised where it is waited for."""

    async def run(client: Client) -> None:
        try:
            await client.run()
        except Exception as error:
            client.fail(error)
            raise

    tasks = [asyncio.ensure_future(run(client)) for client in clients]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    for end in ended:
        if isinstance(end, Exception):
            raise end


async def last_words(*clients: Client) -> None:
    """Let every client push once more on each key, and wait until all of them have heard it.

    Behind them every replica is complete, that of a key whose pushes are relayed too. A round
    before tells that each has come back: one that doesn't know yet that its connection is broken
    seems live, and would miss the last words of the others for good if it was away for too long.
    """
    for _ in ("all are back", "last words"):
        for client in clients:
            for key in client.replicas:
                client.push(key)
        for client in clients:
            await client.until(lambda c=client: c.is_live and not c.unacknowledged)  # type: ignore[misc]
    for client in clients:
        for key, replica in client.replicas.items():
            said = {other.name: other.counts[key] for other in clients}
            await client.until(
                lambda r=replica, s=said: s.items() <= r.lives[-1].newest.items()  # type: ignore[misc]
            )
