"""Brokers for tests, and those who listen to them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeAlias

from msgspec import Raw

from driftdb_jupyter.broker.broker import Broker, Sequencer
from driftdb_jupyter.broker.journaled.broker import JournalBroker
from driftdb_jupyter.broker.memory import MemoryBroker
from driftdb_jupyter.broker.redis.broker import RedisBroker
from driftdb_jupyter.broker.redis.connecting import RedisPlace
from driftdb_jupyter.protocol.entry import Author
from driftdb_jupyter.protocol.errors import Refusal
from driftdb_jupyter.protocol.messages import Action, Append, Push
from driftdb_jupyter.protocol.value import Value
from driftdb_jupyter.rooms.room import Applied, Room

from .redis.servers import shared_server

__all__ = ["CLIENT", "MakeBroker", "Record", "kept", "make", "opened", "push", "running"]

MakeBroker: TypeAlias = "Callable[..., Broker]"
CLIENT = "c" * 16


class Record:
    """Hears everything, as an audience and as a pusher, and keeps it in order."""

    hears_all = True

    def __init__(self, *, client: str | None = None, author: Author | None = None) -> None:
        self.client = client
        self.author = author
        self.heard: list[tuple[str, object]] = []
        self.answers: list[Applied | Refusal] = []
        self._waiting: list[tuple[int, asyncio.Event]] = []

    def broadcast(self, applied: Applied) -> None:
        self.heard += [("broadcast", entry.seq) for entry in applied.broadcast]

    def access_changed(self) -> None:
        self.heard.append(("access changed", None))

    def deleted(self) -> None:
        self.heard.append(("deleted", None))

    def reset(self) -> None:
        self.heard.append(("reset", None))

    def out_of_service(self) -> None:
        self.heard.append(("out of service", None))

    def presence_changed(self, key: str, author: Author, value: Value | None) -> None:
        text = None if value is None else bytes(value.as_json())
        self.heard.append(("gone", key) if text is None else ("present", (key, text)))

    def answer(self, push: Push, outcome: Applied | Refusal) -> None:
        what = outcome.seq if isinstance(outcome, Applied) else type(outcome)
        self.heard.append(("answer", what))
        self.answers.append(outcome)
        for count, event in self._waiting:
            if len(self.answers) >= count:
                event.set()

    async def answered(self, count: int) -> None:
        """Wait until so many pushes were answered."""
        if len(self.answers) < count:
            event = asyncio.Event()
            self._waiting.append((count, event))
            await event.wait()


def make(kind: str, folder: Path, **options: Any) -> Broker:
    """A broker of a kind (its durability), with its journal in a folder."""
    if kind == "memory":
        return MemoryBroker(**options)
    if kind == "redis":
        return RedisBroker(RedisPlace(shared_server().url), prefix=f"{folder}:", **options)
    assert kind in ("batched", "synced")
    return JournalBroker(str(folder / "rooms.db"), mode=kind, **options)  # type: ignore[arg-type]


@asynccontextmanager
async def running(broker: Broker) -> AsyncIterator[Broker]:
    """The broker, closed at the end."""
    try:
        yield broker
    finally:
        await broker.close()


async def opened(broker: Broker, record: Record, name: str = "room") -> Sequencer:
    """Take part in a room, which is made if need be."""
    await broker.create(name)
    sequencer = await broker.open(name, record)
    assert sequencer is not None
    return sequencer


def push(
    sequencer: Sequencer,
    pusher: Record,
    action: Action | None = None,
    text: str = "1",
    *,
    key: str = "k",
    push_id: int | None = None,
    if_seq: int | None = None,
    cbor: bool = False,
) -> None:
    """Push one value (JSON text, or with ``cbor`` what that is in CBOR)."""
    raw = Raw(text.encode())
    value = Value.from_json(raw)
    if cbor:
        value = Value.from_cbor(value.as_cbor())
    message = Push(key, action or Append(), raw, id=push_id, if_seq=if_seq)
    sequencer.push(message, [value], pusher)


def kept(room: Room) -> dict[str, list[tuple[int, bytes, Author | None]]]:
    """All that the streams of a room hold: numbers, JSON and authors by key."""
    return {
        key: [(e.seq, bytes(e.value.as_json()), e.author) for e in room.read(key)]
        for key in sorted(room.keys)
    }
