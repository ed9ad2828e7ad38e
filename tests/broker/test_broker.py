"""The contract that every broker passes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec import Raw

from driftdb_jupyter.broker.broker import Broker, Sequencer
from driftdb_jupyter.broker.memory import MemoryBroker
from driftdb_jupyter.protocol.errors import Conflict, QuotaExceeded, Refusal
from driftdb_jupyter.protocol.messages import Append, Push, Relay
from driftdb_jupyter.protocol.value import Value
from driftdb_jupyter.rooms.room import Applied

MakeBroker = Callable[..., Broker]


class Record:
    """Hears everything, as an audience and as a pusher, and keeps it in order."""

    client: str | None = None
    author = None

    def __init__(self) -> None:
        self.heard: list[tuple[str, object]] = []

    def broadcast(self, applied: Applied) -> None:
        self.heard += [("broadcast", entry.seq) for entry in applied.broadcast]

    def answer(self, push: Push, outcome: Applied | Refusal) -> None:
        what = outcome.seq if isinstance(outcome, Applied) else type(outcome)
        self.heard.append(("answer", what))


@pytest.fixture(params=[MemoryBroker], ids=["memory"])
def make_broker(request: pytest.FixtureRequest) -> MakeBroker:
    make: MakeBroker = request.param
    return make


def push(sequencer: Sequencer, pusher: Record, *, if_seq: int | None = None) -> None:
    raw = Raw(b"1")
    action = Relay() if if_seq is None else Append()
    sequencer.push(Push("k", action, raw, if_seq=if_seq), [Value.from_json(raw)], pusher)


async def opened(broker: Broker, record: Record) -> Sequencer:
    await broker.create("room")
    sequencer = await broker.open("room", record)
    assert sequencer is not None
    return sequencer


@pytest.mark.asyncio
async def test_a_room_is_there_once_it_was_created(make_broker: MakeBroker) -> None:
    broker = make_broker()
    assert await broker.open("room", Record()) is None
    await broker.create("room")
    assert await broker.open("room", Record()) is not None
    assert await broker.open("other", Record()) is None


@pytest.mark.asyncio
async def test_creating_a_room_again_leaves_it_as_it_is(make_broker: MakeBroker) -> None:
    broker = make_broker()
    sequencer = await opened(broker, Record())
    push(sequencer, Record())
    await broker.create("room")
    again = await broker.open("room", Record())
    assert again is not None
    assert again.room.seq == 1


@pytest.mark.asyncio
async def test_the_audience_hears_a_push_before_the_pusher_is_answered(
    make_broker: MakeBroker,
) -> None:
    record = Record()
    sequencer = await opened(make_broker(), record)
    push(sequencer, record)
    push(sequencer, record)
    assert record.heard == [("broadcast", 1), ("answer", 1), ("broadcast", 2), ("answer", 2)]


@pytest.mark.asyncio
async def test_a_refusal_is_for_the_pusher_alone(make_broker: MakeBroker) -> None:
    audience, pusher = Record(), Record()
    sequencer = await opened(make_broker(), audience)
    push(sequencer, pusher, if_seq=5)
    assert audience.heard == []
    assert pusher.heard == [("answer", Conflict)]


@pytest.mark.asyncio
async def test_there_are_no_more_rooms_than_allowed(make_broker: MakeBroker) -> None:
    broker = make_broker(room_limit=1)
    await broker.create("a")
    with pytest.raises(QuotaExceeded, match="at most 1 rooms"):
        await broker.create("b")
    await broker.create("a")
